/**
 * Whole batches out of a folder of chunk files that nobody has verified, such as a read-only copy:
 * by names and tables alone, for a reader who verifies each batch.
 */
import { asSeqno, concatBytes, refuse, type Seqno } from '@coco/base';
import type { LedgerFolder } from './chunk-file.ts';
import { type ChunkName, parseChunkName } from './chunk-name.ts';
import { ChunkScanner } from './chunk-scanner.ts';
import { decodeEntry, entryId } from './entry.ts';
import { EntryReader } from './entry-reader.ts';
import { ledgerError } from './errors.ts';
import type { CommittedBody } from './open-batch.ts';
import { isSignatureEntry } from './signature-entry.ts';

type CompleteChunk = ChunkName & { readonly last: Seqno };

/**
 * From `from`, up to `to` and to the end of its chunk file, at least one and as many as fit
 * `bytesMax`. @throws EntryNotFound, InvalidInput, LedgerDamaged, DiskFault
 */
export async function readFolderBatches(
  at: LedgerFolder,
  from: Seqno,
  { to, bytesMax }: { readonly to: Seqno; readonly bytesMax: number },
): Promise<readonly CommittedBody[]> {
  const name = await chunkWith(at, from);
  const last = asSeqno(Math.min(to, name.last));
  const scanner = await ChunkScanner.open(at, name);
  const { entriesEnd } = scanner;
  await scanner.close();
  const reader = new EntryReader(at);
  const chunk = { name, last: name.last, entriesEnd, positions: undefined };
  try {
    const batches: CommittedBody[] = [];
    let open: Uint8Array[] = [];
    let bytes = 0;
    for (let next = from; next <= last && (bytes < bytesMax || batches.length === 0); ) {
      const entries = await reader.readClosed(chunk, { first: next, last, bytesMax });
      for (const entry of entries) {
        open.push(entry);
        bytes += entry.length;
        next = asSeqno(next + 1);
        if (!isSignatureEntry(decodeEntry(entry))) continue;
        batches.push(batchOf(open));
        open = [];
      }
    }
    if (batches.length > 0) return batches;
  } finally {
    await reader.close();
  }
  throw refuse('InvalidInput', 'A batch of the folder is not whole.', { from });
}

function batchOf(entries: readonly Uint8Array[]): CommittedBody {
  const { view, seqno } = entryId(entries[0] as Uint8Array);
  const body = concatBytes(...entries);
  return { view, firstSeqno: seqno, entryCount: entries.length, body };
}

async function chunkWith(at: LedgerFolder, seqno: Seqno): Promise<CompleteChunk> {
  for (const text of await at.disk.list(at.folder)) {
    const name = parseChunkName(text);
    if (!name?.isCommitted || name.isRecovery || name.last === undefined) continue;
    const { last } = name;
    if (name.start <= seqno && seqno <= last) return { ...name, last };
  }
  throw ledgerError('EntryNotFound', 'No committed file of the folder holds it.', { seqno });
}
