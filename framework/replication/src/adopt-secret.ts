/**
 * How a backup gets the ledger secret of a rekey: the entry that brings it holds it once for each
 * trusted node, encrypted to the node's key. It is in force from the next entry on.
 */
import { asSeqno, fromBase64 } from '@coco/base';
import type { EncryptionKey } from '@coco/crypto';
import { nodeSecrets } from '@coco/governance';
import type { LedgerSecrets, OpenedEntry } from '@coco/ledger';

export interface SecretReceiver {
  readonly secrets: LedgerSecrets;
  /** The node's id in the ledger's tables. */
  readonly nodeId: string;
  readonly encryptionKey: EncryptionKey;
}

/** @throws GovernanceRowInvalid, DecryptionFailed */
export function adoptSecret({ id, writeSet }: OpenedEntry, receiver: SecretReceiver): void {
  const map = writeSet.maps.find(({ name }) => name === nodeSecrets.name);
  const value = map?.rows[0]?.value;
  if (!value) return;
  for (const row of nodeSecrets.decode(value)[receiver.nodeId] ?? []) {
    // A row with a version is of a recovery: who joins then was given the secrets at the start.
    if (row.version !== null) continue;
    const secret = receiver.encryptionKey.decrypt(fromBase64(row.encrypted_secret));
    receiver.secrets.add(asSeqno(id.seqno + 1), Uint8Array.from(secret));
  }
}
