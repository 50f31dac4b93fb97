/**
 * The ledger's time: what rules with time limits go by. It is the primary's clock as governance
 * last saw it, and never goes back, whichever node is the primary.
 */
import { ledgerClock } from './coco-tables.ts';
import type { Readable, Writable } from './table.ts';

/** The ledger's time now, in Unix milliseconds. */
export function ledgerTime(state: Readable, nowMs: number): number {
  return Math.max(ledgerClock.get(state) ?? 0, Math.floor(nowMs));
}

/** Moves the ledger's time on to now; scripts of this transaction go by it. */
export function advanceLedgerTime(transaction: Writable, nowMs: number): number {
  const time = ledgerTime(transaction, nowMs);
  ledgerClock.put(transaction, time);
  return time;
}
