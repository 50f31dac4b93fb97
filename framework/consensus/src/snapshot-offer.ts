/**
 * What a Raft snapshot carries in place of state: the name and digest of a committed ledger
 * snapshot and the handle of the last batch at its index, whose signature covers everything
 * before it (design.md 5, Raft snapshots). Layout: docs/formats/snapshot-offer.md.
 */
import type { RaftIndex, View } from '@coco/base';
import { assert, ByteReader, ByteWriter, emptyBytes, utf8Decode, utf8Encode } from '@coco/base';
import type { Configuration } from './configuration.ts';
import { consensusError } from './errors.ts';
import type { Handle } from './handle.ts';
import { decodeHandle, encodeHandle, handleBytes } from './handle.ts';

/** A committed ledger snapshot; the receiver verifies its receipt. */
export interface LedgerSnapshotName {
  readonly name: string;
  /** SHA-256 of the snapshot file. */
  readonly digest: Uint8Array;
}

export interface SnapshotData {
  /** The last batch up to the index; undefined when the index holds none. */
  readonly lastBatch: Handle | undefined;
  /** Undefined: the receiver reads the whole ledger's chunk files up to the last batch. */
  readonly ledgerSnapshot: LedgerSnapshotName | undefined;
}

/** What a replica that is too far behind must install before it goes on. */
export interface SnapshotOffer extends SnapshotData {
  readonly raftIndex: RaftIndex;
  /** The view of the entry at the index. */
  readonly view: View;
  readonly configuration: Configuration;
}

const nameBytesMax = 256;
const digestBytes = 32;

export function encodeSnapshotData(data: SnapshotData): Uint8Array {
  const { lastBatch, ledgerSnapshot } = data;
  if (!lastBatch && !ledgerSnapshot) return emptyBytes;
  const name = ledgerSnapshot ? utf8Encode(ledgerSnapshot.name) : emptyBytes;
  assert(name.length <= nameBytesMax, 'a snapshot name is short');
  const writer = new ByteWriter().u8(lastBatch ? 1 : 0);
  if (lastBatch) writer.raw(encodeHandle(lastBatch));
  writer.u8(ledgerSnapshot ? 1 : 0);
  if (ledgerSnapshot) {
    assert(ledgerSnapshot.digest.length === digestBytes, 'a digest has 32 bytes');
    writer.u32(name.length).raw(name).raw(ledgerSnapshot.digest);
  }
  return writer.done();
}

/** @throws InvalidPeerMessage or InvalidInput when the bytes are not one well-formed value. */
export function decodeSnapshotData(bytes: Uint8Array): SnapshotData {
  // The snapshot that a log begins with has no data: nothing comes before it.
  if (bytes.length === 0) return { lastBatch: undefined, ledgerSnapshot: undefined };
  const reader = new ByteReader(bytes);
  const lastBatch = readFlag(reader) ? decodeHandle(reader.raw(handleBytes)) : undefined;
  let ledgerSnapshot: LedgerSnapshotName | undefined;
  if (readFlag(reader)) {
    const length = reader.u32();
    if (length > nameBytesMax) {
      throw consensusError('InvalidPeerMessage', 'A snapshot name is too long.', { length });
    }
    const name = utf8Decode(reader.raw(length));
    ledgerSnapshot = { name, digest: new Uint8Array(reader.raw(digestBytes)) };
  }
  reader.end();
  return { lastBatch, ledgerSnapshot };
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw consensusError('InvalidPeerMessage', 'A flag is 0 or 1.', { flag });
  return flag === 1;
}
