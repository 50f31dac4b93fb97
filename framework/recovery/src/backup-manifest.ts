/**
 * The manifest of a backup: which files it holds, with their digests, and where its ledger ends.
 * It is written last, so a folder without one, or with another than its files, is no backup.
 * Byte table: docs/formats/backup.md.
 */
import {
  asSeqno,
  type Disk,
  encodeJson,
  formatTransactionId,
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
  parseTransactionId,
  type Seqno,
  type TransactionId,
} from '@coco/base';
import { parseSnapshotName } from '@coco/ledger';
import { recoveryError } from './errors.ts';

/** Names of files in a ledger's folder, as a reader of it needs them. */
export interface BackupFile {
  readonly kind: 'ledger' | 'snapshot';
  /** As the node named it, and as it is restored. */
  readonly name: string;
  /** As the backup keeps it. */
  readonly stored: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface BackupManifest {
  /** The last signed transaction of the ledger. */
  readonly lastSigned: TransactionId;
  /** The last entry before its files: 0, or that of the snapshot which they begin with. */
  readonly beginsAfter: Seqno;
  /** The Merkle root there, hex. */
  readonly root: string;
  /** Ids of the service's keys, oldest first. */
  readonly identities: readonly string[];
  readonly takenAtMs: number;
  readonly files: readonly BackupFile[];
}

export const manifestName = 'manifest.json';
const format = 'coco-backup-1';
/** A row is 300 bytes: some 200,000 files, which are a terabyte of chunks. */
const manifestBytesMax = 64 * 1024 * 1024;
const namePattern = /^[\w.-]{1,200}$/;

export function encodeManifest(manifest: BackupManifest): Uint8Array {
  const { lastSigned, beginsAfter, root, identities, takenAtMs, files } = manifest;
  return encodeJson({
    format,
    lastSigned: formatTransactionId(lastSigned),
    // Absent where the ledger is whole, as in backups from before there was such a row.
    ...(beginsAfter > 0 && { beginsAfter }),
    root,
    identities: [...identities],
    takenAtMs,
    files: files.map((file) => ({ ...file })),
  });
}

/** Undefined where the folder has no manifest. @throws BackupDamaged, DiskFault */
export async function readManifest(
  disk: Disk,
  folder: string,
): Promise<BackupManifest | undefined> {
  if (!(await disk.list(folder)).includes(manifestName)) return undefined;
  try {
    return parseManifest(await disk.readFile(`${folder}/${manifestName}`, manifestBytesMax));
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code === 'DiskFault') throw cause;
    throw damaged('The manifest of the backup does not parse.', cause);
  }
}

/** @throws BackupDamaged, InvalidInput */
function parseManifest(bytes: Uint8Array): BackupManifest {
  const value = parseJson(bytes, { bytesMax: manifestBytesMax, depthMax: 4 });
  const fields = isJsonObject(value) ? value : {};
  const { lastSigned, beginsAfter = 0, root, identities, takenAtMs, files } = fields;
  const isWhole =
    fields.format === format &&
    typeof lastSigned === 'string' &&
    typeof root === 'string' &&
    Array.isArray(identities) &&
    Array.isArray(files) &&
    Number.isSafeInteger(takenAtMs) &&
    Number.isSafeInteger(beginsAfter);
  if (!isWhole) throw damaged('The manifest is not of a known format.');
  return {
    lastSigned: parseTransactionId(lastSigned),
    beginsAfter: asSeqno(Number(beginsAfter)),
    root,
    identities: identities.map(String),
    takenAtMs: Number(takenAtMs),
    files: files.map((row: JsonValue) => fileOf(row)),
  };
}

/** Names come from outside: none leads out of its folder. */
function fileOf(row: JsonValue): BackupFile {
  const { kind, name, stored, bytes, sha256 } = isJsonObject(row) ? row : {};
  const isNamed = [name, stored].every((one) => namePattern.test(String(one)));
  const isKind =
    (kind === 'ledger' && String(name).startsWith('ledger_')) ||
    (kind === 'snapshot' && parseSnapshotName(String(name)) !== undefined);
  const isSized = typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0;
  if (!isKind || !isNamed || !isSized || !/^[0-9a-f]{64}$/.test(String(sha256))) {
    throw damaged('A row of the manifest names no file of a ledger.');
  }
  return {
    kind: kind === 'ledger' ? 'ledger' : 'snapshot',
    name: String(name),
    stored: String(stored),
    bytes,
    sha256: String(sha256),
  };
}

export function damaged(message: string, cause?: unknown): LedgerError {
  return recoveryError('BackupDamaged', message, {}, cause);
}
