/**
 * A walk over a map's rows as they were when it began, though the script writes to the map
 * meanwhile, as CCF's `forEach` has it. The store's own walk sees later writes: what they replace
 * is noted here before they are made.
 */
import { compareBytes, toHex } from '@coco/base';
import type { ScriptMap } from './script.ts';
import type { ScriptRow } from './script-request.ts';

interface Replaced {
  readonly key: Uint8Array;
  /** Undefined when there was no such row. */
  readonly value: Uint8Array | undefined;
}

export class MapCursor {
  readonly map: ScriptMap;
  readonly #rows: Iterator<ScriptRow>;
  readonly #replaced = new Map<string, Replaced>();
  /** The store's next row, fetched but not returned yet. */
  #pending: ScriptRow | undefined;
  #last: Uint8Array | undefined;

  constructor(map: ScriptMap) {
    this.map = map;
    this.#rows = map.range()[Symbol.iterator]();
  }

  /** To be called before the row of a key changes. */
  noteChange(key: Uint8Array): void {
    const isPassed = this.#last !== undefined && compareBytes(key, this.#last) <= 0;
    const text = toHex(key);
    if (isPassed || this.#replaced.has(text)) return;
    this.#replaced.set(text, { key, value: this.map.get(key) });
  }

  /** The next rows, until they hold `bytesMax` bytes or more. */
  page(bytesMax: number): { readonly rows: readonly ScriptRow[]; readonly isLast: boolean } {
    const replaced = [...this.#replaced.values()].sort((one, other) =>
      compareBytes(one.key, other.key),
    );
    const rows: ScriptRow[] = [];
    let bytes = 0;
    while (bytes < bytesMax) {
      const row = this.#next(replaced);
      if (row === undefined) return { rows, isLast: true };
      rows.push(row);
      bytes += row.key.length + row.value.length;
    }
    return { rows, isLast: false };
  }

  /** Merges the store's walk with what was replaced ahead of it. */
  #next(replaced: Replaced[]): ScriptRow | undefined {
    for (;;) {
      this.#pending ??= this.#fetch();
      const [change] = replaced;
      const order = this.#order(change);
      if (change === undefined || order > 0) {
        const row = this.#pending;
        this.#pending = undefined;
        this.#last = row?.key ?? this.#last;
        return row;
      }
      if (order === 0) this.#pending = undefined;
      replaced.shift();
      this.#replaced.delete(toHex(change.key));
      this.#last = change.key;
      if (change.value !== undefined) return { key: change.key, value: change.value };
    }
  }

  /** Negative when what was replaced comes before the store's next row. */
  #order(change: Replaced | undefined): number {
    if (change === undefined) return 1;
    return this.#pending === undefined ? -1 : compareBytes(change.key, this.#pending.key);
  }

  #fetch(): ScriptRow | undefined {
    const step = this.#rows.next();
    return step.done === true ? undefined : step.value;
  }
}
