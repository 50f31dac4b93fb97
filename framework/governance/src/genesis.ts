/**
 * The first transaction of a service (2.1) and of its recovery: the tables that CCF's tools read.
 * Both are written by the node that creates the service, before anybody can ask anything of it.
 */
import {
  formatTransactionId,
  type JsonValue,
  refuse,
  type TransactionId,
  toBase64,
  toHex,
} from '@coco/base';
import { encryptTo, parseCertificate } from '@coco/crypto';
import { MerkleTree } from '@coco/merkle';
import { rebuildActiveMembers } from './active-members.ts';
import { nodeVoters, presence, type RecoveryRow, recoveryRecord } from './coco-tables.ts';
import { rebuildDecided } from './decided-proposals.ts';
import type { LedgerSecret } from './issue-recovery-shares.ts';
import { recordJoin } from './node-joins.ts';
import type { Writable } from './table.ts';
import {
  constitution,
  memberAcks,
  memberCertificates,
  memberEncryptionKeys,
  memberInfos,
  nodeCertificates,
  nodeInfos,
  nodeSecrets,
  previousServiceIdentity,
  previousSignedRoot,
  type QuoteInfoRow,
  type RecoveryRole,
  serviceConfig,
  serviceInfo,
  signedTree,
  virtualHostData,
  virtualMeasurements,
} from './tables.ts';

export interface NewMember {
  readonly certificatePem: string;
  /** PEM of an RSA key of 2048 bits or more; a member without one holds no share. */
  readonly encryptionPublicKeyPem?: string;
  readonly recoveryRole?: RecoveryRole;
  readonly memberData?: JsonValue;
}

/** The creating node as the ledger describes it. */
export interface NewNode {
  /** Hex SHA-256 of the node key's DER SubjectPublicKeyInfo. */
  readonly id: string;
  readonly endorsedCertificatePem: string;
  readonly encryptionPublicKeyPem: string;
  readonly quoteInfo: QuoteInfoRow;
  readonly rpcInterfaces: JsonValue;
  readonly nodeToNodeInterface: JsonValue;
  readonly nodeData?: JsonValue;
  readonly certificateSigningRequestPem?: string;
  readonly publicKeyPem?: string;
}

/** What the `virtual` platform's evidence must show to join. */
export interface VirtualJoinPolicy {
  readonly measurement: string;
  /** Hex of 32 bytes. */
  readonly hostData: string;
}

export interface NewService {
  /** The id of the transaction that is being written. */
  readonly createId: TransactionId;
  readonly certificatePem: string;
  readonly serviceData?: JsonValue;
}

/** Two networks' worth of organisations; a consortium has tens. */
const membersMax = 1000;

/**
 * Writes a new service: members Accepted, the creating node Trusted, the service Opening.
 * @throws InvalidInput, InvalidCertificate when a member, the node or the threshold is wrong
 */
export function genesis(
  transaction: Writable,
  start: {
    readonly members: readonly NewMember[];
    readonly constitution: string;
    /** 0: the number of recovery participants, or 1 if there are only owners. */
    readonly recoveryThreshold: number;
    readonly node: NewNode;
    readonly virtual?: VirtualJoinPolicy;
    readonly service: NewService;
    readonly maximumNodeCertificateValidityDays?: number;
    readonly maximumServiceCertificateValidityDays?: number;
  },
): void {
  if (start.members.length === 0 || start.members.length > membersMax) {
    throw refuse('InvalidInput', `A service starts with 1 to ${membersMax} members.`);
  }
  if (start.constitution.trim() === '') {
    throw refuse('InvalidInput', 'A service starts with a constitution.');
  }
  for (const member of start.members) addMember(transaction, member);
  constitution.put(transaction, start.constitution);
  serviceConfig.put(transaction, {
    recovery_threshold: thresholdOf(start.recoveryThreshold, start.members),
    maximum_node_certificate_validity_days: start.maximumNodeCertificateValidityDays,
    maximum_service_certificate_validity_days: start.maximumServiceCertificateValidityDays,
  });
  addNode(transaction, start.node);
  if (start.virtual) admitVirtual(transaction, start.virtual);
  serviceInfo.put(transaction, {
    cert: start.service.certificatePem,
    status: 'Opening',
    recovery_count: 0,
    service_data: start.service.serviceData,
    current_service_create_txid: formatTransactionId(start.service.createId),
  });
}

