/**
 * Decided proposals stand in their tables until the next one is decided (CCF's rule); then only the
 * ledger's history has them. An index of them keeps that independent of how many are open.
 */
import { utf8Decode } from '@coco/base';
import type { Transaction } from '@coco/kv';
import { decidedProposals, presence, proposalTimes } from './coco-tables.ts';
import type { Writable } from './table.ts';
import { proposalInfos, proposals } from './tables.ts';
import { setWakeup } from './wakeups.ts';

/** Part of every step out of Open: `id` is decided, and all that were decided before go. */
export function keepOnlyDecided(transaction: Writable, id: string): void {
  for (const other of decidedProposals.keys(transaction)) {
    if (other === id) continue;
    proposals.delete(transaction, other);
    proposalInfos.delete(transaction, other);
    proposalTimes.delete(transaction, other);
    decidedProposals.delete(transaction, other);
  }
  markDecided(transaction, id);
}

/**
 * Takes up what a constitution's actions did to proposals in this transaction: those that it
 * dropped are decided too, and nothing wakes them any more. Reads what was written, not the table.
 */
export function indexActions(transaction: Transaction): void {
  const written = transaction.writeSet().maps.find(({ name }) => name === proposalInfos.name);
  for (const { key } of written?.rows ?? []) {
    const id = utf8Decode(key);
    const state = proposalInfos.get(transaction, id)?.state;
    if (state === 'Open') decidedProposals.delete(transaction, id);
    else if (state !== undefined) markDecided(transaction, id);
    else forget(transaction, id);
  }
}

/** Makes the index of a ledger that was written without one. */
export function rebuildDecided(transaction: Writable): void {
  for (const [id, info] of proposalInfos.rows(transaction)) {
    if (info.state !== 'Open') markDecided(transaction, id);
  }
}

function markDecided(transaction: Writable, id: string): void {
  setWakeup(transaction, id, undefined);
  if (!decidedProposals.has(transaction, id)) decidedProposals.put(transaction, id, presence);
}

function forget(transaction: Writable, id: string): void {
  setWakeup(transaction, id, undefined);
  proposalTimes.delete(transaction, id);
  decidedProposals.delete(transaction, id);
}
