/** The door of @coco/audit. */

export type { AuditProgress } from '@coco/ledger';
export { auditService } from './audit-service.ts';
export { printable } from './describe-action.ts';
export type { Finding, Gap, GovernanceFault } from './finding.ts';
export type { ReceiptToHold } from './receipt-shelf.ts';
export type { RunnerAt } from './replay-decision.ts';
export type { ProvenClaim, ServiceAudit, ServiceAuditOptions } from './service-audit.ts';
export type {
  Ballot,
  DocumentChange,
  Happening,
  IdentityCertificate,
  Moment,
  Party,
  ProposalLife,
  ServiceIdentity,
  StoryEvent,
  Vote,
  VoteFailure,
} from './story.ts';
export type { NameOf, ToldEvent } from './tell-event.ts';
export { namesIn, partyName, shortId, tellEvent, tellVotes } from './tell-event.ts';