function addMember(transaction: Writable, member: NewMember): void {
  const { id } = parseCertificate(member.certificatePem);
  if (memberInfos.has(transaction, id)) {
    throw refuse('InvalidInput', 'Two members have the same certificate.', { memberId: id });
  }
  const { encryptionPublicKeyPem, recoveryRole } = member;
  const takesPart = recoveryRole === 'Owner' || recoveryRole === 'Participant';
  if (takesPart && encryptionPublicKeyPem === undefined) {
    throw refuse('InvalidInput', 'A recovery member needs an encryption key.', { memberId: id });
  }
  memberCertificates.put(transaction, id, member.certificatePem);
  if (encryptionPublicKeyPem !== undefined) {
    // Encrypting once proves that the text is an RSA key; a wrong one would fail at opening.
    encryptTo(encryptionPublicKeyPem, new Uint8Array(1));
    memberEncryptionKeys.put(transaction, id, encryptionPublicKeyPem);
  }
  memberInfos.put(transaction, id, {
    status: 'Accepted',
    member_data: member.memberData,
    recovery_role: recoveryRole,
  });
  memberAcks.put(transaction, id, { state_digest: '' });
}

function thresholdOf(threshold: number, members: readonly NewMember[]): number {
  const withKey = members.filter((member) => member.encryptionPublicKeyPem !== undefined);
  const participants = withKey.filter(
    ({ recoveryRole = 'Participant' }) => recoveryRole === 'Participant',
  ).length;
  const owners = withKey.filter(({ recoveryRole }) => recoveryRole === 'Owner').length;
  const highest = participants > 0 ? participants : Math.min(owners, 1);
  if (highest === 0) {
    throw refuse('InvalidInput', 'No member can recover the service: none has an encryption key.');
  }
  if (!Number.isInteger(threshold) || threshold < 0 || threshold > highest) {
    throw refuse('InvalidInput', `The recovery threshold is between 0 and ${highest}.`);
  }
  return threshold === 0 ? highest : threshold;
}

function addNode(transaction: Writable, node: NewNode): void {
  recordJoin(transaction, node.id);
  nodeCertificates.put(transaction, node.id, node.endorsedCertificatePem);
  nodeInfos.put(transaction, node.id, {
    node_to_node_interface: node.nodeToNodeInterface,
    rpc_interfaces: node.rpcInterfaces,
    quote_info: node.quoteInfo,
    encryption_pub_key: node.encryptionPublicKeyPem,
    status: 'Trusted',
    node_data: node.nodeData,
    certificate_signing_request: node.certificateSigningRequestPem,
    public_key: node.publicKeyPem,
  });
  // It begins alone, so it votes.
  nodeVoters.put(transaction, node.id, presence);
}

function admitVirtual(transaction: Writable, policy: VirtualJoinPolicy): void {
  virtualMeasurements.put(transaction, policy.measurement, 'AllowedToJoin');
  virtualHostData.put(transaction, policy.hostData, new Uint8Array(8));
}

/**
 * Writes the first transaction of a recovered service over the public state as it was recovered:
 * every old node Retired, this one Trusted, the service Recovering under its new certificate with
 * the old one recorded. `ledgerSecret` is the fresh secret that encrypts from here on.
 * @throws InvalidInput when it never opened; GovernanceRowInvalid, InvalidMerkleTree when the
 *   recovered state lacks what it must hold
 */
export function recover(
  transaction: Writable,
  start: {
    readonly node: NewNode;
    readonly virtual?: VirtualJoinPolicy;
    readonly service: NewService;
    readonly ledgerSecret: LedgerSecret;
    /** From which ledgers, and whether commits may be missing. */
    readonly record: RecoveryRow;
  },
): void {
  const before = serviceInfo.require(transaction);
  if (before.status !== 'Open') {
    // What was never open holds nothing that anybody was told is committed: it starts anew.
    throw refuse('InvalidInput', 'Only a service that was open is recovered.');
  }
  previousServiceIdentity.put(transaction, before.cert);
  const tree = MerkleTree.deserialise(signedTree.require(transaction));
  previousSignedRoot.put(transaction, toHex(tree.root()));
  for (const [id, info] of nodeInfos.rows(transaction)) {
    if (info.retired_committed === true) continue;
    nodeInfos.put(transaction, id, { ...info, status: 'Retired', retired_committed: true });
  }
  addNode(transaction, start.node);
  if (start.virtual) admitVirtual(transaction, start.virtual);
  recoveryRecord.put(transaction, start.record);
  // Ledgers of earlier versions lack an index.
  rebuildDecided(transaction);
  rebuildActiveMembers(transaction);
  nodeSecrets.put(transaction, {
    [start.node.id]: [
      {
        version: start.ledgerSecret.version,
        encrypted_secret: toBase64(
          encryptTo(start.node.encryptionPublicKeyPem, start.ledgerSecret.secret),
        ),
      },
    ],
  });
  serviceInfo.put(transaction, {
    cert: start.service.certificatePem,
    status: 'Recovering',
    previous_service_identity_version: serviceInfo.versionOf(transaction),
    recovery_count: (before.recovery_count ?? 0) + 1,
    service_data: start.service.serviceData ?? before.service_data,
    current_service_create_txid: formatTransactionId(start.service.createId),
  });
}
