/** Who takes part in a sample: members with keys, and a service with its node. */
import {
  encodeJson,
  formatTransactionId,
  type JsonValue,
  type TransactionId,
  toBase64,
} from '@coco/base';
import { createCertificate, EncryptionKey, parseCertificate, SigningKey } from '@coco/crypto';
import type { GovernanceMessageType } from '@coco/endpoint';
import {
  type NewNode,
  type RecoveryRow,
  type ServiceStatus,
  serviceInfo,
  signGovernanceRequest,
} from '@coco/governance';
import type { Transaction } from '@coco/kv';

export const startMs: number = Date.UTC(2026, 0, 1);
export const encryptionKey: EncryptionKey = EncryptionKey.generate();

export interface Member {
  readonly id: string;
  readonly name: string;
  readonly key: SigningKey;
  readonly certificatePem: string;
}

export async function createMember(name: string): Promise<Member> {
  const key = SigningKey.generate('P-256');
  const certificatePem = await certificateOf(name, { key });
  return { id: parseCertificate(certificatePem).id, name, key, certificatePem };
}

function certificateOf(
  subject: string,
  by: { readonly key: SigningKey; readonly issuer?: SigningKey; readonly isAuthority?: boolean },
): Promise<string> {
  return createCertificate({
    subject,
    key: by.key,
    ...(by.issuer ? { issuer: { subject: 'Service', key: by.issuer } } : {}),
    isAuthority: by.isAuthority ?? false,
    notBeforeMs: startMs,
    days: 365,
  });
}

export interface Identity {
  readonly key: SigningKey;
  readonly certificatePem: string;
  readonly node: NewNode;
}

export async function createIdentity(): Promise<Identity> {
  const key = SigningKey.generate('P-256');
  const certificatePem = await certificateOf('Service', { key, isAuthority: true });
  const nodeKey = SigningKey.generate('P-256');
  const node: NewNode = {
    id: nodeKey.id,
    endorsedCertificatePem: await certificateOf('Node', { key: nodeKey, issuer: key }),
    encryptionPublicKeyPem: encryptionKey.publicPem,
    quoteInfo: { format: 'Insecure_Virtual', quote: toBase64(new Uint8Array(3)), endorsements: '' },
    rpcInterfaces: { primary: { published_address: '127.0.0.1:8000' } },
    nodeToNodeInterface: {},
  };
  return { key, certificatePem, node };
}

/** What a member signs; the payload as JSON. */
export interface Message {
  readonly type: GovernanceMessageType;
  readonly json?: JsonValue;
  readonly proposalId?: string;
  readonly createdAt?: number;
}

/** The bytes of a signed request. */
export function signMessage(member: Member, message: Message & { createdAt: number }): Uint8Array {
  return signGovernanceRequest({
    key: member.key,
    certificatePem: member.certificatePem,
    type: message.type,
    payload: message.json === undefined ? new Uint8Array(0) : encodeJson(message.json),
    createdAt: message.createdAt,
    ...(message.proposalId === undefined ? {} : { proposalId: message.proposalId }),
  });
}

export function setStatus(transaction: Transaction, status: ServiceStatus): void {
  serviceInfo.put(transaction, { ...serviceInfo.require(transaction), status });
}

/** What a service begins with. */
export interface Beginning {
  readonly constitution?: string;
  /** Rows of the first transaction beside those of genesis. */
  readonly also?: (transaction: Transaction) => void;
}

/** What a node records of its recovery, where it looked at enough ledgers. */
export function sampleRecord(end: TransactionId): RecoveryRow {
  const recovered_to = formatTransactionId(end);
  return { recovered_to, may_lack_commits: false, looked_at: [], may_have_voted: [] };
}
