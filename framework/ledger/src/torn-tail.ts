/**
 * Tells a torn tail from damage. Batches are written in order, so a crash leaves a prefix of what
 * was written: where a whole signature entry still stands behind the first broken byte, the
 * broken bytes had been written before it and were changed since. Then nothing may be cut.
 */
import { LedgerError } from '@coco/base';
import { MerkleTree } from '@coco/merkle';
import { type DecodedEntry, decodeEntry, entryId, entrySize } from './entry.ts';
import { parseSignatureEntry, signatureMap } from './signature-entry.ts';

/** Bytes of a signature entry before the name of its first map. */
const bytesBeforeName = 8 + 16 + 12 + 8 + 81 + 8;

/**
 * The first whole signature entry in `tail`, wherever it stands. Its signature is not verified: the
 * entry that brought its key may be the one that is broken, and who forges one only stops a
 * recovery that he could stop anyway.
 */
export function findWholeSignature(tail: Uint8Array): DecodedEntry | undefined {
  const bytes = Buffer.from(tail.buffer, tail.byteOffset, tail.length);
  for (let at = bytes.indexOf(signatureMap); at >= 0; at = bytes.indexOf(signatureMap, at + 1)) {
    const entry = at < bytesBeforeName ? undefined : decodeAt(tail, at - bytesBeforeName);
    if (entry) return entry;
  }
  return undefined;
}

/** The highest view in the nonces of what looks like entries in a tail; 0 when there is none. */
export function highestViewIn(tail: Uint8Array, nextSeqno: number): number {
  let highest = 0;
  let seqno = nextSeqno;
  for (let at = 0; at + 44 <= tail.length; seqno++) {
    const header = tail.subarray(at, at + 36);
    try {
      const id = entryId(header);
      if (id.seqno !== seqno) break;
      highest = Math.max(highest, id.view);
      at += entrySize(header);
    } catch (error) {
      if (error instanceof LedgerError) break;
      throw error;
    }
  }
  return highest;
}

function decodeAt(tail: Uint8Array, at: number): DecodedEntry | undefined {
  try {
    const size = entrySize(tail.subarray(at, at + 8));
    const entry = decodeEntry(tail.subarray(at, at + size));
    const { treeBytes } = parseSignatureEntry(entry);
    return MerkleTree.deserialise(treeBytes).size === entry.id.seqno ? entry : undefined;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
