/**
 * `coco backup` and `coco restore`: a node's ledger and snapshots, kept elsewhere and put back. Both
 * read files alone: the node may run or not, and no key is needed.
 */
import { access, mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { formatTransactionId, type JsonValue, toHex } from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import { readTextFile } from '@coco/member';
import { FileDisk, ReadOnlyDisk, systemClock } from '@coco/node';
import { type BackupManifest, backUp, restore } from '@coco/recovery';
import { auditProgress } from './audit-progress.ts';
import type { Command, Flag, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { outputFlags, show } from './output.ts';
import { progressTerminal, type Terminal } from './steps.ts';

const folderFlags: Readonly<Record<string, Flag>> = {
  ledger: { type: 'string', value: 'DIR', meaning: 'in the node’s folder; default ledger' },
  snapshots: { type: 'string', value: 'DIR', meaning: 'in the node’s folder; default snapshots' },
};

export const backupCommand: Command = {
  flags: { ...folderFlags, ...outputFlags },
  run: (given) => runBackup(given, progressTerminal),
};

/** @throws BackupForeign, BackupDamaged, LedgerDamaged, NothingToRecover, DiskFault, WrongUsage */
export async function runBackup(given: Given, terminal: Terminal): Promise<void> {
  const [node = '', target = ''] = given.positionals;
  const { ledger, snapshots } = foldersOf(given, node);
  await assertFolder(ledger);
  const path = resolve(target);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const progress = auditProgress(terminal, () => performance.now());
  const hasSnapshots = await isThere(snapshots);
  const { manifest, copiedBytes, keptBytes } = await backUp({
    ledger: readOnlyAt(ledger),
    ...(hasSnapshots ? { snapshots: readOnlyAt(snapshots) } : {}),
    target: { disk: new FileDisk(dirname(path)), folder: basename(path) },
    clock: systemClock,
    onVerified: (state) => progress.show({ ...state, file: target }),
  }).finally(progress.end);
  const text = [
    `${target} holds ${ledger} up to ${formatTransactionId(manifest.lastSigned)}, verified.`,
    `  ${counted(manifest)}; ${megabytes(copiedBytes)} copied, ${megabytes(keptBytes)} was there`,
    ...coverLines(manifest),
    'It counts for no node in a recovery: its node may have committed more since.',
  ];
  show(given, { ...documentOf(manifest), copiedBytes, keptBytes }, text.join('\n'));
}

export const restoreCommand: Command = {
  flags: {
    ...folderFlags,
    'service-certificate': {
      type: 'string',
      value: 'PEM',
      meaning: 'a service that the ledger must be of, now or before a recovery',
    },
    ...outputFlags,
  },
  run: (given) => runRestore(given, progressTerminal),
};

/** @throws BackupDamaged, BackupForeign, RestoreTargetNotEmpty, DiskFault, WrongUsage */
export async function runRestore(given: Given, terminal: Terminal): Promise<void> {
  const [backup = '', node = ''] = given.positionals;
  await assertFolder(resolve(backup));
  const { ledger, snapshots } = foldersOf(given, node);
  for (const path of [ledger, snapshots]) await mkdir(path, { recursive: true, mode: 0o700 });
  const pem = given.text('service-certificate');
  const service = pem === undefined ? undefined : parseCertificate(await readTextFile(pem));
  const progress = auditProgress(terminal, () => performance.now());
  const manifest = await restore({
    backup: readOnlyAt(resolve(backup)),
    ledger: { disk: new FileDisk(dirname(ledger)), folder: basename(ledger) },
    snapshots: { disk: new FileDisk(dirname(snapshots)), folder: basename(snapshots) },
    ...(service ? { serviceId: toHex(sha256(service.spki)) } : {}),
    onVerified: (state) => progress.show({ ...state, file: node }),
  }).finally(progress.end);
  const text = [
    `${ledger} is restored up to ${formatTransactionId(manifest.lastSigned)}, verified.`,
    `  ${counted(manifest)}, backed up ${new Date(manifest.takenAtMs).toISOString()}`,
    ...coverLines(manifest),
    'Recover from it only if no node’s own ledger goes further: coco recovery inspect.',
  ];
  show(given, documentOf(manifest), text.join('\n'));
}

function foldersOf(given: Given, node: string): { ledger: string; snapshots: string } {
  const path = resolve(node);
  return {
    ledger: join(path, given.text('ledger') ?? 'ledger'),
    snapshots: join(path, given.text('snapshots') ?? 'snapshots'),
  };
}

function readOnlyAt(path: string) {
  return { disk: new ReadOnlyDisk(dirname(path)), folder: basename(path) };
}

/** @throws WrongUsage */
async function assertFolder(path: string): Promise<void> {
  if (await isThere(path)) return;
  throw cliError('WrongUsage', `There is no folder ${path}.`);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function counted({ files }: BackupManifest): string {
  const count = (kind: 'ledger' | 'snapshot') => files.filter((file) => file.kind === kind).length;
  return `${count('ledger')} ledger file(s), ${count('snapshot')} snapshot(s)`;
}

/** What it does not hold, so that nobody finds out later. */
function coverLines({ beginsAfter }: BackupManifest): readonly string[] {
  if (beginsAfter === 0) return [];
  return [
    `  It begins with a snapshot: the whole state is in it, the entries up to seqno ${beginsAfter} are not.`,
  ];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function documentOf(manifest: BackupManifest): { [name: string]: JsonValue } {
  const { lastSigned, beginsAfter, root, identities, takenAtMs, files } = manifest;
  return {
    lastSigned: formatTransactionId(lastSigned),
    beginsAfter,
    root,
    identities: [...identities],
    takenAtMs,
    files: files.map(({ name, bytes }) => ({ name, bytes })),
  };
}
