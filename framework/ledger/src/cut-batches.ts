/** Cuts entries that follow one another into the batches that their signatures end. */
import { asSeqno, concatBytes, type Seqno } from '@coco/base';
import { entryId } from './entry.ts';
import type { CommittedBody } from './open-batch.ts';
import type { SignatureIndex } from './signature-index.ts';

/** `from` is the seqno of the first entry. What is left behind the last whole batch is dropped. */
export function cutBatches(
  entries: readonly Uint8Array[],
  { from, signatures }: { readonly from: Seqno; readonly signatures: SignatureIndex },
): readonly CommittedBody[] {
  const batches: CommittedBody[] = [];
  for (let first = from, at = 0; ; ) {
    const end = signatures.after(asSeqno(first - 1));
    if (end === undefined || end - from >= entries.length) return batches;
    const parts = entries.slice(at, end - from + 1);
    const { view } = entryId(parts[0] as Uint8Array);
    const body = concatBytes(...parts);
    batches.push({ view, firstSeqno: first, entryCount: parts.length, body });
    at += parts.length;
    first = asSeqno(end + 1);
  }
}
