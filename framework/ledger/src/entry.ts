/**
 * One ledger entry as bytes: header, GCM tag and nonce, public part in clear, private part
 * encrypted. Source: CCF's ledger format, docs/formats/ledger.md sections 2 to 5.
 *
 * The nonce rule is kept here: nothing is encrypted before the NonceRule has agreed.
 */
import {
  asSeqno,
  assert,
  asView,
  ByteReader,
  ByteWriter,
  emptyBytes,
  refuse,
  type TransactionId,
  viewMax,
} from '@coco/base';
import { openAead, sealAead, sha256 } from '@coco/crypto';
import { compareMapNames, isPublicMap, type MapWrites, type WriteSet } from '@coco/kv';
import { ledgerError } from './errors.ts';
import type { LedgerSecret } from './ledger-secrets.ts';
import { decodeMapRecords, encodeMapRecords, mapRecords, mapRecordsBytes } from './map-records.ts';
import type { NonceRule } from './nonce-guard.ts';

/** Flags of an entry: the chunk file ends after it, or begins with it. */
export const entryFlag = { chunkAfter: 1, chunkBefore: 2 } as const;
const flagsKnown = entryFlag.chunkAfter | entryFlag.chunkBefore;

/** version u8, flags u8, size u48. */
export const entryHeaderBytes = 8;
/** GCM tag, GCM nonce, length of the public part: what follows the header. */
const prefixBytes = 16 + 12 + 8;
/** The fixed start of the public part: type, seqno, two digests, max conflict version. */
const domainFixedBytes = 1 + 8 + 32 + 32 + 8;
const entryVersion = 1;
/** CCF's WriteSetWithCommitEvidenceAndClaims: the only type written. */
const entryType = 4;
/** No honest transaction comes near; it bounds what a hostile file can make a reader hold. */
export const entryBytesMax: number = 64 * 1024 * 1024;
/** Bytes of entries between two signatures; bounds what a reader holds before it can verify. */
export const batchBytesMax: number = 256 * 1024 * 1024;
export const entryBytesMin: number = entryHeaderBytes + prefixBytes + domainFixedBytes;
/** The claims digest of an entry without claims. */
export const zeroDigest: Uint8Array = new Uint8Array(32);

export interface EntryParts {
  readonly id: TransactionId;
  readonly flags: number;
  readonly claimsDigest: Uint8Array;
  readonly commitEvidenceDigest: Uint8Array;
  readonly writeSet: WriteSet;
}

