/**
 * Reads a snapshot's file: one entry, then, once it is committed, the receipt of the transaction
 * that claims the entry's digest. The host may have made the file: what stands in clear counts only
 * after `verifySnapshot`, and the private part only under the ledger secret.
 */
import {
  asSeqno,
  ByteReader,
  compareBytes,
  equalBytes,
  refuse,
  type Seqno,
  utf8Decode,
} from '@coco/base';
import { openAead, sha256 } from '@coco/crypto';
import { isPublicMap, type Row, type Store } from '@coco/kv';
import { MerkleTree } from '@coco/merkle';
import { type VerifiedReceipt, verifyReceipt } from '@coco/receipt';
import { entryHeaderBytes } from './entry.ts';
import type { LedgerSecret } from './ledger-secrets.ts';
import { singletonKey, treeMap } from './signature-entry.ts';
import {
  paddingAfter,
  snapshotPrefixBytes,
  snapshotStartBytes,
  snapshotType,
  snapshotView,
} from './snapshot-entry.ts';

/** Rows that are handed on at once. */
const rowsMax = 1024;
/** A page of rows is handed on at this many bytes: below what a store takes at once. */
const rowBytesMax = 1024 * 1024;

export interface DecodedSnapshot {
  readonly seqno: Seqno;
  /** The leaf of the signature entry at that seqno. */
  readonly leaf: Uint8Array;
  /** The first seqno of each view from view 1 on. */
  readonly viewStarts: readonly Seqno[];
  /** SHA-256 of the entry: what its receipt claims. */
  readonly digest: Uint8Array;
  /** The whole entry, without the receipt. */
  readonly entry: Uint8Array;
  /** Public part's maps, and where the private part begins in the entry. */
  readonly publicMaps: Uint8Array;
  readonly publicPart: Uint8Array;
  /** Empty before the snapshot is committed. */
  readonly receipt: Uint8Array;
}

type RowsVisitor = (name: string, rows: readonly Row[]) => void;

/** Reads all but the private part. Views of `file`, not copies. @throws InvalidInput */
export function decodeSnapshot(file: Uint8Array): DecodedSnapshot {
  const size = snapshotEntryBytes(file);
  if (size > file.length) throw refuse('InvalidInput', 'A snapshot ends early.', { size });
  const entry = file.subarray(0, size);
  const reader = new ByteReader(entry);
  reader.raw(entryHeaderBytes + 16);
  const seqno = asSeqno(reader.u64());
  if (reader.u32() !== snapshotView || seqno === 0) {
    throw refuse('InvalidInput', 'The nonce is not one of a snapshot.');
  }
  const publicPart = reader.sized();
  const domain = new ByteReader(publicPart);
  const type = domain.u8();
  if (type !== snapshotType || domain.u64() !== seqno || domain.u64() !== 0) {
    throw refuse('InvalidInput', 'The public part of a snapshot does not fit its nonce.', { type });
  }
  const leaf = domain.sized();
  if (leaf.length !== 32) throw refuse('InvalidInput', 'A leaf has 32 bytes.');
  const viewStarts = readViewStarts(new ByteReader(domain.sized()), seqno);
  const publicMaps = domain.raw(domain.remaining);
  readMaps(publicMaps, { isPublic: true, seqno }, () => {});
  const [digest, receipt] = [sha256(entry), file.subarray(size)];
  return { seqno, leaf, viewStarts, digest, entry, publicPart, publicMaps, receipt };
}

/** Bytes of the entry at the start of the file; the receipt is behind it. @throws InvalidInput */
export function snapshotEntryBytes(file: Uint8Array): number {
  const reader = new ByteReader(file);
  const [version, flags] = [reader.u8(), reader.u8()];
  const size = reader.u32() + reader.u8() * 2 ** 32 + reader.u8() * 2 ** 40 + entryHeaderBytes;
  if (version !== 1 || flags !== 0 || size < entryHeaderBytes + snapshotPrefixBytes) {
    throw refuse('InvalidInput', 'The bytes are not the header of a snapshot.', { version, flags });
  }
  return size;
}

function readViewStarts(reader: ByteReader, seqno: Seqno): readonly Seqno[] {
  const starts: Seqno[] = [];
  while (reader.remaining > 0) {
    const start = asSeqno(reader.u64());
    if (start === 0 || start > seqno || start < (starts.at(-1) ?? 0)) {
      throw refuse('InvalidInput', 'The views of a snapshot are out of order.', { start });
    }
    starts.push(start);
  }
  return starts;
}

/**
 * Verifies that the service with this identity (PEM or DER SubjectPublicKeyInfo) vouches for the
 * snapshot: its receipt is of a later transaction, whose claims are the snapshot's digest.
 * @throws InvalidInput without a receipt or with one of an earlier transaction, and what
 *   verifyReceipt throws
 */
export async function verifySnapshot(
  snapshot: Pick<DecodedSnapshot, 'receipt' | 'digest' | 'seqno'>,
  serviceIdentity: string | Uint8Array,
): Promise<VerifiedReceipt> {
  const { receipt, digest: claimsDigest, seqno } = snapshot;
  if (receipt.length === 0) throw refuse('InvalidInput', 'The snapshot has no receipt.');
  const verified = await verifyReceipt({ receipt, serviceIdentity, claimsDigest });
  if (verified.transactionId.seqno <= seqno) {
    throw refuse('InvalidInput', 'The receipt is of a transaction before the snapshot.');
  }
  return verified;
}

