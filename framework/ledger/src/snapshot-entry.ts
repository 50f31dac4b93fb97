/**
 * What writer and reader of a snapshot share: its one entry's constants and sizes. Source: CCF's
 * ledger format; docs/formats/snapshot.md.
 */
import { ByteWriter, type Seqno } from '@coco/base';
import { entryHeaderBytes } from './entry.ts';

/** CCF's entry type of a snapshot. */
export const snapshotType = 1;
/** In the nonce's view: the id is a snapshot's. Views of transactions stay below it. */
export const snapshotView: number = 0x8000_0000;
/** GCM tag, GCM nonce, length of the public part: what follows the header. */
export const snapshotPrefixBytes: number = 16 + 12 + 8;
/** Everything before the public part. */
export const snapshotStartBytes: number = entryHeaderBytes + snapshotPrefixBytes;
/** Keys, and versions with values, begin at multiples of this from their map's first row. */
const alignment = 8;

/** Zero bytes that follow a field of `length` bytes. */
export function paddingAfter(length: number): number {
  return (alignment - (length % alignment)) % alignment;
}

/** The nonce of the snapshot at a seqno. */
export function snapshotNonce(seqno: Seqno): Uint8Array {
  return new ByteWriter(12).u64(seqno).u32(snapshotView).done();
}
