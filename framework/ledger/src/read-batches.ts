/** Reads whole batches out of the chunk files, for nodes that catch up. */
import { asSeqno, concatBytes, type Seqno } from '@coco/base';
import { entryId } from './entry.ts';
import { ledgerError } from './errors.ts';
import type { LedgerFiles } from './ledger-files.ts';
import type { CommittedBody } from './open-batch.ts';

/**
 * Committed batches from `from`, which begins one, up to `to`: as many as fit `bytesMax`, at least
 * one. @throws EntryNotFound, LedgerDamaged, DiskFault
 */
export async function readBatches(
  files: LedgerFiles,
  from: Seqno,
  { to, bytesMax }: { readonly to: Seqno; readonly bytesMax: number },
): Promise<readonly CommittedBody[]> {
  const last = files.signatureUpTo(asSeqno(Math.min(to, files.committed))) ?? asSeqno(0);
  const before = asSeqno(Math.max(from - 1, 0));
  const begins = from === files.begin || files.signatureUpTo(before) === before;
  if (from < files.begin || from > last || !begins) {
    throw ledgerError('EntryNotFound', 'No committed batch begins there.', { from, to });
  }
  const entries = [...(await files.readEntries(from, last, bytesMax))];
  const end = files.signatureAfter(before) as Seqno;
  // One batch alone may be larger than what is asked for.
  while (from + entries.length <= end) {
    entries.push(...(await files.readEntries(asSeqno(from + entries.length), end)));
  }
  return cut(files, from, entries);
}

/** What is left behind the last whole batch is dropped. */
function cut(
  files: LedgerFiles,
  from: Seqno,
  entries: readonly Uint8Array[],
): readonly CommittedBody[] {
  const batches: CommittedBody[] = [];
  for (let first = from, at = 0; ; ) {
    const end = files.signatureAfter(asSeqno(first - 1));
    if (end === undefined || end - from >= entries.length) return batches;
    const parts = entries.slice(at, end - from + 1);
    const { view } = entryId(parts[0] as Uint8Array);
    const body = concatBytes(...parts);
    batches.push({ view, firstSeqno: first, entryCount: parts.length, body });
    at += parts.length;
    first = asSeqno(end + 1);
  }
}
