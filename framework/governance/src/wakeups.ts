/**
 * When open proposals are to be resolved again although nobody votes: a rule with a time limit or a
 * time lock changes its mind by itself. One wake-up per proposal; keys sort by time.
 */
import { utf8Decode } from '@coco/base';
import { presence, proposalTimes, wakeups } from './coco-tables.ts';
import type { Readable, Writable } from './table.ts';

/** Thirteen digits last until the year 2286, as the ten digits of CCF's seconds do. */
const timeDigits = 13;
const timeMsMax = 9_999_999_999_999;

export interface Wakeup {
  /** Key of its row. */
  readonly key: string;
  /** Not a number in a row that no setWakeup wrote. */
  readonly atMs: number;
  readonly proposalId: string;
}

/** Sets, moves or (undefined) removes the proposal's wake-up. */
export function setWakeup(
  transaction: Writable,
  proposalId: string,
  atMs: number | undefined,
): void {
  const times = proposalTimes.get(transaction, proposalId);
  if (!times || times.wake_at_ms === atMs) return;
  if (times.wake_at_ms !== undefined) {
    wakeups.delete(transaction, keyOf(times.wake_at_ms, proposalId));
  }
  if (atMs !== undefined) wakeups.put(transaction, keyOf(atMs, proposalId), presence);
  proposalTimes.put(transaction, proposalId, { ...times, wake_at_ms: atMs });
}

/** The earliest wake-up; undefined when nothing is to be woken. */
export function firstWakeup(state: Readable): Wakeup | undefined {
  for (const { key } of state.map(wakeups.name).range({ limit: 1 })) {
    const text = utf8Decode(key);
    const atMs = Number(text.slice(0, timeDigits));
    return { key: text, atMs, proposalId: text.slice(timeDigits + 1) };
  }
  return undefined;
}

/** Whether a wake-up can be set for that time. */
export function isWakeupTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value <= timeMsMax;
}

function keyOf(atMs: number, proposalId: string): string {
  return `${String(atMs).padStart(timeDigits, '0')}:${proposalId}`;
}
