/** The store's model: plain maps, a full copy of the state for each seqno. */
import { toHex } from '@coco/base';

export interface NaiveRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: number;
}

/** By map name, then by key in hex (whose order is the order of the bytes). */
export type NaiveState = Map<string, Map<string, NaiveRow>>;

export function copyState(state: NaiveState): NaiveState {
  return new Map([...state].map(([name, rows]) => [name, new Map(rows)]));
}

export function writeRow(state: NaiveState, name: string, row: NaiveRow): void {
  const rows = state.get(name) ?? new Map<string, NaiveRow>();
  rows.set(toHex(row.key), row);
  state.set(name, rows);
}

export function removeRow(state: NaiveState, name: string, key: Uint8Array): void {
  const rows = state.get(name);
  rows?.delete(toHex(key));
  if (rows?.size === 0) state.delete(name);
}

export function naiveRange(
  state: NaiveState,
  name: string,
  options: { from?: Uint8Array; to?: Uint8Array; limit?: number; reverse?: boolean },
): NaiveRow[] {
  const from = options.from === undefined ? '' : toHex(options.from);
  const to = options.to === undefined ? 'z' : toHex(options.to);
  const texts = [...(state.get(name)?.keys() ?? [])].sort();
  const inside = texts.filter((text) => text >= from && text < to);
  if (options.reverse === true) inside.reverse();
  return inside.slice(0, options.limit).map((text) => state.get(name)?.get(text) as NaiveRow);
}

/** States by seqno, from the beginning, and what the store must still serve. */
export class NaiveStore {
  states: NaiveState[] = [new Map()];
  sealed: number[] = [];
  committed = 0;
  /** Sealed states that are held: they and all younger ones are kept. */
  readonly pins: number[] = [];
  readonly statesMax: number;

  constructor(statesMax: number) {
    this.statesMax = statesMax;
  }

  get seqno(): number {
    return this.states.length - 1;
  }

  get state(): NaiveState {
    return this.states[this.seqno] as NaiveState;
  }

  seal(): void {
    if (this.sealed.at(-1) !== this.seqno) this.sealed.push(this.seqno);
  }

  rollback(to: number): void {
    this.states.length = to + 1;
    this.sealed = this.sealed.filter((seqno) => seqno <= to);
  }

  commit(seqno: number): void {
    this.committed = seqno;
    const below = this.sealed.filter((sealed) => sealed <= seqno);
    const above = this.sealed.filter((sealed) => sealed > seqno);
    const firstKept = Math.min(...this.pins, below.at(-this.statesMax) ?? 0);
    this.sealed = [...below.filter((sealed) => sealed >= firstKept), ...above];
  }

  isReadable(seqno: number): boolean {
    if (seqno > this.seqno) return false;
    return seqno >= this.committed || this.sealed.includes(seqno);
  }
}
