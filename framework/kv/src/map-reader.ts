/** How maps are read and written, by a state's reader and by a transaction alike. */
import type { Seqno } from '@coco/base';

/** One key of a map. The arrays are copies: the caller may keep and change them. */
export interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The seqno of the write; a row that the transaction itself wrote has its seqno + 1. */
  readonly version: Seqno;
}

/** Bounds are compared byte by byte; the whole map without options. */
export interface RangeOptions {
  /** The first key that may be returned. */
  readonly from?: Uint8Array | undefined;
  /** The first key that may not be returned. */
  readonly to?: Uint8Array | undefined;
  /** At most so many rows. */
  readonly limit?: number | undefined;
  /** From the last key back. `from` and `to` keep their meaning. */
  readonly reverse?: boolean | undefined;
}

export interface MapReader {
  /** A copy of the value. @throws StateForgotten */
  get(key: Uint8Array): Uint8Array | undefined;
  /** @throws StateForgotten */
  has(key: Uint8Array): boolean;
  /** The seqno of the last applied write; a transaction's own writes do not count. @throws StateForgotten */
  versionOf(key: Uint8Array): Seqno | undefined;
  /**
   * Rows in byte order of keys, read as the iteration goes on. The next page starts at the last
   * key followed by a zero byte, or in reverse ends (`to`) at the last key.
   * @throws StateForgotten at any step, once the state is gone
   */
  range(options?: RangeOptions): Iterable<Row>;
  /** How many keys are present. @throws StateForgotten */
  readonly size: number;
}

export interface MapWriter extends MapReader {
  /** The arrays are copied. @throws KeyTooLarge, ValueTooLarge, WriteSetTooLarge */
  set(key: Uint8Array, value: Uint8Array): void;
  /** Removing an absent key changes nothing. @throws KeyTooLarge, WriteSetTooLarge */
  delete(key: Uint8Array): void;
}

/** All maps as they stood after one seqno. */
export interface ReadView {
  readonly seqno: Seqno;
  /** A map that does not exist reads as an empty one. @throws InvalidMapName */
  map(name: string): MapReader;
  /** Names of the maps that hold a key, in byte order. @throws StateForgotten */
  mapNames(): readonly string[];
}
