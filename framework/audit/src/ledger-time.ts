/**
 * The ledger's own time: what governance transactions that run scripts write, and when an open
 * proposal is due to be resolved again. Coco's tables, docs/formats/governance-tables.md.
 */
import { isJsonObject, type JsonValue, LedgerError, parseJson, utf8Decode } from '@coco/base';
import { proposalInfos, type Readable } from '@coco/governance';
import type { RawChange } from './entry-changes.ts';
import type { EntryScene } from './entry-scene.ts';

const clockTable = 'public:coco.gov.clock';
const timesTable = 'public:coco.gov.proposal_times';
const wakeupsTable = 'public:coco.gov.wakeups';
const decidedTable = 'public:coco.gov.decided';
const singletonKey = new Uint8Array(8);

/** Unix milliseconds by the ledger's clock; undefined before the first that was written. */
export function ledgerMs(state: Readable): number | undefined {
  const bytes = state.map(clockTable).get(singletonKey);
  const value = bytes && jsonOf(bytes);
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** Time goes on; a proposal keeps the time of its submission; the index of decisions fits them. */
export function checkLedgerTime(scene: EntryScene): void {
  const { changes } = scene;
  const [before, after] = [ledgerMs(changes.before), ledgerMs(changes.after)];
  if (before !== undefined && (after === undefined || after < before)) {
    scene.report('DecisionInvalid', 'The ledger’s time went back.');
  }
  for (const change of changes.raw(timesTable)) checkTimes(scene, change, after);
  for (const { key, after: isDecided } of changes.raw(decidedTable)) {
    const state = proposalInfos.get(changes.after, utf8Decode(key))?.state;
    const isOver = state !== undefined && state !== 'Open';
    if ((isDecided !== undefined) === isOver) continue;
    const text = `Proposal ${utf8Decode(key)} is ${state ?? 'gone'}, and the index says otherwise.`;
    scene.report('DecisionInvalid', text);
  }
}

function checkTimes(scene: EntryScene, change: RawChange, nowMs: number | undefined): void {
  const id = utf8Decode(change.key);
  if (!change.after) return;
  const submitted = submittedMs(change.after);
  const isNew = !proposalInfos.has(scene.changes.before, id);
  const expected = change.before ? submittedMs(change.before) : nowMs;
  if (submitted !== undefined && submitted === expected && (change.before || isNew)) return;
  scene.report(
    'DecisionInvalid',
    `Proposal ${id}: the time of its submission is not the ledger’s.`,
  );
}

function submittedMs(bytes: Uint8Array): number | undefined {
  const row = jsonOf(bytes);
  const value = isJsonObject(row) ? row.submitted_at_ms : undefined;
  return typeof value === 'number' ? value : undefined;
}

function jsonOf(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseJson(bytes);
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
