/**
 * Reads a chunk file from its start, entry after entry, in bounded memory. The file is the host's:
 * sizes are checked before anything is read.
 */
import { assert, ByteReader, type DiskFile, refuse } from '@coco/base';
import { chunkBytesMax, chunkHeaderBytes, chunkPath, type LedgerFolder } from './chunk-file.ts';
import type { ChunkName } from './chunk-name.ts';
import { entryHeaderBytes, entrySize } from './entry.ts';

/** Bytes read at once; larger entries are read on their own. */
const windowBytes = 1024 * 1024;
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
  /** Whether the header says that a positions table is there. */
  readonly isComplete: boolean;
  /** Where the entries end: the table, or the end of the file. */
  readonly entriesEnd: number;
  readonly #file: DiskFile;
  #position = chunkHeaderBytes;
  #window: Uint8Array = new Uint8Array(0);
  #windowAt = 0;

  private constructor(file: DiskFile, name: ChunkName, size: number, tableOffset: number) {
    this.#file = file;
    this.name = name;
    this.size = size;
    this.isComplete = tableOffset !== 0;
    this.entriesEnd = this.isComplete ? tableOffset : size;
  }

  /**
   * Opens a chunk file and reads its header.
   * @throws InvalidInput when the header points outside the file, DiskFault
   */
  static async open(at: LedgerFolder, name: ChunkName): Promise<ChunkScanner> {
    const file = await at.disk.open(chunkPath(at, name), { create: false });
    try {
      const size = await file.size();
      if (size > chunkBytesMax + 4 * 2 ** 31) {
        throw refuse('InvalidInput', 'The chunk file is too large.', { size });
      }
      if (size < chunkHeaderBytes) return new ChunkScanner(file, name, size, 0);
      const header = await file.read(0, chunkHeaderBytes);
      const tableOffset = new ByteReader(header).u64();
      const isPlausible =
        tableOffset === 0 ||
        (tableOffset > chunkHeaderBytes && tableOffset < size && tableOffset <= chunkBytesMax);
      if (!isPlausible) {
        throw refuse('InvalidInput', 'The header of the chunk file points outside of it.', {
          tableOffset,
          size,
        });
      }
      return new ChunkScanner(file, name, size, tableOffset);
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

  /** Compares the positions table byte for byte; the index of the first entry it gets wrong. */
  async findWrongPosition(positions: readonly number[]): Promise<number | undefined> {
    assert(this.isComplete, 'only a complete chunk has a table');
    const stated = (this.size - this.entriesEnd) / 4;
    const shared = Math.min(Math.floor(stated), positions.length);
    for (let at = 0; at < shared; at += tableWindowBytes / 4) {
      const part = positions.slice(at, Math.min(shared, at + tableWindowBytes / 4));
      const bytes = await this.#file.read(this.entriesEnd + 4 * at, 4 * part.length);
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
