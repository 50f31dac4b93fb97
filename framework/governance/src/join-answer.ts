/**
 * What the primary answers to a node that asks to join. A Pending node hears how it stands, and
 * nothing else. A Trusted one gets what it needs to take part; the secrets among it are sealed to
 * the key that stands in its row of the ledger. Format: docs/formats/join.md.
 */
import {
  asSeqno,
  encodeJson,
  formatTransactionId,
  fromBase64,
  isJsonObject,
  type JsonValue,
  parseJson,
  parseTransactionId,
  refuse,
  type Seqno,
  type TransactionId,
  toBase64,
  utf8Encode,
} from '@coco/base';
import { type EncryptionKey, openSealed, sealTo } from '@coco/crypto';
import type { LedgerSecret } from './issue-recovery-shares.ts';
import { JsonFields } from './json-fields.ts';
import { type EndorsementRow, parseEndorsement } from './tables.ts';

/** A ledger that was rekeyed each day for ten years has 3,650 secrets of some 80 bytes here. */
const answerBytesMax = 4 * 1024 * 1024;
const limits = { bytesMax: answerBytesMax, depthMax: 8 };

/** Another node as the joiner may reach it. */
export interface JoinedPeer {
  readonly nodeId: string;
  readonly raftId: Seqno;
  /** host:port of its node-to-node interface. */
  readonly nodeToNodeAddress: string;
  /** host:port of an interface for clients that shows its key; undefined where it has none. */
  readonly rpcAddress: string | undefined;
}

interface JoinSecrets {
  /** Oldest first. */
  readonly ledgerSecrets: readonly LedgerSecret[];
  /** PEM of the service's private key. */
  readonly serviceKeyPem: string;
}

export interface JoinedNetwork {
  readonly raftId: Seqno;
  /** The commit at which peers and certificates hold; the node's own trust is in it. */
  readonly committed: TransactionId;
  readonly serviceCertificatePem: string;
  readonly endorsedCertificatePem: string;
  /** What signatures of the ledger name as issuer and subject. */
  readonly signer: { readonly issuer: string; readonly subject: string };
  readonly peers: readonly JoinedPeer[];
  /** Endorsements of earlier service identities, newest first. */
  readonly endorsements: readonly EndorsementRow[];
}

export type JoinAnswer =
  | { readonly status: 'Pending'; readonly nodeId: string }
  | {
      readonly status: 'Trusted';
      readonly nodeId: string;
      readonly network: JoinedNetwork;
      readonly secrets: JoinSecrets;
    };

export function encodePendingAnswer(nodeId: string): JsonValue {
  return { node_id: nodeId, node_status: 'Pending' };
}

/** @param encryptionKeyPem The key in the node's row of the ledger. */
export function encodeTrustedAnswer(
  answer: Extract<JoinAnswer, { readonly status: 'Trusted' }>,
  encryptionKeyPem: string,
): JsonValue {
  const { nodeId, network, secrets } = answer;
  const sealed = sealTo(encryptionKeyPem, {
    plaintext: encodeJson({
      ledger_secrets: secrets.ledgerSecrets.map(({ version, secret }) => [
        version,
        { raw_key: toBase64(secret) },
      ]),
      priv_key: secrets.serviceKeyPem,
    }),
    context: contextOf(nodeId, network.raftId),
  });
  return {
    node_id: nodeId,
    node_status: 'Trusted',
    network_info: {
      public_only: false,
      raft_id: network.raftId,
      committed: formatTransactionId(network.committed),
      service_certificate: network.serviceCertificatePem,
      endorsed_certificate: network.endorsedCertificatePem,
      cose_signatures_config: { ...network.signer },
      nodes: network.peers.map((peer) => ({
        node_id: peer.nodeId,
        raft_id: peer.raftId,
        node_to_node_address: peer.nodeToNodeAddress,
        ...(peer.rpcAddress !== undefined && { rpc_address: peer.rpcAddress }),
      })),
      endorsements: network.endorsements.map((row) => present(row)),
      sealed_secrets: {
        encrypted_key: toBase64(sealed.encryptedKey),
        ciphertext: toBase64(sealed.ciphertext),
      },
    },
  };
}

/** Without the fields that have no value. */
function present(row: object): JsonValue {
  const fields = Object.entries(row).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields) as JsonValue;
}

/** Reads the answer as the node with `reader`. @throws InvalidInput, DecryptionFailed */
export function parseJoinAnswer(body: Uint8Array, reader: EncryptionKey): JoinAnswer {
  const fields = new JsonFields(parseJson(body, limits), 'The answer');
  const nodeId = fields.text('node_id');
  const status = fields.oneOf('node_status', ['Pending', 'Trusted'] as const);
  if (status === 'Pending') return { status, nodeId };
  const info = fields.object('network_info');
  const signer = info.object('cose_signatures_config');
  const sealed = info.object('sealed_secrets');
  const raftId = asSeqno(info.count('raft_id'));
  const secrets = openSealed(
    reader,
    {
      encryptedKey: fromBase64(sealed.text('encrypted_key')),
      ciphertext: fromBase64(sealed.text('ciphertext')),
    },
    contextOf(nodeId, raftId),
  );
  return {
    status,
    nodeId,
    network: {
      raftId,
      committed: parseTransactionId(info.text('committed')),
      serviceCertificatePem: info.text('service_certificate'),
      endorsedCertificatePem: info.text('endorsed_certificate'),
      signer: { issuer: signer.text('issuer'), subject: signer.text('subject') },
      peers: info.list('nodes').map(peerOf),
      endorsements: info.list('endorsements').map(parseEndorsement),
    },
    secrets: secretsOf(secrets),
  };
}

function peerOf(fields: JsonFields): JoinedPeer {
  return {
    nodeId: fields.text('node_id'),
    raftId: asSeqno(fields.count('raft_id')),
    nodeToNodeAddress: fields.text('node_to_node_address'),
    rpcAddress: fields.optionalText('rpc_address'),
  };
}

function secretsOf(plaintext: Uint8Array): JoinSecrets {
  const value = parseJson(plaintext, limits);
  const fields = new JsonFields(value, 'The secrets');
  const rows = isJsonObject(value) ? value.ledger_secrets : undefined;
  if (!Array.isArray(rows)) throw refuse('InvalidInput', 'The answer has no ledger secrets.');
  return {
    serviceKeyPem: fields.text('priv_key'),
    ledgerSecrets: rows.map((row: JsonValue) => {
      const [version, secret] = Array.isArray(row) ? row : [];
      if (typeof version !== 'number') {
        throw refuse('InvalidInput', 'A ledger secret of the answer has no version.');
      }
      const key = new JsonFields(secret, 'A ledger secret').text('raw_key');
      return { version: asSeqno(version), secret: fromBase64(key) };
    }),
  };
}

/** Secrets for one node at one place in the network open as nothing else. */
function contextOf(nodeId: string, raftId: Seqno): Uint8Array {
  return utf8Encode(`coco.join.v1 ${nodeId} ${raftId}`);
}
