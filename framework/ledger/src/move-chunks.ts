/** Moves complete chunk files from one folder into another of the same disk. */
import { type ChunkRecord, chunkPath, type LedgerFolder } from './chunk-file.ts';
import { type ChunkName, formatChunkName } from './chunk-name.ts';
import type { SignatureIndex } from './signature-index.ts';

/** Complete chunks from the first entry on. */
export interface OlderChunks {
  readonly folder: string;
  readonly chunks: readonly ChunkRecord[];
  readonly signatures: SignatureIndex;
}

/**
 * Newest first, each made durable: what is there after a crash has no gap. The newest one takes the
 * place of `replaced`, whose entries it holds as well.
 */
export async function moveChunks(
  to: LedgerFolder,
  from: OlderChunks,
  replaced: ChunkName | undefined,
): Promise<void> {
  const { disk, folder } = to;
  for (const [index, chunk] of [...from.chunks.entries()].toReversed()) {
    const name = formatChunkName(chunk.name);
    await disk.rename(`${from.folder}/${name}`, `${folder}/${name}`);
    await disk.syncFolder(folder);
    if (!replaced || index < from.chunks.length - 1) continue;
    await disk.remove(chunkPath(to, replaced));
    await disk.syncFolder(folder);
  }
}
