/**
 * What one ledger entry changed in the governance tables, row by row, with the state before and
 * after it. Rows that were written again as they stood are no change.
 */
import { equalBytes, utf8Decode } from '@coco/base';
import type { Singleton, Table } from '@coco/governance';
import type { ReadView, WriteSet } from '@coco/kv';

export interface RowChange<Value> {
  readonly key: string;
  readonly before: Value | undefined;
  readonly after: Value | undefined;
}

/** A changed row whose table nobody here knows. */
export interface RawChange {
  readonly key: Uint8Array;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

export class EntryChanges {
  readonly before: ReadView;
  readonly after: ReadView;
  readonly #rows: ReadonlyMap<string, readonly RawChange[]>;

  constructor(writeSet: WriteSet, states: { readonly before: ReadView; readonly after: ReadView }) {
    this.before = states.before;
    this.after = states.after;
    this.#rows = new Map(
      writeSet.maps.flatMap(({ name, rows }) => {
        const old = this.before.map(name);
        const changed = rows
          .map(({ key, value }) => ({ key, before: old.get(key), after: value }))
          .filter(({ before, after }) => !isSame(before, after));
        return changed.length === 0 ? [] : [[name, changed] as const];
      }),
    );
  }

  /** Names of the tables with changed rows. */
  get tables(): readonly string[] {
    return [...this.#rows.keys()];
  }

  raw(name: string): readonly RawChange[] {
    return this.#rows.get(name) ?? [];
  }

  /** @throws GovernanceRowInvalid, InvalidInput when a key is not UTF-8 */
  rows<Value>(table: Table<Value>): readonly RowChange<Value>[] {
    const decode = (bytes: Uint8Array | undefined) => bytes && table.decode(bytes);
    return this.raw(table.name).map(({ key, before, after }) => ({
      key: utf8Decode(key),
      before: decode(before),
      after: decode(after),
    }));
  }

  /** The change of a table's one row, if there is one. @throws GovernanceRowInvalid */
  single<Value>(table: Singleton<Value>): RowChange<Value> | undefined {
    if (this.raw(table.name).length === 0) return undefined;
    const [before, after] = [table.get(this.before), table.get(this.after)];
    return { key: '', before, after };
  }
}

function isSame(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return equalBytes(left, right);
}
