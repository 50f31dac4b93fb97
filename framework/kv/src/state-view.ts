/** Reads of one state, while the store goes on: the newest record of a key that is not younger. */
import type { Seqno } from '@coco/base';
import { KeySlice } from './key-slice.ts';
import type { StoreLimits } from './limits.ts';
import { ensureMapName } from './map-name.ts';
import type { MapReader, RangeOptions, ReadView, Row } from './map-reader.ts';
import type { MapCatalog, MapTable } from './map-table.ts';
import type { ReadSet } from './read-set.ts';
import type { RecordHeap } from './record-heap.ts';
import type { StateClaim, StateHistory } from './state-history.ts';
import { TreeCursor } from './tree-cursor.ts';

/** What readers see of the store's inside. */
export interface StoreParts {
  readonly catalog: MapCatalog;
  readonly records: RecordHeap;
  readonly history: StateHistory;
  readonly limits: StoreLimits;
}

export class StateView implements ReadView {
  readonly seqno: Seqno;
  readonly parts: StoreParts;
  /** Where reads are noted, if they are. */
  readonly reads: ReadSet | undefined;
  readonly #claim: StateClaim;

  constructor(parts: StoreParts, seqno: Seqno, reads?: ReadSet) {
    this.parts = parts;
    this.seqno = seqno;
    this.reads = reads;
    this.#claim = { seqno, rollbackCount: parts.history.rollbackCount };
  }

  map(name: string): StateMap {
    ensureMapName(name, this.parts.limits.mapNameBytesMax);
    return new StateMap(this, name);
  }

  mapNames(): readonly string[] {
    this.ensureReadable();
    const { history, catalog } = this.parts;
    if (this.seqno < history.committed) {
      return catalog.names((table) => table.sealedSize(this.seqno) > 0);
    }
    const deltas = new Map<number, number>();
    for (const record of history.writtenAfter(this.seqno)) {
      const table = catalog.tableOf(record);
      deltas.set(table.number, (deltas.get(table.number) ?? 0) + table.sizeDelta(record));
    }
    return catalog.names((table) => table.size > (deltas.get(table.number) ?? 0));
  }

