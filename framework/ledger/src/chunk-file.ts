/**
 * One chunk file: u64 offset of the positions table (0 while the chunk grows), entries back to
 * back, and, once complete, u32 positions. Source: CCF's ledger format, docs/formats/ledger.md
 * section 1.
 *
 * Order of writes: the table is flushed before the header that points to it, so that a header that
 * is not zero always has its table behind it.
 */
import {
  asSeqno,
  assert,
  ByteReader,
  ByteWriter,
  type Disk,
  type DiskFile,
  present,
  type Seqno,
} from '@coco/base';
import { type ChunkName, formatChunkName } from './chunk-name.ts';
import { entryFlag, entryHeaderBytes, entrySize } from './entry.ts';

/** The table offset at the start of each chunk file. */
export const chunkHeaderBytes = 8;
/** Positions are u32. */
export const chunkBytesMax: number = 2 ** 32 - 1;

/** Where chunk files are. */
export interface LedgerFolder {
  readonly disk: Disk;
  readonly folder: string;
}

/** A chunk file as the ledger knows it. Only complete ones have a table. */
export interface ChunkRecord {
  readonly name: ChunkName;
  readonly last: Seqno;
  /** Byte offset after the last entry, where the table is or will be. */
  readonly entriesEnd: number;
  /** Byte offset of each entry, of a chunk that has no table. */
  readonly positions: readonly number[] | undefined;
}

/** The path of a chunk file. */
export function chunkPath(at: LedgerFolder, name: ChunkName): string {
  return `${at.folder}/${formatChunkName(name)}`;
}

/** The chunk that grows. */
export class OpenChunk {
  readonly file: DiskFile;
  #name: ChunkName;
  /** Invariant: size = 8 + bytes of all entries; positions ascend below it. */
  #size: number;
  #positions: number[];

  constructor(options: {
    readonly name: ChunkName;
    readonly file: DiskFile;
    readonly size: number;
    readonly positions: readonly number[];
  }) {
    this.#name = options.name;
    this.file = options.file;
    this.#size = options.size;
    this.#positions = [...options.positions];
  }

  static async create(at: LedgerFolder, name: ChunkName): Promise<OpenChunk> {
    const file = await at.disk.open(chunkPath(at, name), { create: true });
    await file.write(0, new Uint8Array(chunkHeaderBytes));
    return new OpenChunk({ name, file, size: chunkHeaderBytes, positions: [] });
  }

  get name(): ChunkName {
    return this.#name;
  }

  get next(): Seqno {
    return asSeqno(this.name.start + this.#positions.length);
  }

  /** Writes entries back to back; durable after the file's datasync. */
  async append(body: Uint8Array): Promise<void> {
    const positions = entryPositions(body);
    assert(this.#size + body.length <= chunkBytesMax, 'a chunk stays below 4 GiB');
    await this.file.write(this.#size, body);
    for (const position of positions) this.#positions.push(this.#size + position);
    this.#size += body.length;
  }

  /** Renames the file; durable after the folder's flush. */
  async rename(at: LedgerFolder, name: ChunkName): Promise<void> {
    await at.disk.rename(chunkPath(at, this.#name), chunkPath(at, name));
    this.#name = name;
  }

  /** Writes the table and the header, each flushed. The caller closes the file. */
  async complete(): Promise<void> {
    const table = new ByteWriter(4 * this.#positions.length);
    for (const position of this.#positions) table.u32(position);
    await this.file.write(this.#size, table.done());
    await this.file.datasync();
    await this.file.write(0, new ByteWriter(chunkHeaderBytes).u64(this.#size).done());
    await this.file.datasync();
  }

  /** Cuts the entries from `seqno` on, and a table behind them. Flushed. */
  async truncate(seqno: Seqno): Promise<void> {
    const kept = seqno - this.name.start;
    assert(kept >= 0 && kept <= this.#positions.length, 'the cut is inside the chunk');
    this.#size = this.#positions[kept] ?? this.#size;
    this.#positions.length = kept;
    await this.file.write(0, new Uint8Array(chunkHeaderBytes));
    await this.file.datasync();
    await this.file.truncate(this.#size);
    await this.file.datasync();
  }

  /** What to remember of the chunk when it no longer grows. */
  record(options: { readonly isComplete: boolean }): ChunkRecord {
    assert(this.#positions.length > 0, 'a chunk that ends holds entries');
    const last = asSeqno(this.next - 1);
    return {
      name: options.isComplete ? { ...this.name, last } : this.name,
      last,
      entriesEnd: this.#size,
      positions: options.isComplete ? undefined : this.#positions,
    };
  }

  /** Byte offsets of the entries first..last and the end of the last one. */
  bounds(first: Seqno, last: Seqno): number[] {
    const bounds = this.#positions.slice(first - this.name.start, last - this.name.start + 2);
    if (last + 1 === this.next) bounds.push(this.#size);
    return bounds;
  }
}

/** Offsets of entries that stand back to back. */
export function entryPositions(body: Uint8Array): number[] {
  const positions: number[] = [];
  for (let at = 0; at < body.length; ) {
    positions.push(at);
    at += entrySize(body.subarray(at, at + entryHeaderBytes));
    assert(at <= body.length, 'a body holds whole entries');
  }
  assert(positions.length > 0, 'a body holds entries');
  return positions;
}

/** Whether the chunk ends after this body: the flag of its last entry, a signature. */
export function endsChunk(body: Uint8Array, positions: readonly number[]): boolean {
  const flags = present(body[(positions.at(-1) ?? 0) + 1], 'a body holds entries');
  return (flags & entryFlag.chunkAfter) !== 0;
}

/**
 * Byte offsets of the entries first..last and the end of the last one, from a chunk's table.
 * Read from the host's disk: not checked here.
 */
export async function tableBounds(
  file: DiskFile,
  chunk: ChunkRecord,
  range: { readonly first: Seqno; readonly last: Seqno },
): Promise<number[]> {
  const { first, last } = range;
  const isLast = last === chunk.last;
  const count = last - first + (isLast ? 1 : 2);
  const bytes = await file.read(chunk.entriesEnd + 4 * (first - chunk.name.start), 4 * count);
  const reader = new ByteReader(bytes);
  const bounds = Array.from({ length: count }, () => reader.u32());
  if (isLast) bounds.push(chunk.entriesEnd);
  return bounds;
}
