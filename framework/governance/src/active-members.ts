/**
 * Who is active, as a table whose size is a number at hand: a rule that counts heads need not read
 * every member. Members become active here and lose it by actions; `members.info` says the truth,
 * and this follows it within the same transaction.
 */
import { utf8Decode } from '@coco/base';
import type { Transaction } from '@coco/kv';
import { activeMembers, presence } from './coco-tables.ts';
import type { Writable } from './table.ts';
import { memberInfos } from './tables.ts';

/** Part of every write of a member's row. */
export function indexMember(transaction: Writable, id: string): void {
  const isActive = memberInfos.get(transaction, id)?.status === 'Active';
  if (isActive === activeMembers.has(transaction, id)) return;
  if (isActive) activeMembers.put(transaction, id, presence);
  else activeMembers.delete(transaction, id);
}

/** Takes up what actions did to members, and puts right what they wrote into the index itself. */
export function indexWrittenMembers(transaction: Transaction): void {
  const names = [memberInfos.name, activeMembers.name];
  const written = transaction.writeSet().maps.filter(({ name }) => names.includes(name));
  const ids = new Set(written.flatMap(({ rows }) => rows.map(({ key }) => utf8Decode(key))));
  for (const id of ids) indexMember(transaction, id);
}

/** Makes the index of a ledger that was written without one. */
export function rebuildActiveMembers(transaction: Writable): void {
  const ids = [...memberInfos.keys(transaction), ...activeMembers.keys(transaction)];
  for (const id of ids) indexMember(transaction, id);
}
