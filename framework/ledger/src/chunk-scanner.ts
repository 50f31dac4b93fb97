/**
 * Reads a chunk file from its start, entry after entry, in bounded memory. The file is the host's:
 * sizes are checked before anything is read.
 */
import { ByteReader, type DiskFile, refuse } from '@coco/base';
import { chunkBytesMax, chunkHeaderBytes, chunkPath, type LedgerFolder } from './chunk-file.ts';
import type { ChunkName } from './chunk-name.ts';
import { entryHeaderBytes, entrySize } from './entry.ts';

/** Bytes read at once; larger entries are read on their own. */
const windowBytes = 1024 * 1024;
/** Entries below 4 GiB, and a table of theirs: no entry is smaller than 100 bytes. */
const fileBytesMax = chunkBytesMax + Math.ceil(chunkBytesMax / 25);
/** Bytes of the positions table compared at once. */
const tableWindowBytes = 64 * 1024;

/** One entry's bytes and where they stand in the file. */
export interface ScannedEntry {
  readonly position: number;
  readonly bytes: Uint8Array;
}

export class ChunkScanner {
  readonly name: ChunkName;
  /** Bytes of the whole file. */
  readonly size: number;
  /** What the header says: where the positions table is, 0 for none. */
  readonly tableOffset: number;
  /**
   * Where entries must end: before the table of a chunk whose name says that it is complete. In any
   * other the header may be torn, so entries are looked for up to the end of the file.
   */
  readonly entriesEnd: number;
  readonly #file: DiskFile;
  #position = chunkHeaderBytes;
  #window: Uint8Array = new Uint8Array(0);
  #windowAt = 0;

  private constructor(
    file: DiskFile,
    chunk: { readonly name: ChunkName; readonly size: number; readonly tableOffset: number },
  ) {
    this.#file = file;
    this.name = chunk.name;
    this.size = chunk.size;
    this.tableOffset = chunk.tableOffset;
    this.entriesEnd = chunk.name.last === undefined ? chunk.size : chunk.tableOffset;
  }

  /**
   * Opens a chunk file and reads its header.
   * @throws InvalidInput when a complete chunk's header points to no table, DiskFault
   */
  static async open(at: LedgerFolder, name: ChunkName): Promise<ChunkScanner> {
    const file = await at.disk.open(chunkPath(at, name), { create: false });
    try {
      const size = await file.size();
      if (size > fileBytesMax) {
        throw refuse('InvalidInput', 'The chunk file is too large.', { size });
      }
      const header = await file.read(0, Math.min(size, chunkHeaderBytes));
      const tableOffset = size < chunkHeaderBytes ? 0 : readTableOffset(header);
      const isInside = tableOffset > chunkHeaderBytes && tableOffset < size;
      if (name.last !== undefined && !(isInside && tableOffset <= chunkBytesMax)) {
        throw refuse('InvalidInput', 'A complete file has no positions table.', { size });
      }
      return new ChunkScanner(file, { name, size, tableOffset });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Where the next entry starts. */
  get position(): number {
    return this.#position;
  }

  /** The next entry; undefined at the end. @throws InvalidInput when there is no whole entry */
  async next(): Promise<ScannedEntry | undefined> {
    const position = this.#position;
    const left = this.entriesEnd - position;
    if (left <= 0) return undefined;
    if (left < entryHeaderBytes) {
      throw refuse('InvalidInput', 'The chunk ends inside the header of an entry.');
    }
    const size = entrySize(await this.#read(position, entryHeaderBytes));
    if (size > left)
      throw refuse('InvalidInput', 'The chunk ends inside an entry.', { size, left });
    const bytes = await this.#read(position, size);
    this.#position += size;
    return { position, bytes };
  }

  /**
   * Compares the table behind the last entry read, byte for byte: the index of the first entry that
   * it gets wrong.
   */
  async findWrongPosition(positions: readonly number[]): Promise<number | undefined> {
    const table = this.#position;
    const stated = (this.size - table) / 4;
    const shared = Math.min(Math.floor(stated), positions.length);
    for (let at = 0; at < shared; at += tableWindowBytes / 4) {
      const part = positions.slice(at, Math.min(shared, at + tableWindowBytes / 4));
      const bytes = await this.#file.read(table + 4 * at, 4 * part.length);
      const reader = new ByteReader(bytes);
      const wrong = part.findIndex((position) => reader.u32() !== position);
      if (wrong >= 0) return at + wrong;
    }
    return stated === positions.length ? undefined : Math.min(shared, positions.length - 1);
  }

  /** Raw bytes of the file, at most up to its end. */
  async rawBytes(position: number, length: number): Promise<Uint8Array> {
    return this.#file.read(position, Math.max(0, Math.min(length, this.size - position)));
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Bytes of their own where they are handed out: entries outlive the window. */
  async #read(position: number, length: number): Promise<Uint8Array> {
    const at = position - this.#windowAt;
    if (at >= 0 && at + length <= this.#window.length) return this.#window.slice(at, at + length);
    if (length >= windowBytes) return this.#file.read(position, length);
    const windowLength = Math.min(windowBytes, this.entriesEnd - position);
    this.#window = await this.#file.read(position, windowLength);
    this.#windowAt = position;
    return this.#window.slice(0, length);
  }
}

/** A torn header may be any number: those beyond 2^53 become one that fits no file. */
function readTableOffset(header: Uint8Array): number {
  const reader = new ByteReader(header);
  return reader.u32() + reader.u32() * 2 ** 32;
}
