/**
 * A consistent copy of a node's ledger and snapshots, while the node runs or when it has stopped.
 * Committed chunk files and snapshots never change: those that the backup has stay. What grows is
 * copied as it is and cut behind its last signature. The ledger is verified as the backup has it,
 * and only then the manifest names it: until that moment the backup is the one it was before.
 *
 * A backup bears no node's mark. It is a copy of what a node had then: in a recovery it stands for
 * no node, because that node may have committed more since.
 */
import { type Clock, type Disk, LedgerError, toHex } from '@coco/base';
import {
  findBegin,
  type LedgerFolder,
  parseChunkName,
  parseSnapshotName,
  recoverLedger,
} from '@coco/ledger';
import {
  type BackupFile,
  type BackupManifest,
  damaged,
  encodeManifest,
  manifestName,
  readManifest,
} from './backup-manifest.ts';
import { copyFile, digestOf } from './copy-file.ts';
import { recoveryError } from './errors.ts';
import { ManifestDisk } from './manifest-disk.ts';
import { type LedgerCopy, type SurveyProgress, surveyCopy } from './survey-copy.ts';

/** A node renames and cuts its files while it runs: so often the listing is read anew. */
const attemptsMax = 5;
const copyingSuffix = '.copying';

export interface BackUpOptions {
  readonly ledger: LedgerFolder;
  /** Absent: no snapshots are kept. */
  readonly snapshots?: LedgerFolder;
  /** Where the backup is, or is to be; its folder exists. */
  readonly target: LedgerFolder;
  readonly clock: Clock;
  /** Bytes copied, of those that the backup lacked. */
  readonly onCopied?: (bytes: number) => void;
  readonly onVerified?: (progress: SurveyProgress) => void;
}

export interface BackUpReport {
  readonly manifest: BackupManifest;
  readonly copiedBytes: number;
  readonly keptBytes: number;
}

/** @throws BackupForeign, BackupDamaged, NothingToRecover, LedgerDamaged, DiskFault */
export async function backUp(options: BackUpOptions): Promise<BackUpReport> {
  const { target } = options;
  const before = await readManifest(target.disk, target.folder);
  await removeUnfinished(target);
  for (let attempt = 1; ; attempt++) {
    try {
      return await new BackUp(options, before).run();
    } catch (error) {
      // A file that was renamed, cut or completed meanwhile is there under its new name.
      const mayHaveMoved =
        error instanceof LedgerError && ['DiskFault', 'LedgerDamaged'].includes(error.code);
      if (!mayHaveMoved || attempt === attemptsMax) throw error;
    }
  }
}

class BackUp {
  readonly #options: BackUpOptions;
  readonly #kept: ReadonlyMap<string, BackupFile>;
  readonly #before: BackupManifest | undefined;
  #copiedBytes = 0;
  #keptBytes = 0;

  constructor(options: BackUpOptions, before: BackupManifest | undefined) {
    this.#options = options;
    this.#before = before;
    this.#kept = new Map(before?.files.map((file) => [file.name, file]));
  }

