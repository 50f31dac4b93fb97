/**
 * Puts a backup's files where a node will read them. Every byte is compared with the manifest while
 * it is copied, and the ledger is verified as it then stands: a damaged backup restores nothing
 * that looks whole. The folder is marked as restored: it stands for no node in a recovery.
 */
import { formatTransactionId, LedgerError, toHex } from '@coco/base';
import type { LedgerFolder } from '@coco/ledger';
import { type BackupManifest, damaged, readManifest } from './backup-manifest.ts';
import { copyFile } from './copy-file.ts';
import { recoveryError } from './errors.ts';
import { writeRestoredMark } from './ledger-mark.ts';
import { type SurveyProgress, surveyCopy } from './survey-copy.ts';

export interface RestoreOptions {
  readonly backup: LedgerFolder;
  readonly ledger: LedgerFolder;
  readonly snapshots: LedgerFolder;
  /** Id of a service's key: the backup must be of a service that had it. */
  readonly serviceId?: string;
  readonly onCopied?: (bytes: number) => void;
  readonly onVerified?: (progress: SurveyProgress) => void;
}

/** @throws BackupDamaged, BackupForeign, RestoreTargetNotEmpty, DiskFault */
export async function restore(options: RestoreOptions): Promise<BackupManifest> {
  const { backup, ledger, snapshots, serviceId } = options;
  const manifest = await readManifest(backup.disk, backup.folder);
  if (!manifest) throw damaged('The folder holds no backup: it has no manifest.');
  if (serviceId !== undefined && !manifest.identities.includes(serviceId)) {
    const message = 'The backup is of another service than the one named.';
    throw recoveryError('BackupForeign', message, { service: serviceId });
  }
  for (const target of [ledger, snapshots]) await assertEmpty(target);
  await writeRestoredMark(ledger);
  for (const file of manifest.files) {
    const to = file.kind === 'ledger' ? ledger : snapshots;
    await restoreFile(options, to, file);
  }
  for (const { disk, folder } of [ledger, snapshots]) await disk.syncFolder(folder);
  await assertRestored(options, manifest);
  return manifest;
}

async function restoreFile(
  { backup, onCopied }: RestoreOptions,
  to: LedgerFolder,
  file: BackupManifest['files'][number],
): Promise<void> {
  const from = { disk: backup.disk, path: `${backup.folder}/${file.stored}` };
  const target = { disk: to.disk, path: `${to.folder}/${file.name}` };
  const onBytes = onCopied ? { onBytes: onCopied } : {};
  try {
    const { sha256 } = await copyFile(from, target, { bytes: file.bytes, ...onBytes });
    if (sha256 === file.sha256) return;
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw damaged(`The backup’s file ${file.name} cannot be read whole.`, cause);
  }
  await to.disk.remove(target.path);
  throw damaged(`The backup’s file ${file.name} is not the one that was backed up.`);
}

async function assertEmpty({ disk, folder }: LedgerFolder): Promise<void> {
  await disk.makeFolder(folder);
  const [name] = await disk.list(folder);
  if (name === undefined) return;
  const message = `${folder} is not empty: a backup is restored into new folders.`;
  throw recoveryError('RestoreTargetNotEmpty', message, { folder, name });
}

async function assertRestored(
  { ledger, snapshots, onVerified }: RestoreOptions,
  manifest: BackupManifest,
): Promise<void> {
  const onProgress = onVerified ? { onProgress: onVerified } : {};
  const given = { ...ledger, name: ledger.folder, snapshots: [snapshots] };
  const copy = await surveyCopy({ ...given, ...onProgress });
  const point = formatTransactionId(manifest.lastSigned);
  if (copy.kind === 'unusable') {
    throw damaged(`The ledger of the backup does not verify. ${copy.reason}`);
  }
  const isWhole =
    formatTransactionId(copy.lastSigned) === point && toHex(copy.root) === manifest.root;
  if (!isWhole) throw damaged(`The ledger of the backup does not end at ${point} as it says.`);
}
