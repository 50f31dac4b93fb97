/**
 * How a backup gets the ledger secret of a rekey: the entry that brings it holds it once for each
 * trusted node, encrypted to the node's key. It is in force from the next entry on.
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
  readonly encryptionKey: EncryptionKey;
}

/** @throws GovernanceRowInvalid, DecryptionFailed */
export function adoptSecret(
  { id, writeSet }: Pick<OpenedEntry, 'id' | 'writeSet'>,
  receiver: SecretReceiver,
): void {
  const map = writeSet.maps.find(({ name }) => name === nodeSecrets.name);
  const value = map?.rows[0]?.value;
  if (value) adoptRow(value, id.seqno, receiver);
}

/** The secret of the last rekey, from a state that holds its row. @throws as adoptSecret does */
export function adoptStateSecret(state: ReadView, receiver: SecretReceiver): void {
  const map = state.map(nodeSecrets.name);
  const value = map.get(singletonKey);
  if (value) adoptRow(value, map.versionOf(singletonKey) ?? asSeqno(0), receiver);
}

function adoptRow(value: Uint8Array, seqno: Seqno, receiver: SecretReceiver): void {
  for (const row of nodeSecrets.decode(value)[receiver.nodeId] ?? []) {
    // A row with a version is of a recovery: who joins then was given the secrets at the start.
    if (row.version !== null) continue;
    const secret = receiver.encryptionKey.decrypt(fromBase64(row.encrypted_secret));
    // A node that joins may have been given it already.
    receiver.secrets.learn(asSeqno(seqno + 1), Uint8Array.from(secret));
  }
}
