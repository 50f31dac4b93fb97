/** The maps of a store: of each the index of its newest records and its sizes at sealed states. */
import { assert, present, type Seqno } from '@coco/base';
import { KeySlice } from './key-slice.ts';
import { KeyTree } from './key-tree.ts';
import { compareMapNames } from './map-name.ts';
import type { RecordHeap } from './record-heap.ts';
import type { SlabMemory } from './slab-memory.ts';

interface SizeAt {
  readonly seqno: Seqno;
  readonly size: number;
}

/** One map. */
export class MapTable {
  readonly name: string;
  /** Stands in every record of the map, so that a record leads to its tree. */
  readonly number: number;
  readonly tree: KeyTree;
  readonly #records: RecordHeap;
  readonly #slice = new KeySlice();
  /** Keys present now. */
  size = 0;
  /** Set when the map has no record left and its number may serve another name. */
  isDropped = false;
  /** Invariant: ascending; one entry for each seal before which the size changed. */
  #sizes: SizeAt[] = [];

  constructor(identity: { name: string; number: number }, memory: SlabMemory, records: RecordHeap) {
    this.name = identity.name;
    this.number = identity.number;
    this.tree = new KeyTree(memory, records);
    this.#records = records;
  }

  /** Makes the newest record of a key; returns it, or 0 when there is nothing to remove. */
  write(key: Uint8Array, value: Uint8Array | undefined, seqno: Seqno): number {
    const records = this.#records;
    const slice = this.#slice.ofArray(key);
    if (value === undefined) {
      const newest = this.tree.find(slice);
      if (newest === 0 || records.isRemoval(newest)) return 0;
    }
    const record = records.create(slice, { mapNumber: this.number, seqno, previous: 0, value });
    const former = this.tree.exchange(slice, record);
    if (former !== 0) records.setPrevious(record, former);
    if (value === undefined) this.size--;
    else if (former === 0 || records.isRemoval(former)) this.size++;
    return record;
  }

  /** Takes back the newest record of its key; returns the one before, or 0. */
  takeBack(record: number): number {
    const records = this.#records;
    const former = records.previous(record);
    this.size -= this.sizeDelta(record);
    const slice = records.key(record, this.#slice);
    if (former === 0) this.tree.remove(slice);
    else this.tree.exchange(slice, former);
    records.release(record);
    return former;
  }

  /** By how much the record changed the map's size. */
  sizeDelta(record: number): number {
    const records = this.#records;
    const former = records.previous(record);
    const before = former === 0 || records.isRemoval(former) ? 0 : 1;
    return (records.isRemoval(record) ? 0 : 1) - before;
  }

  /** Takes a removal out of the index if it is the newest record of its key. */
  purge(removal: number): boolean {
    const slice = this.#records.key(removal, this.#slice);
    if (this.tree.find(slice) !== removal) return false;
    this.tree.remove(slice);
    return true;
  }

  /** Notes the size at a sealed seqno; `oldest` is the first state that is still readable. */
  recordSize(seqno: Seqno, oldest: Seqno): void {
    const sizes = this.#sizes;
    if (sizes.at(-1)?.size !== this.size) sizes.push({ seqno, size: this.size });
    let unreachable = 0;
    while ((sizes[unreachable + 1]?.seqno ?? seqno + 1) <= oldest) unreachable++;
    if (unreachable > 0) this.#sizes = sizes.slice(unreachable);
  }

  forgetSizesAfter(seqno: Seqno): void {
    while ((this.#sizes.at(-1)?.seqno ?? 0) > seqno) this.#sizes.pop();
  }

  /** The size at a sealed seqno. */
  sealedSize(seqno: Seqno): number {
    return this.#sizes.findLast((entry) => entry.seqno <= seqno)?.size ?? 0;
  }
}

/** The store's maps by name and by number. A map exists while it has a record. */
export class MapCatalog {
  readonly #memory: SlabMemory;
  readonly #records: RecordHeap;
  readonly #byName = new Map<string, MapTable>();
  readonly #byNumber: (MapTable | undefined)[] = [];
  readonly #numbersFree: number[] = [];

  constructor(memory: SlabMemory, records: RecordHeap) {
    this.#memory = memory;
    this.#records = records;
  }

  get size(): number {
    return this.#byName.size;
  }

  table(name: string): MapTable | undefined {
    return this.#byName.get(name);
  }

  tables(): Iterable<MapTable> {
    return this.#byName.values();
  }

  /** The map that a record belongs to. */
  tableOf(record: number): MapTable {
    return present(this.#byNumber[this.#records.mapNumber(record)], 'a record has its map');
  }

  tableOrNew(name: string): MapTable {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const number = this.#numbersFree.pop() ?? this.#byNumber.length;
    const table = new MapTable({ name, number }, this.#memory, this.#records);
    this.#byName.set(name, table);
    this.#byNumber[number] = table;
    return table;
  }

  /** Drops a map that has no record left. */
  dropIfEmpty(table: MapTable): void {
    if (table.tree.keyCount > 0 || table.isDropped) return;
    assert(table.size === 0, 'a map without records has size 0');
    table.isDropped = true;
    this.#byName.delete(table.name);
    this.#byNumber[table.number] = undefined;
    this.#numbersFree.push(table.number);
  }

  /** Names of the maps that pass, in byte order. */
  names(hasRows: (table: MapTable) => boolean): readonly string[] {
    const names: string[] = [];
    for (const table of this.#byName.values()) if (hasRows(table)) names.push(table.name);
    return names.sort(compareMapNames);
  }
}
