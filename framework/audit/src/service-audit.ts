/** What goes into an audit and what comes out of it. */
import type { EncryptionKey } from '@coco/crypto';
import type { AuditOptions, AuditReport } from '@coco/ledger';
import type { Finding, Gap } from './finding.ts';
import type { ReceiptToHold } from './receipt-shelf.ts';
import type { RunnerAt } from './replay-decision.ts';
import type { ProposalLife, ServiceIdentity, StoryEvent } from './story.ts';

export interface ProvenClaim {
  readonly sentence: string;
  /** Whether secrets of the ledger were needed. */
  readonly needsSecrets: boolean;
}

export interface ServiceAuditOptions extends Omit<AuditOptions, 'onBatch'> {
  /** PEM of the service that the auditor trusts; otherwise the ledger says who signed it. */
  readonly trustedService?: string;
  /** Members' private recovery keys: enough of them open the private parts for a second reading. */
  readonly recoveryKeys?: readonly EncryptionKey[];
  /** With it, each decision is run again by the constitution of its time. */
  readonly scripts?: RunnerAt;
  /** Receipts whose entries the ledger must hold. */
  readonly receipts?: readonly ReceiptToHold[];
}

export interface ServiceAudit {
  /** Whether everything that could be checked holds. */
  readonly isSound: boolean;
  readonly ledger: Omit<AuditReport, 'isSound' | 'findings' | 'unchecked'>;
  readonly findings: readonly Finding[];
  readonly gaps: readonly Gap[];
  readonly claims: readonly ProvenClaim[];
  /** Oldest first. */
  readonly identities: readonly ServiceIdentity[];
  readonly proposals: readonly ProposalLife[];
  readonly story: readonly StoryEvent[];
  /** Events beyond what a story holds. */
  readonly untoldCount: number;
  readonly requestCount: number;
  readonly snapshotCount: number;
  /** Decisions that were run again; undefined where none were to be. */
  readonly replayedCount: number | undefined;
}