/**
 * Fills an empty store with the snapshot's state and returns the Merkle tree as it then stood, its
 * signature entry's leaf the last. Without a secret the state is the public part.
 * @throws DecryptionFailed, InvalidInput, InvalidMerkleTree and what the store's restoreRows
 *   throws; the store is then of no use
 */
export function restoreSnapshot(
  snapshot: DecodedSnapshot,
  options: { readonly store: Store; readonly secret?: LedgerSecret },
): MerkleTree {
  const { seqno, leaf } = snapshot;
  const { store, secret } = options;
  let treeBytes: Uint8Array | undefined;
  readMaps(snapshot.publicMaps, { isPublic: true, seqno }, (name, rows) => {
    if (name === treeMap) treeBytes = rows.find(({ key }) => equalBytes(key, singletonKey))?.value;
    store.restoreRows(name, rows);
  });
  if (secret) {
    const privateMaps = openPrivatePart(snapshot, secret);
    readMaps(privateMaps, { isPublic: false, seqno }, (name, rows) => {
      store.restoreRows(name, rows);
    });
  }
  if (!treeBytes) throw refuse('InvalidInput', 'The snapshot holds no Merkle tree.');
  const tree = MerkleTree.deserialise(treeBytes);
  if (tree.size !== seqno) {
    throw refuse('InvalidInput', 'The tree of the snapshot is of another place.');
  }
  tree.append(leaf);
  store.finishRestore(seqno);
  return tree;
}

/** The value of one row of a public map; undefined where there is none. @throws InvalidInput */
export function publicRow(
  snapshot: Pick<DecodedSnapshot, 'publicMaps' | 'seqno'>,
  map: string,
  key: Uint8Array,
): Uint8Array | undefined {
  let found: Uint8Array | undefined;
  const { publicMaps, seqno } = snapshot;
  readMaps(publicMaps, { isPublic: true, seqno }, (name, rows) => {
    if (name === map) found ??= rows.find((row) => equalBytes(row.key, key))?.value;
  });
  return found;
}

function openPrivatePart(snapshot: DecodedSnapshot, secret: LedgerSecret): Uint8Array {
  const { entry, publicPart: aad } = snapshot;
  const tag = entry.subarray(entryHeaderBytes, entryHeaderBytes + 16);
  const iv = entry.subarray(entryHeaderBytes + 16, entryHeaderBytes + 28);
  const ciphertext = entry.subarray(snapshotStartBytes + aad.length);
  return openAead({ key: secret.sealingKey, iv, aad, ciphertext, tag });
}

/** Reads maps to the end of the bytes, in pages of rows. @throws InvalidInput */
function readMaps(
  bytes: Uint8Array,
  expected: { readonly isPublic: boolean; readonly seqno: Seqno },
  visit: RowsVisitor,
): void {
  const reader = new ByteReader(bytes);
  let previous: Uint8Array | undefined;
  while (reader.remaining > 0) {
    const nameBytes = reader.sized();
    const name = utf8Decode(nameBytes);
    const isInOrder = previous === undefined || compareBytes(previous, nameBytes) < 0;
    if (!isInOrder || isPublicMap(name) !== expected.isPublic) {
      throw refuse('InvalidInput', 'The maps of a snapshot are out of order or misplaced.');
    }
    previous = nameBytes;
    const version = reader.u64();
    const rows = new ByteReader(reader.sized());
    const newest = readRows(rows, (page) => visit(name, page));
    if (newest !== version || version > expected.seqno) {
      throw refuse('InvalidInput', 'The version of a map in a snapshot is not that of its rows.');
    }
  }
}

/** Returns the newest row's version. */
function readRows(reader: ByteReader, visit: (rows: readonly Row[]) => void): number {
  let newest = 0;
  let page: Row[] = [];
  let pageBytes = 0;
  let previous: Uint8Array | undefined;
  while (reader.remaining > 0) {
    const key = reader.sized();
    readPadding(reader, key.length);
    const versioned = new ByteReader(reader.sized());
    const version = asSeqno(versioned.u64());
    const value = versioned.raw(versioned.remaining);
    readPadding(reader, value.length);
    if ((previous && compareBytes(previous, key) >= 0) || version === 0) {
      throw refuse('InvalidInput', 'The rows of a snapshot are not in byte order of their keys.');
    }
    previous = key;
    newest = Math.max(newest, version);
    page.push({ key, value, version });
    pageBytes += key.length + value.length;
    if (page.length < rowsMax && pageBytes < rowBytesMax) continue;
    visit(page);
    page = [];
    pageBytes = 0;
  }
  if (newest === 0) throw refuse('InvalidInput', 'A map in a snapshot has no rows.');
  if (page.length > 0) visit(page);
  return newest;
}

function readPadding(reader: ByteReader, length: number): void {
  if (reader.raw(paddingAfter(length)).some((byte) => byte !== 0)) {
    throw refuse('InvalidInput', 'The padding of a snapshot is zero.');
  }
}
