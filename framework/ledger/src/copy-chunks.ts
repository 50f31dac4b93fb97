/**
 * Completes a ledger's folder from a copy of it: committed chunk files that the folder lacks. They
 * are verified with the rest of the ledger, when it is read.
 */
import { chunkPath, type LedgerFolder } from './chunk-file.ts';
import { type ChunkName, formatChunkName, parseChunkName } from './chunk-name.ts';

const copiedName = 'chunk.copying';
const pieceBytes = 1024 * 1024;

/** Returns the names of the files that were copied; durable when it resolves. @throws DiskFault */
export async function copyMissingChunks(
  from: LedgerFolder,
  to: LedgerFolder,
): Promise<readonly string[]> {
  await to.disk.makeFolder(to.folder);
  const present = chunksOf(await to.disk.list(to.folder));
  const copied: string[] = [];
  for (const name of chunksOf(await from.disk.list(from.folder))) {
    const isWanted = name.isCommitted && !name.isRecovery;
    if (!isWanted || present.some((other) => overlaps(name, other))) continue;
    await copy(from, to, name);
    present.push(name);
    copied.push(formatChunkName(name));
  }
  return copied;
}

function chunksOf(names: readonly string[]): ChunkName[] {
  return names
    .map(parseChunkName)
    .filter((name) => name !== undefined)
    .sort((left, right) => left.start - right.start);
}

/** A file that grows holds everything from its start on. */
function overlaps(name: ChunkName, other: ChunkName): boolean {
  const [end, otherEnd] = [name.last ?? name.start, other.last ?? Number.MAX_SAFE_INTEGER];
  return name.start <= otherEnd && other.start <= end;
}

async function copy(from: LedgerFolder, to: LedgerFolder, name: ChunkName): Promise<void> {
  const { disk, folder } = to;
  const path = `${folder}/${copiedName}`;
  if ((await disk.list(folder)).includes(copiedName)) await disk.remove(path);
  const source = await from.disk.open(chunkPath(from, name), { create: false });
  const target = await disk.open(path, { create: true });
  try {
    const size = await source.size();
    for (let at = 0; at < size; at += pieceBytes) {
      await target.write(at, await source.read(at, Math.min(pieceBytes, size - at)));
    }
    await target.datasync();
  } finally {
    await source.close();
    await target.close();
  }
  await disk.rename(path, chunkPath(to, name));
  await disk.syncFolder(folder);
}
