/**
 * The tables of CCF that start, opening and recovery use: names, keys and rows as they stand in the
 * ledger (field names are the ledger's). docs/formats/governance-tables.md lists them.
 */
import type { JsonValue } from '@coco/base';
import type { JsonFields } from './json-fields.ts';
import {
  emptyAs,
  json,
  jsonBase64,
  jsonRow,
  jsonText,
  rawBytes,
  rawText,
  Singleton,
  Table,
} from './table.ts';

const governance = 'public:ccf.gov';
const internal = 'public:ccf.internal';

// Members and users; keys are ids: hex SHA-256 of the certificate's DER.

const memberStatuses = ['Accepted', 'Active'] as const;
type MemberStatus = (typeof memberStatuses)[number];
const recoveryRoles = ['NonParticipant', 'Participant', 'Owner'] as const;
/** A Participant holds a share of the key, an Owner the whole key. */
export type RecoveryRole = (typeof recoveryRoles)[number];

export interface MemberInfoRow {
  readonly status: MemberStatus;
  readonly member_data?: JsonValue | undefined;
  /** Absent: Participant with an encryption key, NonParticipant without. */
  readonly recovery_role?: RecoveryRole | undefined;
}

export interface MemberAckRow {
  /** Hex of a signed Merkle root; empty before the first update. */
  readonly state_digest: string;
  /** Base64 of the signed acknowledgement. */
  readonly cose_sign1_req?: string | undefined;
}

export const memberCertificates: Table<string> = new Table(`${governance}.members.certs`, rawText);
export const memberEncryptionKeys: Table<string> = new Table(
  `${governance}.members.encryption_public_keys`,
  rawText,
);
export const memberInfos: Table<MemberInfoRow> = new Table(
  `${governance}.members.info`,
  jsonRow((row) => ({
    status: row.oneOf('status', memberStatuses),
    member_data: row.json('member_data'),
    recovery_role: row.optionalOneOf('recovery_role', recoveryRoles),
  })),
);
export const memberAcks: Table<MemberAckRow> = new Table(
  `${governance}.members.acks`,
  emptyAs<MemberAckRow>(
    { state_digest: '' },
    jsonRow((row) => ({
      state_digest: row.text('state_digest'),
      cose_sign1_req: row.optionalText('cose_sign1_req'),
    })),
  ),
);
export interface UserInfoRow {
  readonly user_data?: JsonValue | undefined;
}

export const userCertificates: Table<string> = new Table(`${governance}.users.certs`, rawText);
export const userInfos: Table<UserInfoRow> = new Table(
  `${governance}.users.info`,
  jsonRow((row) => ({ user_data: row.json('user_data') })),
);

// Nodes; keys are node ids: hex SHA-256 of the node key's DER SubjectPublicKeyInfo.

const nodeStatuses = ['Pending', 'Trusted', 'Retired'] as const;
type NodeStatus = (typeof nodeStatuses)[number];

export interface QuoteInfoRow {
  readonly format: string;
  /** Base64. */
  readonly quote: string;
  /** Base64. */
  readonly endorsements: string;
  /** Base64. */
  readonly uvm_endorsements?: string | undefined;
  readonly endorsed_tcb?: string | undefined;
}

export interface NodeInfoRow {
  readonly node_to_node_interface: JsonValue;
  readonly rpc_interfaces: JsonValue;
  readonly quote_info: QuoteInfoRow;
  /** PEM of the node's RSA key. */
  readonly encryption_pub_key: string;
  readonly status: NodeStatus;
  readonly node_data?: JsonValue | undefined;
  readonly certificate_signing_request?: string | undefined;
  readonly public_key?: string | undefined;
  readonly ledger_secret_seqno?: number | undefined;
  readonly retired_committed?: boolean | undefined;
}

export const nodeInfos: Table<NodeInfoRow> = new Table(
  `${governance}.nodes.info`,
  jsonRow((row) => ({
    node_to_node_interface: row.json('node_to_node_interface') ?? {},
    rpc_interfaces: row.json('rpc_interfaces') ?? {},
    quote_info: parseQuoteInfo(row.object('quote_info')),
    encryption_pub_key: row.text('encryption_pub_key'),
    status: row.oneOf('status', nodeStatuses),
    node_data: row.json('node_data'),
    certificate_signing_request: row.optionalText('certificate_signing_request'),
    public_key: row.optionalText('public_key'),
    ledger_secret_seqno: row.optionalCount('ledger_secret_seqno'),
    retired_committed: row.optionalBoolean('retired_committed'),
  })),
);

function parseQuoteInfo(row: JsonFields): QuoteInfoRow {
  return {
    format: row.text('format'),
    quote: row.text('quote'),
    endorsements: row.text('endorsements'),
    uvm_endorsements: row.optionalText('uvm_endorsements'),
    endorsed_tcb: row.optionalText('endorsed_tcb'),
  };
}

