/** What an audit reports: findings, each with its exact place, and gaps that it admits. */
import type { AuditFinding, AuditGap } from '@coco/ledger';

/** What does not hold about governance, beside what @coco/ledger finds about the files. */
export type GovernanceFault =
  /** A governance row does not parse, or cannot stand there. */
  | 'RowMalformed'
  /** A signed request does not parse or verify, or its signer was no member or not active. */
  | 'RequestInvalid'
  /** A signed request says something else than what was stored. */
  | 'RequestMismatch'
  /** A proposal, ballot, withdrawal or acknowledgement stands there that nobody signed. */
  | 'RequestMissing'
  /** The id of a proposal is not that of its signature and of a state that the ledger had. */
  | 'ProposalIdMismatch'
  /** The signature of a proposal was used before, or is older than the service may accept. */
  | 'ProposalReplayed'
  /** A proposal took a step that it cannot take. */
  | 'DecisionInvalid'
  /** The recorded ballots do not give the recorded result under the constitution of that time. */
  | 'DecisionNotReproduced'
  /** Governance changed, and no accepted proposal or standing rule allows it. */
  | 'ChangeUnauthorised'
  /** The endorsement of a service identity is missing or wrong. */
  | 'EndorsementInvalid'
  /** What a recovered service says of its recovery is not what the ledger shows. */
  | 'RecoveryMisstated'
  /** A node's certificate is not one that the service issued. */
  | 'CertificateNotIssued'
  /** The ledger is not of the service that the auditor trusts. */
  | 'ServiceNotTrusted'
  /** A receipt does not verify under any identity of the ledger. */
  | 'ReceiptInvalid'
  /** A receipt is of an entry that the ledger does not hold. */
  | 'ReceiptNotHeld';

export interface Finding {
  readonly code: AuditFinding['code'] | GovernanceFault;
  readonly file: string | undefined;
  readonly seqno: number | undefined;
  readonly sentence: string;
}

export type Gap = AuditGap;
