/** A batch's body out of the ledger's files. */
import { asSeqno, concatBytes } from '@coco/base';
import { type Handle, lastSeqnoOf } from '@coco/consensus';
import type { LedgerFiles } from '@coco/ledger';

/** Undefined where the files do not hold so many bytes there; whose they are is not checked. */
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