  get #snapshots(): readonly LedgerFolder[] {
    const { snapshots } = this.#options;
    return snapshots ? [snapshots] : [];
  }

  async run(): Promise<BackUpReport> {
    const { ledger, snapshots, target, clock } = this.#options;
    const files: BackupFile[] = [];
    for (const name of await chunkNames(ledger))
      files.push(await this.#take(ledger, name, 'ledger'));
    files.push(...this.#keptBefore(files));
    const { chunks, copy } = await this.#verify(files);
    const rows = [...chunks];
    for (const name of snapshots ? await snapshotNames(snapshots, copy.lastSigned.seqno) : []) {
      rows.push(await this.#take(snapshots ?? ledger, name, 'snapshot'));
    }
    const manifest: BackupManifest = {
      lastSigned: copy.lastSigned,
      beginsAfter: copy.beginsAfter,
      root: toHex(copy.root),
      identities: copy.identities.map(({ keyId }) => keyId),
      takenAtMs: clock.nowMs(),
      files: rows,
    };
    await writeManifest(target, manifest);
    await removeOthers(target, manifest);
    return { manifest, copiedBytes: this.#copiedBytes, keptBytes: this.#keptBytes };
  }

  /** A file of the node's that the backup has already, or has now. */
  async #take(from: LedgerFolder, name: string, kind: BackupFile['kind']): Promise<BackupFile> {
    const isFinal = name.endsWith('.committed');
    const kept = this.#kept.get(name);
    if (isFinal && kept && (await this.#isSame(from, kept))) {
      this.#keptBytes += kept.bytes;
      return kept;
    }
    const { target, onCopied } = this.#options;
    const growing = { disk: target.disk, path: `${target.folder}/${name}${copyingSuffix}` };
    await removeIfThere(target, `${name}${copyingSuffix}`);
    const copied = await copyFile({ disk: from.disk, path: `${from.folder}/${name}` }, growing, {
      onBytes: (count) => {
        this.#copiedBytes += count;
        onCopied?.(count);
      },
    });
    // What still grows is kept under a name of its own, so that the former backup stays whole.
    const stored = isFinal ? name : `${name}.${copied.sha256.slice(0, 16)}`;
    await target.disk.rename(growing.path, `${target.folder}/${stored}`);
    return { kind, name, stored, ...copied };
  }

  /**
   * Older files that the backup has and the node does not, because it began from a snapshot or they
   * were moved away: as long as they fit before what the node has, the backup stays whole.
   */
  #keptBefore(taken: readonly BackupFile[]): readonly BackupFile[] {
    const first = Math.min(...taken.map(({ name }) => parseChunkName(name)?.start ?? 1));
    const kept: BackupFile[] = [];
    for (const file of this.#kept.values()) {
      const chunk = file.kind === 'ledger' ? parseChunkName(file.name) : undefined;
      if (!chunk?.isCommitted || chunk.last === undefined || chunk.last >= first) continue;
      this.#keptBytes += file.bytes;
      kept.push(file);
    }
    return kept;
  }

  /** A final file never changes: another one is of another ledger. Bit rot is copied anew. */
  async #isSame(from: LedgerFolder, kept: BackupFile): Promise<boolean> {
    const { target } = this.#options;
    const own = { disk: from.disk, path: `${from.folder}/${kept.name}` };
    if ((await digestOf(own, kept.bytes)) !== kept.sha256) throw this.#foreign(kept.name);
    if (!(await target.disk.list(target.folder)).includes(kept.stored)) return false;
    const place = { disk: target.disk, path: `${target.folder}/${kept.stored}` };
    return (await digestOf(place, kept.bytes)) === kept.sha256;
  }

  /** Reads the ledger as the backup has it. What no signature covers is cut. */
  async #verify(files: readonly BackupFile[]) {
    const { target, onVerified } = this.#options;
    const disk = new ManifestDisk(target.disk, target.folder, files);
    const copy = await surveyCopy({
      disk,
      folder: 'ledger',
      name: target.folder,
      snapshots: this.#snapshots,
      ...(onVerified ? { onProgress: onVerified } : {}),
    });
    if (copy.kind === 'unusable') await this.#tellUnusable(disk, copy.reason);
    if (copy.kind === 'unusable') throw recoveryError('NothingToRecover', copy.reason);
    this.#assertContinues(copy);
    const chunks: BackupFile[] = [];
    for (const file of files) {
      const cut = copy.cuts.find((tail) => tail.file === file.name);
      if (!cut) chunks.push(file);
      else if (cut.position > 0) chunks.push(await this.#cut(file, cut.position));
    }
    return { chunks, copy };
  }

  /** A ledger that does not verify is told with its own code. @throws LedgerDamaged */
  async #tellUnusable(disk: Disk, reason: string): Promise<void> {
    const at = { disk, folder: 'ledger' };
    const begun = await findBegin(at, this.#snapshots);
    await recoverLedger({ ...at, begin: begun?.begin });
    const before = this.#before;
    // It verifies and holds nothing: an empty folder in place of one that was backed up.
    if (before) throw this.#foreign(reason);
  }

  async #cut(file: BackupFile, bytes: number): Promise<BackupFile> {
    const { target } = this.#options;
    const place = { disk: target.disk, path: `${target.folder}/${file.stored}` };
    const sha256 = await digestOf(place, bytes);
    if (sha256 === undefined) throw damaged(`${file.name} became shorter while it was copied.`);
    return { ...file, bytes, sha256 };
  }

  /**
   * The services of a backup are those of the ledger, from the first on, and the ledger has not
   * become shorter: a later view alone may have less. @throws BackupForeign
   */
  #assertContinues(copy: LedgerCopy): void {
    const before = this.#before;
    if (!before) return;
    if (!this.#isContinued(copy, before)) throw this.#foreign('another service wrote it');
    const { view, seqno } = copy.lastSigned;
    const isShorter = view === before.lastSigned.view && seqno < before.lastSigned.seqno;
    if (isShorter || view < before.lastSigned.view)
      throw this.#foreign('its end, which is earlier');
  }

  /** A ledger that begins with a snapshot names its services from there on. */
  #isContinued({ identities }: LedgerCopy, before: BackupManifest): boolean {
    const from = before.identities.indexOf(identities[0]?.keyId ?? '');
    if (from < 0) return false;
    return before.identities.slice(from).every((id, at) => identities[at]?.keyId === id);
  }

  #foreign(what: string): LedgerError {
    const message = `The ledger is not the one that was backed up here (${what}): choose another folder.`;
    return recoveryError('BackupForeign', message, { what });
  }
}

