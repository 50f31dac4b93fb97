/**
 * Whole batches as one run of bytes, for a node that catches up: what they say of themselves counts
 * only once `openBatch` and the Merkle tree have shown it. Layout: docs/formats/ledger-batches.md.
 */
import { asSeqno, asView, ByteReader, ByteWriter, refuse } from '@coco/base';
import { entryBytesMin } from './entry.ts';
import type { CommittedBody } from './open-batch.ts';

/** View u32, first seqno u64, entry count u32, body length u32. */
const frameHeaderBytes = 20;

export function encodeBatches(batches: readonly CommittedBody[]): Uint8Array {
  const size = batches.reduce((sum, { body }) => sum + frameHeaderBytes + body.length, 0);
  const writer = new ByteWriter(size);
  for (const { view, firstSeqno, entryCount, body } of batches) {
    writer.u32(view).u64(firstSeqno).u32(entryCount).u32(body.length).raw(body);
  }
  return writer.done();
}

/** Batches that follow one another; their bodies are views of `bytes`. @throws InvalidInput */
export function decodeBatches(bytes: Uint8Array): readonly CommittedBody[] {
  const reader = new ByteReader(bytes);
  const batches: CommittedBody[] = [];
  let next: number | undefined;
  while (reader.remaining > 0) {
    const [view, firstSeqno] = [asView(reader.u32()), asSeqno(reader.u64())];
    const [entryCount, length] = [reader.u32(), reader.u32()];
    if (firstSeqno === 0 || (next !== undefined && firstSeqno !== next)) {
      throw refuse('InvalidInput', 'A batch does not follow the one before it.', { firstSeqno });
    }
    if (entryCount === 0 || entryCount * entryBytesMin > length) {
      throw refuse('InvalidInput', 'A batch has another size than its entries need.', { length });
    }
    batches.push({ view, firstSeqno, entryCount, body: reader.raw(length) });
    next = firstSeqno + entryCount;
  }
  return batches;
}
