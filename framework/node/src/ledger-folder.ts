/**
 * Folders with ledgers as the rooms below take them: this node's own, which bears its mark, and
 * copies of other nodes', which are only looked at.
 */
import { basename, dirname, resolve } from 'node:path';
import type { Log, Seqno } from '@coco/base';
import type { SigningKey } from '@coco/crypto';
import { copyMissingChunks, type LedgerFolder, SnapshotFiles } from '@coco/ledger';
import { type LedgerCopy, removeOtherMarks, surveyCopy, writeMark } from '@coco/recovery';
import type { NodeConfiguration } from './configuration.ts';
import { FileDisk } from './file-disk.ts';
import { ReadOnlyDisk } from './read-only-disk.ts';

/** Entries between two lines of progress. */
const progressEntries = 100_000;

export function ledgerAt(path: string): LedgerFolder {
  return { disk: new FileDisk(dirname(path)), folder: basename(path) };
}

/** Another folder with files of the ledger, which is never written to. */
export function readOnlyLedgerAt(path: string): LedgerFolder {
  return { disk: new ReadOnlyDisk(dirname(path)), folder: basename(path) };
}

/** Copies what the ledger's folder lacks from read-only ones. @throws DiskFault, DiskFull */
export async function completeLedger(
  path: string,
  place: {
    readonly baseFolder: string;
    readonly configuration: Pick<NodeConfiguration, 'readOnlyLedgerDirectories'>;
    readonly log: Log;
  },
): Promise<void> {
  const { baseFolder, configuration, log } = place;
  for (const directory of configuration.readOnlyLedgerDirectories) {
    const from = readOnlyLedgerAt(resolve(baseFolder, directory));
    const copied = await copyMissingChunks(from, ledgerAt(path));
    log.write('info', 'ledger.completed', { directory, files: copied.length });
  }
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

export interface NodeFolders {
  readonly configuration: Pick<NodeConfiguration, 'snapshots' | 'readOnlyLedgerDirectories'>;
  readonly baseFolder: string;
}

/** @throws DiskFault when the folder cannot be made or read */
export function openSnapshotFolder(
  { configuration, baseFolder }: NodeFolders,
  last: Seqno,
): Promise<SnapshotFiles> {
  const path = resolve(baseFolder, configuration.snapshots.directory);
  return SnapshotFiles.open(ledgerAt(path), last);
}
