/** The store's maps by name and by number. A map exists while it has a record. */
import { assert, present } from '@coco/base';
import { compareMapNames } from './map-name.ts';
import { MapTable } from './map-table.ts';
import type { RecordHeap } from './record-heap.ts';
import type { SlabMemory } from './slab-memory.ts';

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
