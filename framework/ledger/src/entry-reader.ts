/**
 * Reads entries out of chunk files by their positions. The files are the host's: positions and
 * headers are checked, and what does not fit is LedgerDamaged with file and seqno.
 */
import { asSeqno, type DiskFile, LedgerError, type Seqno } from '@coco/base';
import {
  type ChunkRecord,
  chunkHeaderBytes,
  chunkPath,
  type LedgerFolder,
  type OpenChunk,
  tableBounds,
} from './chunk-file.ts';
import { type ChunkName, formatChunkName } from './chunk-name.ts';
import { entryBytesMax, entryBytesMin, entryId, entrySize } from './entry.ts';
import { ledgerError } from './errors.ts';

/** Chunk files kept open for reading. */
const filesMax = 8;

/** What is read at once: entries first..last, at most `bytesMax` unless one alone is larger. */
export interface EntryRange {
  readonly first: Seqno;
  readonly last: Seqno;
  readonly bytesMax: number;
}

export class EntryReader {
  readonly #at: LedgerFolder;
  /** By path, the least recently used first. */
  readonly #files = new Map<string, DiskFile>();

  constructor(at: LedgerFolder) {
    this.#at = at;
  }

  /** From the chunk that grows. @throws LedgerDamaged, DiskFault */
  readOpen(chunk: OpenChunk, range: EntryRange): Promise<readonly Uint8Array[]> {
    const last = asSeqno(Math.min(range.last, chunk.next - 1));
    const bounds = chunk.bounds(range.first, last);
    return readBounds({ file: chunk.file, name: chunk.name, bounds, range });
  }

  /** From a chunk that no longer grows. @throws LedgerDamaged, DiskFault */
  async readClosed(chunk: ChunkRecord, range: EntryRange): Promise<readonly Uint8Array[]> {
    const { first } = range;
    const last = asSeqno(Math.min(range.last, chunk.last));
    const file = await this.#file(chunk.name);
    const { positions, name } = chunk;
    const bounds = positions
      ? [...positions, chunk.entriesEnd].slice(first - name.start, last - name.start + 2)
      : await tableBounds(file, chunk, { first, last });
    return readBounds({ file, name, bounds, range });
  }

  /** Closes the files; before names change or content is cut. */
  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const file of files) await file.close();
  }

  async #file(name: ChunkName): Promise<DiskFile> {
    const path = chunkPath(this.#at, name);
    const known = this.#files.get(path);
    if (known) this.#files.delete(path);
    const file = known ?? (await this.#at.disk.open(path, { create: false }));
    this.#files.set(path, file);
    const [oldest] = this.#files;
    if (this.#files.size > filesMax && oldest) {
      this.#files.delete(oldest[0]);
      await oldest[1].close();
    }
    return file;
  }
}

async function readBounds(options: {
  readonly file: DiskFile;
  readonly name: ChunkName;
  /** Offsets of the entries and the end of the last one. */
  readonly bounds: readonly number[];
  readonly range: EntryRange;
}): Promise<readonly Uint8Array[]> {
  const { file, name, bounds, range } = options;
  const start = bounds[0] ?? 0;
  let count = 0;
  for (let end = start; count + 1 < bounds.length; count++) {
    const next = bounds[count + 1] as number;
    const size = next - end;
    if (start < chunkHeaderBytes || size < entryBytesMin || size > entryBytesMax) {
      throw damaged(name, range.first + count);
    }
    if (count > 0 && next - start > range.bytesMax) break;
    end = next;
  }
  const bytes = await file.read(start, (bounds[count] as number) - start);
  return bounds.slice(0, count).map((at, index) => {
    const entry = bytes.subarray(at - start, (bounds[index + 1] as number) - start);
    assertEntry(entry, name, range.first + index);
    return entry;
  });
}

function assertEntry(entry: Uint8Array, name: ChunkName, seqno: number): void {
  try {
    if (entrySize(entry) === entry.length && entryId(entry).seqno === seqno) return;
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw damaged(name, seqno, cause);
  }
  throw damaged(name, seqno);
}

function damaged(name: ChunkName, seqno: number, cause?: LedgerError): LedgerError {
  const file = formatChunkName(name);
  const message = `${file} does not hold entry ${seqno} where its positions say.`;
  return ledgerError('LedgerDamaged', message, { file, seqno }, cause);
}
