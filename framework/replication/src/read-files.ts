/** What a replica reads out of the ledger's files for others. */
import { asSeqno, concatBytes, present, type Seqno } from '@coco/base';
import { type Handle, lastSeqnoOf } from '@coco/consensus';
import type { LedgerFiles } from '@coco/ledger';
import type { CoveredEntry } from './replica-messages.ts';

/** A batch's body. Undefined where the files do not hold so many bytes there; whose they are is not checked. */
export async function readBody(
  files: LedgerFiles,
  handle: Handle,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  const last = lastSeqnoOf(handle);
  if (last >= files.next) return undefined;
  let left = handle.bodyBytes;
  for (let next: number = handle.firstSeqno; next <= last && left > 0; ) {
    const entries = await files.readEntries(asSeqno(next), last, left);
    for (const entry of entries) left -= entry.length;
    parts.push(...entries);
    next += entries.length;
  }
  return left === 0 ? concatBytes(...parts) : undefined;
}

/** An entry and the signature that covers it. @throws as LedgerFiles.readEntries does */
export async function readCovered(files: LedgerFiles, seqno: Seqno): Promise<CoveredEntry> {
  const signature = await files.readBatchSignature(seqno);
  const [entry] = await files.readEntries(seqno, seqno);
  return { entry: present(entry, 'a read answers with one entry at least'), signature };
}
