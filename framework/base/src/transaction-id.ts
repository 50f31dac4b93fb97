/**
 * View, seqno and the transaction id `view.seqno` (docs/GLOSSARY.md). Branded so that one cannot
 * stand for another; numbers are safe integers, checked where they enter.
 */
import { assert } from './assert.ts';
import { refuse } from './errors.ts';

/** A primary's term of office; equals the Raft term. 1 to 2^31 - 1 (it must fit the GCM nonce). */
export type View = number & { readonly __brand: 'View' };
/** The position of an entry in the ledger; the first entry has seqno 1. */
export type Seqno = number & { readonly __brand: 'Seqno' };
/** The position of an entry in Raft's log; not a seqno. */
export type RaftIndex = number & { readonly __brand: 'RaftIndex' };

/** Views must fit 31 bits: bit 31 of the nonce marks snapshots (CCF ledger format). */
export const viewMax = 0x7fff_ffff;

export interface TransactionId {
  readonly view: View;
  readonly seqno: Seqno;
}

export function asView(value: number): View {
  assert(Number.isInteger(value) && value >= 0 && value <= viewMax, 'a view is a u31');
  return value as View;
}

export function asSeqno(value: number): Seqno {
  assert(Number.isSafeInteger(value) && value >= 0, 'a seqno is a safe integer');
  return value as Seqno;
}

export function asRaftIndex(value: number): RaftIndex {
  assert(Number.isSafeInteger(value) && value >= 0, 'a Raft index is a safe integer');
  return value as RaftIndex;
}

export function formatTransactionId(id: TransactionId): string {
  return `${id.view}.${id.seqno}`;
}

/** @throws InvalidInput unless the text is `view.seqno` in plain decimals within range. */
export function parseTransactionId(text: string): TransactionId {
  const match = /^(0|[1-9]\d{0,9})\.(0|[1-9]\d{0,15})$/.exec(text);
  const view = Number(match?.[1]);
  const seqno = Number(match?.[2]);
  if (!match || view > viewMax || !Number.isSafeInteger(seqno)) {
    throw refuse('InvalidInput', 'A transaction id has the form view.seqno.', {
      length: text.length,
    });
  }
  return { view: view as View, seqno: seqno as Seqno };
}

/** Order of two ids of one history: by seqno, then by view. */
export function compareTransactionIds(left: TransactionId, right: TransactionId): number {
  return left.seqno - right.seqno || left.view - right.view;
}
