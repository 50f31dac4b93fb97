/**
 * The state at one seqno as a snapshot's entry: public maps in clear, private ones under the ledger
 * secret. The bytes are a function of the ledger alone: maps and rows stand in byte order, nothing
 * of the clock or of chance goes in. So the nonce, which names no view, encrypts one content.
 *
 * A generator, because the state may be large: it yields after each piece of work of about a
 * millisecond, and the caller decides when the next one is due. The state must be committed, so
 * that no other content can ever stand at its seqno, and readable until the generator returns.
 */
import { assert, ByteWriter, type Seqno, utf8Encode } from '@coco/base';
import { AeadSealer, Sha256 } from '@coco/crypto';
import { compareMapNames, isPublicMap, type ReadView, type Row } from '@coco/kv';
import type { LedgerSecret } from './ledger-secrets.ts';
import type { SnapshotNonceRule } from './nonce-guard.ts';
import {
  paddingAfter,
  snapshotNonce,
  snapshotPrefixBytes,
  snapshotStartBytes,
  snapshotType,
} from './snapshot-entry.ts';

/** Encoding a page takes about a millisecond; one value may make a page larger. */
const pageBytes = 64 * 1024;
/** A page is handed on at the row that fills it, so that it mostly runs over by one row. */
const pageCapacity: number = pageBytes + 8 * 1024;
/** Rows between two yields, for maps of very small rows. */
const pageRows = 512;
const padding = new Uint8Array(8);

export interface SnapshotSource {
  /** Sealed and committed, at the seqno of a signature entry. */
  readonly state: ReadView;
  /** The leaf of that signature entry. */
  readonly leaf: Uint8Array;
  /** The first seqno of each view from view 1 on. */
  readonly viewStarts: readonly Seqno[];
}

/** Who encrypts a snapshot: the secret in force at its seqno, and the guard of its nonces. */
export interface SnapshotSealer {
  readonly secret: LedgerSecret;
  readonly guard: SnapshotNonceRule;
}

/** A snapshot's entry, its bytes in pages. */
export interface EncodedSnapshot {
  readonly seqno: Seqno;
  readonly pages: readonly Uint8Array[];
  readonly size: number;
  /** SHA-256 of the bytes: what the evidence claims. */
  readonly digest: Uint8Array;
}

/** @throws StateForgotten, after which the nonce may not have been used. */
export function* encodeSnapshot(
  sealer: SnapshotSealer,
  source: SnapshotSource,
): Generator<void, EncodedSnapshot> {
  const { state } = source;
  const names = [...state.mapNames()].sort(compareMapNames);
  const publicPages = [domainStart(source)];
  for (const name of names.filter(isPublicMap)) yield* encodeMap(state, name, publicPages);
  const privatePages: Uint8Array[] = [];
  for (const name of names) {
    if (!isPublicMap(name)) yield* encodeMap(state, name, privatePages);
  }
  const publicBytes = bytesOf(publicPages);
  const size = snapshotPrefixBytes + publicBytes + bytesOf(privatePages);
  const tag = yield* seal(sealer, { seqno: state.seqno, publicPages, privatePages });
  const writer = new ByteWriter(snapshotStartBytes).u8(1).u8(0);
  writer
    .u32(size % 2 ** 32)
    .u8(Math.floor(size / 2 ** 32) % 256)
    .u8(Math.floor(size / 2 ** 40));
  const start = writer.raw(tag).raw(snapshotNonce(state.seqno)).u64(publicBytes).done();
  assert(start.length === snapshotStartBytes, 'a snapshot begins with header, tag and nonce');
  const pages = [start, ...publicPages, ...privatePages];
  const digest = new Sha256();
  for (const page of pages) {
    digest.update(page);
    yield;
  }
  return { seqno: state.seqno, pages, size: bytesOf(pages), digest: digest.digest() };
}

function domainStart({ state, leaf, viewStarts }: SnapshotSource): Uint8Array {
  const writer = new ByteWriter().u8(snapshotType).u64(state.seqno).u64(0).sized(leaf);
  writer.u64(viewStarts.length * 8);
  for (const start of viewStarts) writer.u64(start);
  return writer.done();
}

/** Adds the map's pages: its rows first have to tell how many bytes they take. */
function* encodeMap(state: ReadView, name: string, pages: Uint8Array[]): Generator<void, void> {
  const rows: Uint8Array[] = [];
  let version = 0;
  let writer = new ByteWriter(pageCapacity);
  let rowCount = 0;
  for (const row of state.map(name).range()) {
    encodeRow(writer, row);
    version = Math.max(version, row.version);
    rowCount++;
    if (writer.length < pageBytes && rowCount < pageRows) continue;
    rows.push(writer.done());
    writer = new ByteWriter(pageCapacity);
    rowCount = 0;
    yield;
  }
  // Small maps are many: a page of its own for each would hold the page's whole capacity.
  rows.push(writer.done().slice());
  const head = new ByteWriter(64).sized(utf8Encode(name)).u64(version).u64(bytesOf(rows));
  pages.push(head.done(), ...rows);
}

function encodeRow(writer: ByteWriter, { key, value, version }: Row): void {
  writer.sized(key).raw(padding.subarray(0, paddingAfter(key.length)));
  writer
    .u64(8 + value.length)
    .u64(version)
    .raw(value);
  writer.raw(padding.subarray(0, paddingAfter(value.length)));
}

/** Encrypts the private pages in place; returns the tag. */
function* seal(
  { secret, guard }: SnapshotSealer,
  content: {
    readonly seqno: Seqno;
    readonly publicPages: readonly Uint8Array[];
    readonly privatePages: Uint8Array[];
  },
): Generator<void, Uint8Array> {
  const { seqno, publicPages, privatePages } = content;
  guard.useSnapshot(secret, seqno);
  const aead = new AeadSealer({ key: secret.sealingKey, iv: snapshotNonce(seqno) });
  for (const page of publicPages) {
    aead.authenticate(page);
    yield;
  }
  for (const [at, page] of privatePages.entries()) {
    privatePages[at] = aead.seal(page);
    yield;
  }
  return aead.tag();
}

function bytesOf(pages: readonly Uint8Array[]): number {
  return pages.reduce((sum, page) => sum + page.length, 0);
}
