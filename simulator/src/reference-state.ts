/**
 * What the state must be: the committed ledger, opened with the secrets and applied to plain maps,
 * with nothing of the store, the pipeline or the adapters in between. Every node's state is
 * compared with it, and every counter has to count.
 */
import { type Seqno, toHex, utf8Decode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import type { ReadView, WriteSet } from '@coco/kv';
import { countersMap, decodeCount, optimisticMap, totalsMap } from './counters-adapter.ts';
import { check } from './errors.ts';

interface ReferenceRow {
  readonly value: Uint8Array;
  readonly version: number;
}

export class ReferenceState {
  readonly #maps = new Map<string, Map<string, ReferenceRow>>();
  #increments = 0;
  /** The counts of each counter with the seqnos that brought them, ascending. */
  readonly #counts = new Map<string, { readonly seqno: number; readonly count: number }[]>();

  /** Counters that were ever incremented, and increments in all. */
  get incrementCount(): number {
    return this.#increments;
  }

  apply(writeSet: WriteSet, seqno: Seqno): void {
    this.#checkCounters(writeSet, seqno);
    for (const { name, rows } of writeSet.maps) {
      const map = this.#maps.get(name) ?? new Map<string, ReferenceRow>();
      for (const { key, value } of rows) {
        if (value) map.set(toHex(key), { value: value.slice(), version: seqno });
        else map.delete(toHex(key));
      }
      if (map.size > 0) this.#maps.set(name, map);
      else this.#maps.delete(name);
    }
  }

  /** What a counter was at an earlier moment of the ledger. */
  countAt(name: string, seqno: number): number {
    const counts = this.#counts.get(name) ?? [];
    return counts.findLast((one) => one.seqno <= seqno)?.count ?? 0;
  }

  value(map: string, key: Uint8Array): Uint8Array | undefined {
    return this.#maps.get(map)?.get(toHex(key))?.value;
  }

  /** Names every row of the state; equal digests are equal states. */
  digest(): string {
    const lines: string[] = [];
    for (const name of [...this.#maps.keys()].sort()) {
      const rows = [...(this.#maps.get(name) ?? [])].sort(([one], [other]) =>
        one < other ? -1 : 1,
      );
      for (const [key, { value, version }] of rows) lines.push(lineOf(name, key, value, version));
    }
    return digestOf(lines);
  }

  #checkCounters(writeSet: WriteSet, seqno: Seqno): void {
    for (const { name, rows } of writeSet.maps) {
      for (const { key, value } of rows) {
        if (name === totalsMap) {
          const total = decodeCount(value);
          const rule = `the total at ${seqno} is ${this.#increments}`;
          check(total === this.#increments, `${rule}, not ${total}`);
        }
        if (name !== countersMap && name !== optimisticMap) continue;
        const before = decodeCount(this.#maps.get(name)?.get(toHex(key))?.value);
        const count = decodeCount(value);
        const rule = `counter ${utf8Decode(key)} goes from ${before} to ${before + 1} at ${seqno}`;
        check(count === before + 1, `${rule}, not to ${count}`);
        if (name !== countersMap) continue;
        this.#increments++;
        const counts = this.#counts.get(utf8Decode(key)) ?? [];
        counts.push({ seqno, count });
        this.#counts.set(utf8Decode(key), counts);
      }
    }
  }
}

/** The digest of a node's state, made as `ReferenceState.digest` makes it. */
export function stateDigest(state: ReadView): string {
  const lines: string[] = [];
  // Map names are ASCII: their byte order is the order of the texts.
  for (const name of state.mapNames()) {
    for (const { key, value, version } of state.map(name).range()) {
      lines.push(lineOf(name, toHex(key), value, version));
    }
  }
  return digestOf(lines);
}

function lineOf(name: string, key: string, value: Uint8Array, version: number): string {
  return `${name} ${key} ${version} ${toHex(value)}`;
}

function digestOf(lines: readonly string[]): string {
  return toHex(sha256(Buffer.from(lines.join('\n'))));
}
