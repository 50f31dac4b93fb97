/**
 * What Raft orders in place of a batch: its place in the ledger, its size and its digest. Bodies
 * travel beside the Raft messages, so that the log in WebAssembly memory stays small and a body is
 * written once. Layout and vector: docs/formats/handle.md.
 */
import type { Seqno, View } from '@coco/base';
import { asSeqno, assert, asView, ByteReader, ByteWriter, viewMax } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { consensusError } from './errors.ts';

/**
 * `genesis` creates or recovers a service: the creating transaction and its signature. `opening`
 * begins any other view: a signature entry alone. `batch` is every later one of a view.
 */
export type BatchKind = 'genesis' | 'opening' | 'batch';

export interface Handle {
  readonly kind: BatchKind;
  /** Invariant: equals the term of the Raft entry that holds the handle. */
  readonly view: View;
  readonly firstSeqno: Seqno;
  /** Entries in the batch, its signature entry included; at least 1. */
  readonly entryCount: number;
  readonly bodyBytes: number;
  /** SHA-256 of the body. */
  readonly digest: Uint8Array;
}

export const handleBytes = 53;
const digestBytes = 32;
const u32Max = 0xffff_ffff;
const kindCodes: Readonly<Record<BatchKind, number>> = { genesis: 1, opening: 2, batch: 3 };
const kinds: readonly (BatchKind | undefined)[] = [undefined, 'genesis', 'opening', 'batch'];

export function encodeHandle(handle: Handle): Uint8Array {
  assert(handle.digest.length === digestBytes, 'a digest has 32 bytes');
  assert(handle.entryCount >= 1 && handle.entryCount <= u32Max, 'an entry count is a positive u32');
  assert(handle.bodyBytes >= 1 && handle.bodyBytes <= u32Max, 'a body length is a positive u32');
  return new ByteWriter(handleBytes)
    .u8(kindCodes[handle.kind])
    .u32(handle.view)
    .u64(handle.firstSeqno)
    .u32(handle.entryCount)
    .u32(handle.bodyBytes)
    .raw(handle.digest)
    .done();
}

/** @throws InvalidPeerMessage unless the bytes are exactly one well-formed handle. */
export function decodeHandle(bytes: Uint8Array): Handle {
  if (bytes.length !== handleBytes) {
    throw consensusError('InvalidPeerMessage', 'A handle has another length.', {
      length: bytes.length,
    });
  }
  const reader = new ByteReader(bytes);
  const kind = kinds[reader.u8()];
  const view = reader.u32();
  const firstSeqno = readSeqno(reader);
  const entryCount = reader.u32();
  const bodyBytes = reader.u32();
  const isValid = view >= 1 && view <= viewMax && firstSeqno >= 1;
  const isInRange = Number.isSafeInteger(firstSeqno + entryCount);
  if (!kind || !isValid || !isInRange || entryCount < 1 || bodyBytes < 1) {
    throw consensusError('InvalidPeerMessage', 'A handle holds a value out of range.', {});
  }
  return {
    kind,
    view: asView(view),
    firstSeqno: asSeqno(firstSeqno),
    entryCount,
    bodyBytes,
    digest: new Uint8Array(reader.raw(digestBytes)),
  };
}

function readSeqno(reader: ByteReader): number {
  const low = reader.u32();
  const high = reader.u32();
  return low + high * (u32Max + 1);
}

/** The seqno of the batch's last entry, its signature. */
export function lastSeqnoOf(handle: Handle): Seqno {
  return asSeqno(handle.firstSeqno + handle.entryCount - 1);
}

/** SHA-256 of a body. */
export function digestOf(body: Uint8Array): Uint8Array {
  return new Uint8Array(sha256(body));
}

export interface BatchPlace {
  readonly kind: BatchKind;
  readonly view: View;
  readonly firstSeqno: Seqno;
  readonly entryCount: number;
}

/** The handle of a body at its place. */
export function createHandle(place: BatchPlace, body: Uint8Array): Handle {
  return { ...place, bodyBytes: body.length, digest: digestOf(body) };
}
