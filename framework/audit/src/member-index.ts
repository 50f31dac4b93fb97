/**
 * The index of active members (docs/formats/governance-tables.md): rules that count heads go by its
 * size, so a row too many or too few would move a majority. Ledgers of earlier versions have none;
 * where it is empty, constitutions read the members themselves.
 */
import { utf8Decode } from '@coco/base';
import { memberInfos } from '@coco/governance';
import type { EntryScene } from './entry-scene.ts';
import { activeMembersTable } from './table-kinds.ts';

/** What an entry changed in members or index must agree afterwards. */
export function checkMemberIndex(scene: EntryScene): void {
  const { changes } = scene;
  const index = changes.after.map(activeMembersTable);
  if (index.size === 0) return;
  const written = [...changes.raw(memberInfos.name), ...changes.raw(activeMembersTable)];
  const ids = new Map(written.map(({ key }) => [utf8Decode(key), key] as const));
  for (const [id, key] of ids) {
    const isActive = memberInfos.get(changes.after, id)?.status === 'Active';
    if (isActive === index.has(key)) continue;
    const truth = isActive ? 'active' : 'not active';
    const text = `Member ${id} is ${truth}, and the index of active members says otherwise.`;
    scene.report('DecisionInvalid', text);
  }
}
