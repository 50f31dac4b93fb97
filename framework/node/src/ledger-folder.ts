/**
 * Folders with ledgers as the rooms below take them: this node's own, which bears its mark, and
 * copies of other nodes', which are only looked at.
 */
import { basename, dirname, resolve } from 'node:path';
import type { Log, Seqno } from '@coco/base';
import type { SigningKey } from '@coco/crypto';
import { type LedgerFolder, SnapshotFiles } from '@coco/ledger';
import { type LedgerCopy, removeOtherMarks, surveyCopy, writeMark } from '@coco/recovery';
import type { NodeConfiguration } from './configuration.ts';
import { FileDisk } from './file-disk.ts';
import { ReadOnlyDisk } from './read-only-disk.ts';

/** Entries between two lines of progress. */
const progressEntries = 100_000;

export function ledgerAt(path: string): LedgerFolder {
  return { disk: new FileDisk(dirname(path)), folder: basename(path) };
}

/** Marks the folder as this node's beside whose it was. @throws DiskFault */
export function markFolder(path: string, key: SigningKey): Promise<void> {
  return writeMark(ledgerAt(path), key);
}

/** The folder is this node's alone from here on. @throws DiskFault */
export async function takeFolder(path: string, key: SigningKey): Promise<void> {
  await markFolder(path, key);
  await removeOtherMarks(ledgerAt(path), key);
}

/** Reads another node's ledger; undefined, and a line in the log, where it cannot be used. */
export async function surveyLedger(
  folder: string,
  { baseFolder, log }: { readonly baseFolder: string; readonly log: Log },
): Promise<LedgerCopy | undefined> {
  const path = resolve(baseFolder, folder);
  let toldCount = 0;
  const found = await surveyCopy({
    disk: new ReadOnlyDisk(dirname(path)),
    folder: basename(path),
    name: folder,
    onProgress: ({ entryCount, bytesRead, bytesTotal }) => {
      if (entryCount < toldCount + progressEntries) return;
      toldCount = entryCount;
      log.write('info', 'recovery.survey', { folder, entryCount, bytesRead, bytesTotal });
    },
  });
  if (found.kind === 'copy') return found;
  log.write('warning', 'recovery.ledger.unusable', { folder, reason: found.reason });
  return undefined;
}

export interface SnapshotPlace {
  readonly configuration: Pick<NodeConfiguration, 'snapshots'>;
  readonly baseFolder: string;
}

/** @throws DiskFault when the folder cannot be made or read */
export function openSnapshotFolder(
  { configuration, baseFolder }: SnapshotPlace,
  last: Seqno,
): Promise<SnapshotFiles> {
  const path = resolve(baseFolder, configuration.snapshots.directory);
  return SnapshotFiles.open(ledgerAt(path), last);
}