export const nodeCertificates: Table<string> = new Table(
  `${governance}.nodes.endorsed_certificates`,
  rawText,
);
/** Measurement to "AllowedToJoin". */
export const virtualMeasurements: Table<JsonValue> = new Table(
  `${governance}.nodes.virtual.measurements`,
  json,
);
/** A set: host data in hex to 8 zero bytes. */
export const virtualHostData: Table<Uint8Array> = new Table(
  `${governance}.nodes.virtual.host_data`,
  rawBytes,
);
export const snpMeasurements: Table<JsonValue> = new Table(
  `${governance}.nodes.snp.measurements`,
  json,
);
export const snpHostData: Table<JsonValue> = new Table(`${governance}.nodes.snp.host_data`, json);
export const snpUvmEndorsements: Table<JsonValue> = new Table(
  `${governance}.nodes.snp.uvm_endorsements`,
  json,
);
export const snpTcbVersions: Table<JsonValue> = new Table(
  `${governance}.nodes.snp.tcb_versions`,
  json,
);

// The service.

const serviceStatuses = ['Opening', 'Open', 'WaitingForRecoveryShares', 'Recovering'] as const;
export type ServiceStatus = (typeof serviceStatuses)[number];

export interface ServiceInfoRow {
  /** PEM. */
  readonly cert: string;
  readonly status: ServiceStatus;
  /** Seqno of the row of this table before this one. */
  readonly previous_service_identity_version?: number | undefined;
  readonly recovery_count?: number | undefined;
  readonly service_data?: JsonValue | undefined;
  /** `view.seqno` of the first transaction under this identity. */
  readonly current_service_create_txid?: string | undefined;
}

export interface ServiceConfigRow {
  readonly recovery_threshold: number;
  readonly maximum_node_certificate_validity_days?: number | undefined;
  readonly maximum_service_certificate_validity_days?: number | undefined;
  readonly recent_cose_proposals_window_size?: number | undefined;
}

export const serviceInfo: Singleton<ServiceInfoRow> = new Singleton(
  `${governance}.service.info`,
  jsonRow((row) => ({
    cert: row.text('cert'),
    status: row.oneOf('status', serviceStatuses),
    previous_service_identity_version: row.optionalCount('previous_service_identity_version'),
    recovery_count: row.optionalCount('recovery_count'),
    service_data: row.json('service_data'),
    current_service_create_txid: row.optionalText('current_service_create_txid'),
  })),
);
export const serviceConfig: Singleton<ServiceConfigRow> = new Singleton(
  `${governance}.service.config`,
  jsonRow((row) => ({
    recovery_threshold: row.count('recovery_threshold'),
    maximum_node_certificate_validity_days: row.optionalCount(
      'maximum_node_certificate_validity_days',
    ),
    maximum_service_certificate_validity_days: row.optionalCount(
      'maximum_service_certificate_validity_days',
    ),
    recent_cose_proposals_window_size: row.optionalCount('recent_cose_proposals_window_size'),
  })),
);
/** PEM. */
export const previousServiceIdentity: Singleton<string> = new Singleton(
  `${governance}.service.previous_service_identity`,
  jsonText,
);
/** The JavaScript module, whole. */
export const constitution: Singleton<string> = new Singleton(
  `${governance}.constitution`,
  jsonText,
);

// Proposals.

export const proposalStates = [
  'Open',
  'Accepted',
  'Withdrawn',
  'Rejected',
  'Failed',
  'Dropped',
] as const;
export type ProposalState = (typeof proposalStates)[number];

export interface ProposalInfoRow {
  readonly proposer_id: string;
  readonly state: ProposalState;
  /** Member id to JavaScript. */
  readonly ballots: Readonly<Record<string, string>>;
  readonly final_votes?: Readonly<Record<string, boolean>> | undefined;
  readonly vote_failures?: JsonValue | undefined;
  readonly failure?: JsonValue | undefined;
}

/** Proposal id to the body as it was signed. */
export const proposals: Table<Uint8Array> = new Table(`${governance}.proposals`, rawBytes);
export const proposalInfos: Table<ProposalInfoRow> = new Table(
  `${governance}.proposals_info`,
  jsonRow((row) => ({
    proposer_id: row.text('proposer_id'),
    state: row.oneOf('state', proposalStates),
    ballots: row.texts('ballots'),
    final_votes: row.optionalBooleans('final_votes'),
    vote_failures: row.json('vote_failures'),
    failure: row.json('failure'),
  })),
);
/** Member id to the last signed request. */
export const governanceHistory: Table<Uint8Array> = new Table(
  `${governance}.cose_history`,
  jsonBase64,
);
/** `<10-digit created_at>:<hex SHA-256 of the signature>` to the proposal's id. */
export const recentProposals: Table<string> = new Table(
  `${governance}.cose_recent_proposals`,
  jsonText,
);

// Signatures and recovery.