  isReadable(): boolean {
    return this.parts.history.isReadable(this.#claim);
  }

  /** @throws StateForgotten */
  ensureReadable(): void {
    this.parts.history.ensureReadable(this.#claim);
  }

  /** Keys present in the map at this state. */
  sizeOf(table: MapTable): number {
    const { history, records } = this.parts;
    // At or above commit the log holds every later write; below it the sealed sizes stand.
    if (this.seqno < history.committed) return table.sealedSize(this.seqno);
    let size = table.size;
    for (const record of history.writtenAfter(this.seqno)) {
      if (records.mapNumber(record) === table.number) size -= table.sizeDelta(record);
    }
    return size;
  }

  /** The record that this state sees of a key whose newest record is given; 0 when absent. */
  visible(newest: number): number {
    const { records } = this.parts;
    let record = newest;
    while (record !== 0 && records.seqno(record) > this.seqno) record = records.previous(record);
    return record === 0 || records.isRemoval(record) ? 0 : record;
  }
}

export class StateMap implements MapReader {
  readonly name: string;
  readonly #view: StateView;
  readonly #slice = new KeySlice();
  #table: MapTable | undefined;

  constructor(view: StateView, name: string) {
    this.#view = view;
    this.name = name;
  }

  get size(): number {
    this.#view.ensureReadable();
    this.#view.reads?.noteSize(this.name);
    const table = this.table();
    return table === undefined ? 0 : this.#view.sizeOf(table);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const record = this.#find(key);
    return record === 0 ? undefined : this.#view.parts.records.value(record);
  }

  has(key: Uint8Array): boolean {
    return this.#find(key) !== 0;
  }

  versionOf(key: Uint8Array): Seqno | undefined {
    const record = this.#find(key);
    return record === 0 ? undefined : this.#view.parts.records.seqno(record);
  }

  *range(options: RangeOptions = {}): Iterable<Row> {
    const scan = this.scan(options);
    for (let left = options.limit ?? Number.POSITIVE_INFINITY; left > 0; left--) {
      const row = scan.next();
      if (row === undefined) return;
      yield row;
    }
  }

  /** The range row by row, without its limit. */
  scan(options: RangeOptions): StateScan {
    const scan = new StateScan(this.#view, this, options);
    this.#view.reads?.noteScan(scan);
    return scan;
  }

  /** The map's table now; undefined while the map has no record. */
  table(): MapTable | undefined {
    if (this.#table === undefined || this.#table.isDropped) {
      this.#table = this.#view.parts.catalog.table(this.name);
    }
    return this.#table;
  }

  #find(key: Uint8Array): number {
    this.#view.ensureReadable();
    this.#view.reads?.noteKey(this.name, key);
    const newest = this.table()?.tree.find(this.#slice.ofArray(key)) ?? 0;
    return newest === 0 ? 0 : this.#view.visible(newest);
  }
}

/** A walk over a range that goes on rightly when the store changes between two rows. */
export class StateScan {
  readonly #view: StateView;
  readonly #map: StateMap;
  readonly #options: RangeOptions;
  readonly #slice = new KeySlice();
  readonly #bound = new KeySlice();
  #table: MapTable | undefined;
  #cursor: TreeCursor | undefined;
  /** Invariant: everything up to it was looked at; everything at all once #isDone. */
  #lastKey: Uint8Array | undefined;
  #isDone = false;
  #isStarted = false;

  constructor(view: StateView, map: StateMap, options: RangeOptions) {
    this.#view = view;
    this.#map = map;
    this.#options = options;
  }

  /** The next row, or undefined at the end. @throws StateForgotten */
  next(): Row | undefined {
    this.#view.ensureReadable();
    this.#isStarted = true;
    const row = this.#nextRow();
    this.#lastKey = row?.key ?? this.#lastKey;
    this.#isDone = row === undefined;
    return row;
  }

  /** Whether a record younger than the state lies where the scan has been. */
  hasChanged(): boolean {
    const table = this.#map.table();
    if (table === undefined || !this.#isStarted) return false;
    const { records } = this.#view.parts;
    const cursor = new TreeCursor(table.tree);
    const last = this.#isDone ? undefined : this.#lastKey;
    const lastSlice = last === undefined ? undefined : new KeySlice().ofArray(last);
    const isReverse = this.#options.reverse === true;
    seekStart(cursor, this.#options);
    for (let newest = cursor.record; newest !== 0; newest = cursor.record) {
      const slice = records.key(newest, this.#slice);
      if (this.#isBeyond(slice)) return false;
      if (lastSlice !== undefined) {
        const isPast = isReverse ? lastSlice.isAbove(slice) : slice.isAbove(lastSlice);
        if (isPast) return false;
      }
      if (records.seqno(newest) > this.#view.seqno) return true;
      cursor.step(isReverse ? -1 : 1);
    }
    return false;
  }

  #nextRow(): Row | undefined {
    const cursor = this.#placedCursor();
    if (cursor === undefined) return undefined;
    const { records } = this.#view.parts;
    const direction = this.#options.reverse === true ? -1 : 1;
    for (let newest = cursor.record; newest !== 0; newest = cursor.record) {
      const slice = records.key(newest, this.#slice);
      if (this.#isBeyond(slice)) return undefined;
      const record = this.#view.visible(newest);
      cursor.step(direction);
      if (record === 0) continue;
      return { key: slice.copy(), value: records.value(record), version: records.seqno(record) };
    }
    return undefined;
  }

  #isBeyond(key: KeySlice): boolean {
    const { from, to, reverse } = this.#options;
    if (reverse === true) return from !== undefined && this.#bound.ofArray(from).isAbove(key);
    return to !== undefined && !this.#bound.ofArray(to).isAbove(key);
  }

  /** The cursor at the next key, sought anew when there is none yet or entries have moved. */
  #placedCursor(): TreeCursor | undefined {
    const table = this.#map.table();
    if (table === undefined) return undefined;
    if (this.#cursor === undefined || table !== this.#table) {
      this.#table = table;
      this.#cursor = new TreeCursor(table.tree);
    } else if (!this.#cursor.isStale) return this.#cursor;
    this.#seek(this.#cursor);
    return this.#cursor;
  }

  #seek(cursor: TreeCursor): void {
    const last = this.#lastKey;
    if (last === undefined) {
      seekStart(cursor, this.#options);
    } else if (this.#options.reverse === true) {
      cursor.seekBelow(this.#bound.ofArray(last));
    } else {
      cursor.seekAtLeast(this.#bound.ofArray(last));
      if (cursor.record === 0) return;
      const slice = this.#view.parts.records.key(cursor.record, this.#slice);
      if (!slice.isAbove(this.#bound)) cursor.step(1);
    }
  }
}

/** To the first key of a range, or the last one in reverse. */
function seekStart(cursor: TreeCursor, { from, to, reverse }: RangeOptions): void {
  const bound = reverse === true ? to : from;
  const slice = bound === undefined ? undefined : new KeySlice().ofArray(bound);
  if (reverse === true) cursor.seekBelow(slice);
  else cursor.seekAtLeast(slice);
}
