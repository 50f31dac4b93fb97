/**
 * What stands in a block's stateRoot: not a Merkle-Patricia root but a hash chain over every state
 * change since genesis, in order (docs/decisions/ethereum-state-root.md). Two ledgers with the
 * same stateRoot at the same height have executed to the same state.
 */
import { ByteWriter, concatBytes } from '@coco/base';
import type { AccountChange } from './engine-types.ts';
import { bigToBytes } from './numbers.ts';

const removedFlag = 1;
const storageResetFlag = 2;

/** Changes as bytes; docs/formats/ethereum-state.md gives the table. */
export function encodeChanges(changes: readonly AccountChange[]): Uint8Array {
  const writer = new ByteWriter(512).u32(changes.length);
  for (const change of changes) {
    const flags =
      (change.isRemoved ? removedFlag : 0) | (change.isStorageReset ? storageResetFlag : 0);
    const [nonce, balance] = [bigToBytes(change.nonce), bigToBytes(change.balance)];
    writer.raw(change.address).u8(flags);
    writer.u8(nonce.length).raw(nonce).u8(balance.length).raw(balance).raw(change.codeHash);
    writer.u32(change.storage.length);
    for (const { slot, value } of change.storage) writer.raw(slot).raw(value);
  }
  return writer.done();
}

/** The chain's next value: keccak-256(previous ‖ encoded changes). */
export function nextStateDigest(
  previous: Uint8Array,
  changes: readonly AccountChange[],
  keccak256: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  return keccak256(concatBytes(previous, encodeChanges(changes)));
}