/** The Merkle tree that the last signature entry signed (@coco/merkle's serialised form). */
export const signedTree: Singleton<Uint8Array> = new Singleton(`${internal}.tree`, rawBytes);

export interface RecoverySharesRow {
  /** Base64 of the newest ledger secret under the wrapping key. */
  readonly wrapped_latest_ledger_secret: string;
  /** Member id to base64. */
  readonly encrypted_shares: Readonly<Record<string, string>>;
  readonly previous_secret_stored_version?: number | undefined;
}

interface PreviousSecretRow {
  /** Base64 of the secret under the one that followed it. */
  readonly encrypted_data: string;
  /** The seqno from which the encrypted secret applies. */
  readonly version: number;
  /** The seqno that wrote the row of this table before this one. */
  readonly previous_secret_stored_version?: number | undefined;
}

export interface HistoricalSecretRow {
  readonly previous_ledger_secret?: PreviousSecretRow | undefined;
  /** The seqno from which the secret that was newest then applies. */
  readonly next_version?: number | undefined;
}

export interface NodeSecretRow {
  /** null: from the entry after the one that wrote the row. */
  readonly version: number | null;
  /** Base64, RSA-OAEP to the node's key. */
  readonly encrypted_secret: string;
  readonly previous_secret_stored_version?: number | undefined;
}

export interface EndorsementRow {
  /** Base64 of a COSE_Sign1. */
  readonly endorsement: string;
  /** Base64 of DER SubjectPublicKeyInfo: the key that signed it. */
  readonly endorsing_key: string;
  readonly endorsement_epoch_begin: string;
  readonly endorsement_epoch_end?: string | undefined;
  readonly previous_version?: number | undefined;
}

export const recoveryShares: Singleton<RecoverySharesRow> = new Singleton(
  `${internal}.recovery_shares`,
  jsonRow((row) => ({
    wrapped_latest_ledger_secret: row.text('wrapped_latest_ledger_secret'),
    encrypted_shares: row.texts('encrypted_shares'),
    previous_secret_stored_version: row.optionalCount('previous_secret_stored_version'),
  })),
);
export const historicalSecret: Singleton<HistoricalSecretRow> = new Singleton(
  `${internal}.historical_encrypted_ledger_secret`,
  jsonRow((row) => ({
    previous_ledger_secret: parsePreviousSecret(row.optionalObject('previous_ledger_secret')),
    next_version: row.optionalCount('next_version'),
  })),
);

function parsePreviousSecret(row: JsonFields | undefined): PreviousSecretRow | undefined {
  return (
    row && {
      encrypted_data: row.text('encrypted_data'),
      version: row.count('version'),
      previous_secret_stored_version: row.optionalCount('previous_secret_stored_version'),
    }
  );
}

/** Node id to the ledger secrets for that node. */
export const nodeSecrets: Singleton<Readonly<Record<string, readonly NodeSecretRow[]>>> =
  new Singleton(
    `${internal}.encrypted_ledger_secrets`,
    jsonRow((row) =>
      Object.fromEntries(row.names().map((id) => [id, row.list(id).map(parseNodeSecret)])),
    ),
  );

function parseNodeSecret(row: JsonFields): NodeSecretRow {
  return {
    version: row.optionalCount('version') ?? null,
    encrypted_secret: row.text('encrypted_secret'),
    previous_secret_stored_version: row.optionalCount('previous_secret_stored_version'),
  };
}

/** Member id to the share under the ledger secret of the recovering service. */
export const submittedShares: Table<Uint8Array> = new Table(
  `${internal}.encrypted_submitted_shares`,
  jsonBase64,
);
export const identityEndorsement: Singleton<EndorsementRow> = new Singleton(
  `${internal}.previous_service_identity_endorsement`,
  jsonRow(parseEndorsement),
);

/** @throws InvalidInput */
export function parseEndorsement(row: JsonFields): EndorsementRow {
  return {
    endorsement: row.text('endorsement'),
    endorsing_key: row.text('endorsing_key'),
    endorsement_epoch_begin: row.text('endorsement_epoch_begin'),
    endorsement_epoch_end: row.optionalText('endorsement_epoch_end'),
    previous_version: row.optionalCount('previous_version'),
  };
}

export interface SnapshotEvidenceRow {
  /** Hex of the snapshot's digest. */
  readonly hash: string;
  /** The seqno of its state. */
  readonly version: number;
}
export const snapshotEvidence: Singleton<SnapshotEvidenceRow> = new Singleton(
  `${internal}.snapshot_evidence`,
  jsonRow((row) => ({ hash: row.text('hash'), version: row.count('version') })),
);
/** Hex of the Merkle root that the previous service signed last. */
export const previousSignedRoot: Singleton<string> = new Singleton(
  `${internal}.previous_service_last_signed_root`,
  jsonText,
);
/** How the ledger secrets came back: RECOVERY_SHARES. */
export const lastRecoveryType: Singleton<string> = new Singleton(
  `${internal}.last_recovery_type`,
  jsonText,
);
