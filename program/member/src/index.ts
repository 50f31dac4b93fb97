/** The door of @coco/member. */
export { describeCertificate, memberName, shortId } from './describe-certificate.ts';
export { describePlan } from './describe-plan.ts';
export type { Need, ProposalTimes, RulesInForce } from './explain-proposal.ts';
export {
  explainOpen,
  explainRulesInForce,
  readProposalTimes,
  readRulesInForce,
} from './explain-proposal.ts';
export type { JsonObject, ProposalInfo, Submitted } from './governance-service.ts';
export { GovernanceService, objectOf, proposalOf } from './governance-service.ts';
export type { TableName } from './governance-state.ts';
export { readGovernanceState } from './governance-state.ts';
export {
  MemberFiles,
  readBytesFile,
  readCertificateFile,
  readEncryptionKeyFile,
  readSigningKeyFile,
  readTextFile,
  syncFolder,
  writeMemberFiles,
  writeNewFile,
} from './member-files.ts';
export { createMemberKeys } from './member-keys.ts';
export type { ActionPlan } from './plan-changes.ts';
export { planChanges, tablesOf } from './plan-changes.ts';
export type { Proposal, ProposalFlag } from './proposal.ts';
export { buildProposal, parseProposal, standardBallots } from './proposal.ts';
export {
  assertRecoveredEnough,
  type RecoveredPoint,
  readRecoveredPoint,
  type Seen,
  transactionOfReceipt,
} from './recovered-point.ts';
export type { Signer } from './signer.ts';
export { commandSigner, keySigner } from './signer.ts';
export type { MemberRequest, SignedRequest, SigningRequest } from './signing-request.ts';
export {
  encodeSigningRequest,
  finishRequest,
  parseSigningRequest,
  prepareRequest,
} from './signing-request.ts';
export type { Voter, Votes } from './votes.ts';
export { readVotes } from './votes.ts';
export { watchProposal } from './watch-proposal.ts';
