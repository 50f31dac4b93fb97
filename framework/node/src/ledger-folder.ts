/**
 * Folders with ledgers as the rooms below take them: this node's own, which bears its mark, and
 * copies of other nodes', which are only looked at.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Log, Seqno } from '@coco/base';
import type { SigningKey } from '@coco/crypto';
import { copyMissingChunks, type LedgerFolder, SnapshotFiles } from '@coco/ledger';
import { type LedgerCopy, removeOtherMarks, surveyCopy, writeMark } from '@coco/recovery';
import type { RecoverConfiguration } from './command-configuration.ts';
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
  options: {
    readonly baseFolder: string;
    readonly log: Log;
    readonly snapshots: readonly LedgerFolder[];
  },
): Promise<LedgerCopy | undefined> {
  const { baseFolder, log, snapshots } = options;
  const path = resolve(baseFolder, folder);
  let toldCount = 0;
  const found = await surveyCopy({
    disk: new ReadOnlyDisk(dirname(path)),
    folder: basename(path),
    name: folder,
    snapshots,
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

/**
 * Where a recovery looks for the snapshot that a ledger begins with: this node's own folder, those
 * configured, and beside each ledger that it compares with. Who made one does not matter: the
 * ledger vouches for it.
 */
export async function snapshotFolders(
  { configuration, baseFolder }: NodeFolders,
  recovery: Pick<RecoverConfiguration, 'snapshotDirectories' | 'otherLedgerDirectories'>,
): Promise<readonly LedgerFolder[]> {
  const { snapshotDirectories, otherLedgerDirectories } = recovery;
  const own = resolve(baseFolder, configuration.snapshots.directory);
  const beside = otherLedgerDirectories.map((name) =>
    join(dirname(resolve(baseFolder, name)), basename(own)),
  );
  const configured = snapshotDirectories.map((name) => resolve(baseFolder, name));
  const optional = await Promise.all([own, ...beside].map(foldersThere));
  return [...new Set([...optional.flat(), ...configured])].map(readOnlyLedgerAt);
}

async function foldersThere(path: string): Promise<readonly string[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? [path] : [];
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
