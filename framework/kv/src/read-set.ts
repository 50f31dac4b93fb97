/**
 * What a transaction has read of its state, so that it can be told whether a later state would have
 * answered the same. Values are not kept: a record younger than the state counts as a change.
 */
import type { Seqno } from '@coco/base';
import { KeySlice } from './key-slice.ts';
import type { StoreLimits } from './limits.ts';
import type { MapCatalog, MapTable } from './map-table.ts';
import type { RecordHeap } from './record-heap.ts';
import { keyText } from './write-overlay.ts';
import { tooLarge } from './write-set.ts';

/** What a noted scan or key takes beside its bytes, roughly. */
const bytesPerNote = 64;

/** A range read so far, which can tell whether it would come out the same now. */
interface Scan {
  hasChanged(): boolean;
}

/** The state that was read, and the store's present one beside it. */
interface ReadState {
  readonly seqno: Seqno;
  readonly parts: { readonly catalog: MapCatalog; readonly records: RecordHeap };
  sizeOf(table: MapTable): number;
}

export class ReadSet {
  readonly #limits: StoreLimits;
  /** By map name, then by the key's text. */
  readonly #keys = new Map<string, Map<string, Uint8Array>>();
  readonly #scans: Scan[] = [];
  /** Names of the maps whose size was read. */
  readonly #sizes = new Set<string>();
  readonly #slice = new KeySlice();
  #byteCount = 0;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** @throws WriteSetTooLarge */
  noteKey(name: string, key: Uint8Array): void {
    let keys = this.#keys.get(name);
    if (keys === undefined) this.#keys.set(name, (keys = new Map()));
    const text = keyText(key);
    if (keys.has(text)) return;
    this.#take(key.length);
    keys.set(text, new Uint8Array(key));
  }

  /** The scan tells later how far it went. @throws WriteSetTooLarge */
  noteScan(scan: Scan): void {
    this.#take(0);
    this.#scans.push(scan);
  }

  noteSize(name: string): void {
    this.#sizes.add(name);
  }

  /** Whether the store's present state answers all reads as `view` did. */
  isCurrent(view: ReadState): boolean {
    const { catalog, records } = view.parts;
    for (const name of this.#sizes) {
      const table = catalog.table(name);
      if (table !== undefined && table.size !== view.sizeOf(table)) return false;
    }
    for (const [name, keys] of this.#keys) {
      const table = catalog.table(name);
      if (table === undefined) continue;
      for (const key of keys.values()) {
        const newest = table.tree.find(this.#slice.ofArray(key));
        if (newest !== 0 && records.seqno(newest) > view.seqno) return false;
      }
    }
    return !this.#scans.some((scan) => scan.hasChanged());
  }

  #take(byteCount: number): void {
    this.#byteCount += byteCount + bytesPerNote;
    if (this.#byteCount > this.#limits.transactionBytesMax) throw tooLarge(this.#limits);
  }
}