/** Chunk files that make up the ledger; those of an unfinished recovery do not. */
async function chunkNames({ disk, folder }: LedgerFolder): Promise<readonly string[]> {
  const names = (await disk.list(folder)).filter((name) => {
    const chunk = parseChunkName(name);
    return chunk !== undefined && !chunk.isRecovery;
  });
  if (names.length > 0) return names;
  throw recoveryError('NothingToRecover', 'The folder holds no ledger.', { folder });
}

/** Committed snapshots whose evidence the ledger holds. */
async function snapshotNames(
  { disk, folder }: LedgerFolder,
  last: number,
): Promise<readonly string[]> {
  return (await disk.list(folder)).filter((text) => {
    const name = parseSnapshotName(text);
    return name?.isCommitted === true && name.evidenceSeqno <= last;
  });
}

async function writeManifest(target: LedgerFolder, manifest: BackupManifest): Promise<void> {
  const { disk, folder } = target;
  await disk.syncFolder(folder);
  const growing = `${manifestName}${copyingSuffix}`;
  await removeIfThere(target, growing);
  const file = await disk.open(`${folder}/${growing}`, { create: true });
  try {
    await file.write(0, encodeManifest(manifest));
    await file.datasync();
  } finally {
    await file.close();
  }
  await disk.rename(`${folder}/${growing}`, `${folder}/${manifestName}`);
  await disk.syncFolder(folder);
}

/** Files that the manifest does not name any more. */
async function removeOthers(target: LedgerFolder, { files }: BackupManifest): Promise<void> {
  const named = new Set(files.map(({ stored }) => stored));
  for (const name of await target.disk.list(target.folder)) {
    const isOurs = name.startsWith('ledger_') || name.startsWith('snapshot_');
    if (isOurs && !named.has(name)) await target.disk.remove(`${target.folder}/${name}`);
  }
  await target.disk.syncFolder(target.folder);
}

/** What a backup that was cut short left behind. */
async function removeUnfinished(target: LedgerFolder): Promise<void> {
  for (const name of await target.disk.list(target.folder)) {
    if (name.endsWith(copyingSuffix)) await target.disk.remove(`${target.folder}/${name}`);
  }
}

async function removeIfThere({ disk, folder }: LedgerFolder, name: string): Promise<void> {
  if ((await disk.list(folder)).includes(name)) await disk.remove(`${folder}/${name}`);
}
