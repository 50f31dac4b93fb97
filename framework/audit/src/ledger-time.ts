/**
 * The ledger's own time: what governance transactions that run scripts write, and when an open
 * proposal is due to be resolved again. Coco's tables, docs/formats/governance-tables.md.
 */
import { LedgerError, parseJson, utf8Decode } from '@coco/base';
import type { Readable } from '@coco/governance';
import type { EntryScene } from './entry-scene.ts';

const clockTable = 'public:coco.gov.clock';
const wakeupsTable = 'public:coco.gov.wakeups';
const singletonKey = new Uint8Array(8);

/** Unix milliseconds by the ledger's clock; undefined before the first that was written. */
export function ledgerMs(state: Readable): number | undefined {
  const bytes = state.map(clockTable).get(singletonKey);
  if (!bytes) return undefined;
  try {
    const value = parseJson(bytes);
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

/** Whether an open proposal was to be resolved again by the ledger's time after the entry. */
export function isDueAt(scene: EntryScene, proposalId: string): boolean {
  const nowMs = ledgerMs(scene.changes.after);
  if (nowMs === undefined) return false;
  for (const { key } of scene.changes.before.map(wakeupsTable).range()) {
    const [time, id] = utf8Decode(key).split(':');
    if (Number(time) > nowMs) break;
    if (id === proposalId) return true;
  }
  return false;
}
