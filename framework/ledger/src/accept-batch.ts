/**
 * Takes a committed batch into a reading of the ledger, from its beginning or a snapshot: whole,
 * or not at all. Unlike `openBatch` it knows the history of the service, so that it reads across
 * recoveries.
 */
import { LedgerError } from '@coco/base';
import { unverified } from './batch-fault.ts';
import { entryHeaderBytes, entryId, entrySize } from './entry.ts';
import type { LedgerVerifier, VerifiedEntry } from './ledger-verifier.ts';
import type { CommittedBody } from './open-batch.ts';

/**
 * `onEntry` is called after each entry and before the next is decrypted: what it writes may bring
 * the secret of those that follow.
 * @throws BatchUnverified, after which the verifier stands where it stood
 */
export function acceptBatch(
  verifier: LedgerVerifier,
  batch: CommittedBody,
  onEntry: (entry: VerifiedEntry) => void = () => {},
): readonly VerifiedEntry[] {
  try {
    const entries = splitEntries(batch);
    return verifier.attempt(() =>
      entries.map((bytes, index) => {
        const verified = verifier.accept(bytes);
        if ((verified.signature !== undefined) !== (index === entries.length - 1)) {
          throw unverified(batch, 'a batch ends with its only signature.');
        }
        onEntry(verified);
        return verified;
      }),
    );
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code === 'BatchUnverified') throw cause;
    throw unverified(batch, cause.message, cause);
  }
}

function splitEntries(batch: CommittedBody): readonly Uint8Array[] {
  const { view, firstSeqno, entryCount, body } = batch;
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < body.length && entries.length < entryCount) {
    const size = entrySize(body.subarray(at, at + entryHeaderBytes));
    const entry = body.subarray(at, at + size);
    if (entry.length < size) throw unverified(batch, 'its last entry ends early.');
    const id = entryId(entry);
    if (id.view !== view || id.seqno !== firstSeqno + entries.length) {
      throw unverified(batch, 'an entry has another id than its place.');
    }
    entries.push(entry);
    at += size;
  }
  if (at === body.length && entries.length === entryCount && entryCount > 0) return entries;
  throw unverified(batch, 'it holds another number of entries than it says.');
}
