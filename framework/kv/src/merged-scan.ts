/** A range of a transaction: the rows of its state merged with its own writes, which hide them. */
import { compareBytes, type Seqno } from '@coco/base';
import type { RangeOptions, Row } from './map-reader.ts';
import type { StateScan } from './state-view.ts';
import { keyText, type OwnWrite, type WriteOverlay } from './write-overlay.ts';

/** Each step returns the next key after the last one, as state and writes then stand. */
export class MergedScan {
  readonly #overlay: WriteOverlay;
  readonly #scan: StateScan;
  readonly #isReverse: boolean;
  readonly #options: RangeOptions;
  /** The state's next row, fetched but not returned yet. */
  #pending: Row | undefined;
  #isScanDone = false;
  #lastText: string | undefined;

  constructor(overlay: WriteOverlay, scan: StateScan, options: RangeOptions) {
    this.#overlay = overlay;
    this.#scan = scan;
    this.#options = options;
    this.#isReverse = options.reverse === true;
  }

  next(version: Seqno): Row | undefined {
    for (;;) {
      const row = this.#stateRow();
      const write = this.#ownWrite();
      const order = row === undefined ? 1 : write === undefined ? -1 : this.#order(row, write);
      if (row !== undefined && order < 0) return this.#take(row);
      if (write === undefined) return undefined;
      if (order === 0) this.#pending = undefined;
      this.#lastText = keyText(write.key);
      if (write.value === undefined) continue;
      return { key: write.key.slice(), value: write.value.slice(), version };
    }
  }

  #order(row: Row, write: OwnWrite): number {
    const order = compareBytes(row.key, write.key);
    return this.#isReverse ? -order : order;
  }

  #take(row: Row): Row {
    this.#pending = undefined;
    this.#lastText = keyText(row.key);
    return row;
  }

  #stateRow(): Row | undefined {
    if (this.#pending === undefined && !this.#isScanDone) {
      this.#pending = this.#scan.next();
      this.#isScanDone = this.#pending === undefined;
    }
    return this.#pending;
  }

  #ownWrite(): OwnWrite | undefined {
    if (this.#overlay.count === 0) return undefined;
    const { from, to } = this.#options;
    const fromText = from === undefined ? '' : keyText(from);
    const toText = to === undefined ? undefined : keyText(to);
    const text = this.#isReverse
      ? this.#overlay.before(this.#lastText ?? toText)
      : this.#overlay.after(this.#lastText ?? fromText, this.#lastText === undefined);
    if (text === undefined || text < fromText) return undefined;
    return toText !== undefined && text >= toText ? undefined : this.#overlay.get(text);
  }
}
