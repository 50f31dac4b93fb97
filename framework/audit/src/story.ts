/**
 * The story of a ledger's governance as typed events, in the order of the ledger. Ids are whole;
 * texts are as they stand in the ledger, long ones shortened with their digest.
 */
import type { ProposalState, RecoveryRole, ServiceStatus } from '@coco/governance';

/** When something took effect. */
export interface Moment {
  /** `view.seqno`. */
  readonly transactionId: string;
  /** Unix milliseconds of the signature that covers it, by the primary's clock. */
  readonly signedAtMs: number;
  /** The ledger's own time, where the transaction wrote it. */
  readonly ledgerMs?: number;
}

/** A member or user, by the name that their data give. */
export interface Party {
  readonly id: string;
  readonly name?: string;
}

/** A service identity as its certificate shows it. */
export interface IdentityCertificate {
  /** Hex SHA-256 of the key. */
  readonly keyId: string;
  readonly certificateId: string;
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A document of which the story keeps no copy. */
export interface DocumentChange {
  /** Hex SHA-256; undefined where there was none before. */
  readonly digestBefore: string | undefined;
  readonly digestAfter: string | undefined;
  readonly linesAdded: number;
  readonly linesRemoved: number;
}

export interface Vote {
  readonly member: Party;
  readonly isFor: boolean;
}

export interface VoteFailure {
  readonly member: Party;
  readonly reason: string;
}

/** What a recovered service says of its recovery. */
export interface DeclaredRecovery {
  /** The last signed id that it took over. */
  readonly recoveredTo: string;
  /** Whether commits may be missing behind it. */
  readonly mayLackCommits: boolean;
  /** Of how many nodes that may have voted, and of how many the ledgers were looked at. */
  readonly mayHaveVotedCount: number;
  readonly lookedAtCount: number;
}

/** What happened; `at` and `under` stand in every event. */
export type Happening =
  | {
      readonly kind: 'serviceCreated';
      readonly identity: IdentityCertificate;
      readonly memberCount: number;
      readonly recoveryThreshold: number;
    }
  | {
      readonly kind: 'serviceRecovered';
      readonly identity: IdentityCertificate;
      readonly previousKeyId: string;
      readonly recoveryCount: number;
      /** Absent where an earlier version of Coco recovered it. */
      readonly declared?: DeclaredRecovery;
    }
  | { readonly kind: 'serviceStatus'; readonly status: ServiceStatus }
  | { readonly kind: 'serviceCertificate'; readonly identity: IdentityCertificate }
  | {
      readonly kind: 'identityEndorsed';
      readonly endorsedKeyId: string;
      readonly epochBegin: string;
      readonly epochEnd?: string;
    }
  | {
      readonly kind: 'recoverySharesIssued';
      readonly holders: readonly Party[];
      readonly recoveryThreshold: number;
    }
  | { readonly kind: 'recoveryShareSubmitted'; readonly member: Party }
  | { readonly kind: 'ledgerRekeyed'; readonly nodeCount: number }
  | {
      readonly kind: 'member';
      readonly change: 'added' | 'activated' | 'acknowledged' | 'changed' | 'removed';
      readonly member: Party;
      readonly recoveryRole?: RecoveryRole;
    }
  | {
      readonly kind: 'user';
      readonly change: 'added' | 'changed' | 'removed';
      readonly user: Party;
    }
  | {
      readonly kind: 'proposed';
      readonly proposalId: string;
      readonly by: Party;
      /** By the signer's clock. */
      readonly createdAtMs: number;
      /** One line per action. */
      readonly actions: readonly string[];
    }
  | {
      readonly kind: 'voted';
      readonly proposalId: string;
      readonly by: Party;
      readonly createdAtMs: number;
      /** Hex SHA-256 of the ballot's script. */
      readonly ballotDigest: string;
    }
  | {
      readonly kind: 'withdrawn';
      readonly proposalId: string;
      readonly by: Party;
      readonly createdAtMs: number;
    }
  | {
      readonly kind: 'decided';
      readonly proposalId: string;
      readonly state: ProposalState;
      readonly votes: readonly Vote[];
      readonly failures: readonly VoteFailure[];
      readonly failure?: string;
    }
  | { readonly kind: 'constitution'; readonly document: DocumentChange }
  | { readonly kind: 'rules'; readonly document: DocumentChange }
  | {
      readonly kind: 'node';
      readonly change: 'joined' | 'trusted' | 'retired' | 'changed' | 'removed';
      readonly nodeId: string;
      /** Where members and users reach it. */
      readonly address?: string;
      readonly platform?: string;
    }
  | {
      readonly kind: 'nodeCertificate';
      readonly nodeId: string;
      readonly notBeforeMs: number;
      readonly notAfterMs: number;
    }
  | {
      /** Any other governance table. */
      readonly kind: 'setting';
      readonly table: string;
      readonly key: string;
      /** undefined: removed. */
      readonly value: string | undefined;
    };

export type StoryEvent = Happening & {
  readonly at: Moment;
  /** The accepted proposal by which it happened. */
  readonly under?: string;
};

export interface Ballot {
  readonly member: Party;
  readonly at: Moment;
  readonly createdAtMs: number;
  readonly digest: string;
  /** The script, shortened. */
  readonly script: string;
}

/** One proposal from its submission to its end. */
export interface ProposalLife {
  readonly id: string;
  readonly proposer: Party;
  readonly createdAtMs: number;
  readonly submitted: Moment;
  readonly actions: readonly string[];
  readonly bodyDigest: string;
  readonly ballots: readonly Ballot[];
  readonly state: ProposalState;
  /** When it left Open; undefined while it is open. */
  readonly ended: Moment | undefined;
  /** What ended it. */
  readonly endedBy:
    | 'submission'
    | 'ballot'
    | 'time'
    | 'withdrawal'
    | 'another proposal'
    | undefined;
  readonly votes: readonly Vote[];
  readonly failures: readonly VoteFailure[];
  /** Whether the constitution of that time gave this result again; undefined if not tried. */
  readonly isReproduced: boolean | undefined;
}

/** A service identity and the part of the ledger that it signed. */
export interface ServiceIdentity {
  /** The certificate in force last. */
  readonly certificate: IdentityCertificate;
  readonly certificatePem: string;
  readonly firstId: string;
  /** The last id that it signed. */
  readonly lastId: string;
  /** By the identity after it, or by itself where it is the first. */
  readonly isEndorsed: boolean;
  /** The accepted proposal that named it when it was opened. */
  readonly openedBy: string | undefined;
  /** Of a recovered one, what it says of its recovery. */
  readonly declared: DeclaredRecovery | undefined;
}
