/** What a store holds at most. Every figure has a default with its reason. */
import { assert } from '@coco/base';
import { kvError } from './errors.ts';

export interface StoreLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly mapNameBytesMax: number;
  readonly mapsMax: number;
  /** Keys and values that one transaction may write, and that its savepoints may hold. */
  readonly transactionBytesMax: number;
  /** Memory outside the heap: slabs and large values, superseded versions included. */
  readonly storeBytesMax: number;
  /** How many committed sealed states stay readable. */
  readonly statesMax: number;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

export const storeLimitsDefault: StoreLimits = {
  // A key is stored in one block of a slab.
  keyBytesMax: 64 * kibibyte,
  // One ledger entry must hold it, and copying it must not pause the node.
  valueBytesMax: 16 * mebibyte,
  mapNameBytesMax: 256,
  // Apps name their maps at run time: a loop must not exhaust the table.
  mapsMax: 10_000,
  // Twice the largest value: applying it takes well under a second.
  transactionBytesMax: 32 * mebibyte,
  storeBytesMax: 4096 * mebibyte,
  // geth serves the last 128 states too.
  statesMax: 128,
};

/** What the layout can address (slab-memory.ts, record-heap.ts); options stay below. */
const layoutMax = { keyBytes: 64 * kibibyte, valueBytes: 16 * mebibyte, maps: 32_767 };
const addressableBytes = 16 * 1024 * mebibyte;

/** Fills in defaults and asserts that the layout can hold what is asked. */
export function storeLimits(options: Partial<StoreLimits>): StoreLimits {
  const limits = { ...storeLimitsDefault, ...options };
  for (const value of Object.values(limits)) {
    assert(Number.isSafeInteger(value) && value >= 1, 'a limit of the store is a positive integer');
  }
  assert(limits.keyBytesMax <= layoutMax.keyBytes, 'keys have at most 64 KiB');
  assert(limits.valueBytesMax <= layoutMax.valueBytes, 'values have at most 16 MiB');
  assert(limits.mapsMax <= layoutMax.maps, 'a store has at most 32767 maps');
  assert(limits.storeBytesMax <= addressableBytes, 'a store addresses at most 16 GiB');
  return limits;
}

/** @throws KeyTooLarge */
export function ensureKey(key: Uint8Array, limits: StoreLimits): void {
  if (key.length > limits.keyBytesMax) {
    throw kvError('KeyTooLarge', `A key has at most ${limits.keyBytesMax} bytes.`, {
      length: key.length,
    });
  }
}

/** @throws ValueTooLarge */
export function ensureValue(value: Uint8Array, limits: StoreLimits): void {
  if (value.length > limits.valueBytesMax) {
    throw kvError('ValueTooLarge', `A value has at most ${limits.valueBytesMax} bytes.`, {
      length: value.length,
    });
  }
}
