/**
 * How a backup gets the ledger secret of a rekey: the entry that brings it holds it once for each
 * trusted node, encrypted to the node's key. It is in force from the next entry on. A node that the
 * members have retired may still be a voter of Raft, and gets none: the ledger is closed to it.
 */
import { asSeqno, fromBase64, type Seqno } from '@coco/base';
import type { EncryptionKey } from '@coco/crypto';
import { nodeSecrets } from '@coco/governance';
import type { ReadView } from '@coco/kv';
import { type LedgerSecrets, type OpenedEntry, singletonKey } from '@coco/ledger';

export interface SecretReceiver {
  readonly secrets: LedgerSecrets;
  /** The node's id in the ledger's tables. */
  readonly nodeId: string;
  readonly encryptionKey: Pick<EncryptionKey, 'decrypt'>;
}

/** Whether an entry brings a secret: one for this node, or one that it is not to have. */
export type SecretOutcome = 'none' | 'adopted' | 'withheld';

/** @throws GovernanceRowInvalid, DecryptionFailed */
export function adoptSecret(
  { id, writeSet }: Pick<OpenedEntry, 'id' | 'writeSet'>,
  receiver: SecretReceiver,
): SecretOutcome {
  const map = writeSet.maps.find(({ name }) => name === nodeSecrets.name);
  const value = map?.rows[0]?.value;
  return value ? adoptRow(value, id.seqno, receiver) : 'none';
}

/** The secret of the last rekey, from a state that holds its row. @throws as adoptSecret does */
export function adoptStateSecret(state: ReadView, receiver: SecretReceiver): void {
  const map = state.map(nodeSecrets.name);
  const value = map.get(singletonKey);
  if (value) adoptRow(value, map.versionOf(singletonKey) ?? asSeqno(0), receiver);
}

function adoptRow(value: Uint8Array, seqno: Seqno, receiver: SecretReceiver): SecretOutcome {
  const rows = nodeSecrets.decode(value);
  // A row with a version is of a recovery: who joins then was given the secrets at the start.
  const isRekey = Object.values(rows).some((row) => row.some(({ version }) => version === null));
  if (!isRekey) return 'none';
  const { secrets, nodeId, encryptionKey } = receiver;
  const from = asSeqno(seqno + 1);
  const row = rows[nodeId]?.find(({ version }) => version === null);
  if (row) {
    // A node that joins may have been given it already.
    secrets.learn(from, Uint8Array.from(encryptionKey.decrypt(fromBase64(row.encrypted_secret))));
    return 'adopted';
  }
  return secrets.chain.some(({ fromSeqno }) => fromSeqno === from) ? 'none' : 'withheld';
}
