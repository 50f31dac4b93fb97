/** The writes of one transaction in their one canonical order, and the check of those from outside. */
import { compareBytes } from '@coco/base';
import { kvError } from './errors.ts';
import { ensureKey, ensureValue, type StoreLimits } from './limits.ts';
import { compareMapNames, ensureMapName } from './map-name.ts';

export interface WriteRow {
  readonly key: Uint8Array;
  /** undefined removes the key. */
  readonly value: Uint8Array | undefined;
}

export interface MapWrites {
  readonly name: string;
  /** At least one, in byte order of keys, each key once. */
  readonly rows: readonly WriteRow[];
}

export interface WriteSet {
  /** In byte order of names, each name once. */
  readonly maps: readonly MapWrites[];
}

/**
 * Checks order and limits; a write set may come from a peer or a file.
 * @throws InvalidWriteSet, InvalidMapName, KeyTooLarge, ValueTooLarge, WriteSetTooLarge
 */
export function ensureWriteSet(writeSet: WriteSet, limits: StoreLimits): void {
  let byteCount = 0;
  let previousName: string | undefined;
  for (const { name, rows } of writeSet.maps) {
    ensureMapName(name, limits.mapNameBytesMax);
    const isAscending = previousName === undefined || compareMapNames(previousName, name) < 0;
    if (!isAscending || rows.length === 0) {
      throw kvError('InvalidWriteSet', 'The maps of a write set ascend, each with rows.', {
        mapCount: writeSet.maps.length,
      });
    }
    previousName = name;
    byteCount += rowsBytes(rows, limits);
  }
  if (byteCount > limits.transactionBytesMax) throw tooLarge(limits);
}

export function tooLarge(limits: StoreLimits): Error {
  return kvError(
    'WriteSetTooLarge',
    `One transaction writes at most ${limits.transactionBytesMax} bytes.`,
  );
}

function rowsBytes(rows: readonly WriteRow[], limits: StoreLimits): number {
  let byteCount = 0;
  let previousKey: Uint8Array | undefined;
  for (const { key, value } of rows) {
    ensureKey(key, limits);
    if (value !== undefined) ensureValue(value, limits);
    if (previousKey !== undefined && compareBytes(previousKey, key) >= 0) {
      throw kvError('InvalidWriteSet', 'The rows of a write set ascend by their keys.', {
        rowCount: rows.length,
      });
    }
    previousKey = key;
    byteCount += key.length + (value?.length ?? 0);
  }
  return byteCount;
}