/** An entry whose public part is read and whose private part is still encrypted. */
export interface DecodedEntry {
  readonly id: TransactionId;
  readonly flags: number;
  readonly claimsDigest: Uint8Array;
  readonly commitEvidenceDigest: Uint8Array;
  readonly publicMaps: readonly MapWrites[];
  readonly hasPrivatePart: boolean;
  /** SHA-256 of all bytes of the entry. */
  readonly digest: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Who encrypts an entry: the secret in force, and the guard of its nonces. */
export interface EntrySealer {
  readonly secret: LedgerSecret;
  readonly guard: NonceRule;
}

/** Encodes and encrypts. @throws EntryTooLarge, before the id counts as used */
export function encodeEntry(sealer: EntrySealer, parts: EntryParts): Uint8Array {
  const { secret, guard } = sealer;
  const { id, flags, writeSet, claimsDigest, commitEvidenceDigest } = parts;
  assert((flags & ~flagsKnown) === 0, 'the flags of an entry are known ones');
  assert(id.view > 0 && id.view <= viewMax && id.seqno > 0, 'an entry has a view and a seqno');
  const publicMaps = writeSet.maps.filter((map) => isPublicMap(map.name));
  const privateMaps = writeSet.maps.filter((map) => !isPublicMap(map.name));
  const domainBytes = domainFixedBytes + mapRecordsBytes(publicMaps);
  const size = prefixBytes + domainBytes + mapRecordsBytes(privateMaps);
  if (entryHeaderBytes + size > entryBytesMax) {
    throw ledgerError('EntryTooLarge', `An entry holds at most ${entryBytesMax} bytes.`, { size });
  }
  const writer = new ByteWriter(entryHeaderBytes + size);
  writer.u8(entryVersion).u8(flags).u32(size).u8(0).u8(0).raw(tagPlaceholder);
  writer.u64(id.seqno).u32(id.view);
  const aadAt = writer.u64(domainBytes).length;
  writer.u8(entryType).u64(id.seqno).raw(claimsDigest).raw(commitEvidenceDigest).u64(0);
  encodeMapRecords(writer, publicMaps);
  const plaintext = privateMaps.length === 0 ? emptyBytes : mapRecords(privateMaps);
  const bytes = writer.done();
  const iv = bytes.subarray(24, 36);
  guard.use(secret, id);
  const sealed = sealAead({ key: secret.sealingKey, iv, aad: bytes.subarray(aadAt), plaintext });
  writer.raw(sealed.ciphertext);
  const entry = writer.done();
  assert(entry.length === entryHeaderBytes + size, 'an entry has the size that was computed');
  entry.set(sealed.tag, entryHeaderBytes);
  return entry;
}

const tagPlaceholder = new Uint8Array(16);

/**
 * The size of an entry, header included, from its first eight bytes.
 * @throws InvalidInput when they are no entry header.
 */
export function entrySize(header: Uint8Array): number {
  const reader = new ByteReader(header);
  const version = reader.u8();
  const flags = reader.u8();
  const size = reader.u32() + entryHeaderBytes;
  const isLow = reader.u8() === 0 && reader.u8() === 0;
  const isInRange = isLow && size >= entryBytesMin && size <= entryBytesMax;
  if (version !== entryVersion || (flags & ~flagsKnown) !== 0 || !isInRange) {
    throw refuse('InvalidInput', 'The bytes are not the header of an entry.', { version, flags });
  }
  return size;
}

/** The id in an entry's nonce, without reading more. @throws InvalidInput */
export function entryId(bytes: Uint8Array): TransactionId {
  const reader = new ByteReader(bytes);
  reader.raw(entryHeaderBytes + 16);
  const [seqno, view] = [reader.u64(), reader.u32()];
  if (view === 0 || view > viewMax || seqno === 0) {
    throw refuse('InvalidInput', 'The nonce of an entry is not one of a transaction.');
  }
  return { view: asView(view), seqno: asSeqno(seqno) };
}

/** Reads all of an entry but the private part. Views of `bytes`, not copies. @throws InvalidInput */
export function decodeEntry(bytes: Uint8Array): DecodedEntry {
  if (entrySize(bytes) !== bytes.length) {
    throw refuse('InvalidInput', 'An entry has another length than its header states.');
  }
  const id = entryId(bytes);
  const reader = new ByteReader(bytes);
  reader.raw(entryHeaderBytes + prefixBytes - 8);
  const domain = new ByteReader(reader.sized());
  const type = domain.u8();
  const seqno = domain.u64();
  const claimsDigest = domain.raw(32);
  const commitEvidenceDigest = domain.raw(32);
  if (type !== entryType || seqno !== id.seqno || domain.u64() !== 0) {
    throw refuse('InvalidInput', 'The public part of an entry does not fit its header.', { type });
  }
  const publicMaps = decodeMapRecords(domain);
  if (!publicMaps.every((map) => isPublicMap(map.name))) {
    throw refuse('InvalidInput', 'A private map stands in clear.');
  }
  return {
    id,
    flags: bytes[1] as number,
    claimsDigest,
    commitEvidenceDigest,
    publicMaps,
    hasPrivatePart: reader.remaining > 0,
    digest: sha256(bytes),
    bytes,
  };
}

/**
 * Decrypts the private part, which authenticates the public part and the nonce too, and gives the
 * whole write set. @throws DecryptionFailed, InvalidInput
 */
export function openEntry(secret: LedgerSecret, entry: DecodedEntry): WriteSet {
  const { bytes } = entry;
  const reader = new ByteReader(bytes);
  reader.raw(entryHeaderBytes);
  const tag = reader.raw(16);
  const iv = reader.raw(12);
  const aad = reader.sized();
  const ciphertext = reader.raw(reader.remaining);
  const plaintext = openAead({ key: secret.sealingKey, iv, aad, ciphertext, tag });
  const privateMaps = decodeMapRecords(new ByteReader(plaintext));
  if (privateMaps.some((map) => isPublicMap(map.name))) {
    throw refuse('InvalidInput', 'A public map stands in the private part.');
  }
  return { maps: mergeMaps(entry.publicMaps, privateMaps) };
}

/** Byte order of names over both parts: a private name may sort before `public:`. */
function mergeMaps(left: readonly MapWrites[], right: readonly MapWrites[]): readonly MapWrites[] {
  if (right.length === 0) return left;
  if (left.length === 0) return right;
  return [...left, ...right].sort((a, b) => compareMapNames(a.name, b.name));
}

/** The leaf of an entry in the Merkle tree. */
export function leafOf(parts: {
  readonly digest: Uint8Array;
  readonly commitEvidenceDigest: Uint8Array;
  readonly claimsDigest: Uint8Array;
}): Uint8Array {
  leafScratch.set(parts.digest, 0);
  leafScratch.set(parts.commitEvidenceDigest, 32);
  leafScratch.set(parts.claimsDigest, 64);
  return sha256(leafScratch);
}

/** Overwritten by each leaf; one allocation less per entry. */
const leafScratch = new Uint8Array(96);
