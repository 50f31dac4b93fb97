/**
 * A rekey as governance makes one, but for the cipher that carries the secret to each node:
 * production encrypts it to the node's key with random padding, which no seed repeats; here it is
 * only marked as being for that node. Who may have it is checked all the same.
 */
import {
  asSeqno,
  concatBytes,
  fromBase64,
  present,
  type Random,
  toBase64,
  utf8Encode,
} from '@coco/base';
import { nodeInfos, nodeSecrets } from '@coco/governance';
import { type LedgerSecrets, ledgerSecretBytes, type OpenedEntry } from '@coco/ledger';
import type { BatchPipeline, SecretReceiver } from '@coco/replication';
import { check } from './errors.ts';

/** A node's end of the cipher: it opens what is for this node and nothing else. */
export function simulatedKey(nodeId: string): SecretReceiver['encryptionKey'] {
  return {
    decrypt: (sealed) => {
      const mark = utf8Encode(nodeId);
      const isOwn = Buffer.from(sealed).subarray(0, mark.length).equals(mark);
      check(isOwn, `${nodeId} opens a secret that is for another node`);
      return sealed.slice(mark.length);
    },
  };
}

/** @throws NodeCannotHandleRequest, TooManyPendingTransactions */
export function rekey(pipeline: BatchPipeline, random: Random): void {
  const secret = random.bytes(ledgerSecretBytes);
  pipeline.execute((transaction) => {
    const trusted = nodeInfos.rows(transaction).filter(([, { status }]) => status === 'Trusted');
    const rows = trusted.map(([id]) => {
      return [id, [{ version: null, encrypted_secret: sealFor(id, secret) }]] as const;
    });
    nodeSecrets.put(transaction, Object.fromEntries(rows));
    return {
      result: undefined,
      whenAppended: ({ seqno }) => pipeline.state.sequencer.rekey(asSeqno(seqno + 1), secret),
    };
  });
}

/** A secret as it is given to a node: the mark of its cipher. */
export function sealFor(nodeId: string, secret: Uint8Array): string {
  return toBase64(concatBytes(utf8Encode(nodeId), secret));
}

/** The secret that an entry brings, for who reads the whole ledger: the checkers. */
export function takeSecret(
  { id, writeSet }: Pick<OpenedEntry, 'id' | 'writeSet'>,
  secrets: LedgerSecrets,
): void {
  const map = writeSet.maps.find(({ name }) => name === nodeSecrets.name);
  const value = map?.rows[0]?.value;
  if (!value) return;
  const [first] = Object.entries(nodeSecrets.decode(value));
  const [nodeId, rows] = present(first, 'a rekey is for somebody');
  const row = present(rows[0], 'a node has a row');
  // One with a version is of a recovery, and known.
  if (row.version !== null) return;
  const sealed = fromBase64(row.encrypted_secret);
  secrets.learn(asSeqno(id.seqno + 1), sealed.slice(utf8Encode(nodeId).length));
}
