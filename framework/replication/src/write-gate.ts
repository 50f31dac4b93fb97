/**
 * Who may still write when the disk or the memory of the primary runs short. Applications' writes
 * are refused first: the members must be able to act when they are, so what governs the network
 * and the node's own jobs go on until room is scarce. Signature entries, and what adapters write to
 * conclude a batch, are never refused: what was executed has to be concluded.
 */

import type { WriteSet } from '@coco/kv';
import { replicationError } from './errors.ts';
import type { StorageLevel } from './storage-watch.ts';

/** As of the disk; memory is never 'full', since a write that has no memory is not begun. */
export type MemoryLevel = Exclude<StorageLevel, 'full'>;

/** Whose write: an adapter's, or of governance and the node. */
export type Writer = 'application' | 'governance';

const refused: Readonly<Record<StorageLevel, readonly Writer[]>> = {
  ample: [],
  low: [],
  short: ['application'],
  scarce: ['application', 'governance'],
  full: ['application', 'governance'],
};

export class WriteGate {
  #storage: StorageLevel = 'ample';
  #memory: MemoryLevel = 'ample';

  get storage(): StorageLevel {
    return this.#storage;
  }

  get memory(): MemoryLevel {
    return this.#memory;
  }

  setStorage(level: StorageLevel): void {
    this.#storage = level;
  }

  setMemory(level: MemoryLevel): void {
    this.#memory = level;
  }

  /** Refuses a write for which there is no room on the disk. @throws StorageFull */
  ensureStorage(writer: Writer): void {
    if (!this.#refuses(writer, this.#storage)) return;
    const message = 'The disk of the primary is short of room; nothing was written.';
    throw replicationError('StorageFull', message, { level: this.#storage });
  }

  /**
   * Refuses what would add to the state when memory is short. What only deletes passes: it is how
   * an application makes room. @throws MemoryFull
   */
  ensureMemory(writer: Writer, writeSet: WriteSet): void {
    if (!this.#refuses(writer, this.#memory) || onlyDeletes(writeSet)) return;
    const message = 'The memory of the primary is used up to its limit; nothing was written.';
    throw replicationError('MemoryFull', message, { level: this.#memory });
  }

  #refuses(writer: Writer, level: StorageLevel): boolean {
    return refused[level].includes(writer);
  }
}

function onlyDeletes({ maps }: WriteSet): boolean {
  return maps.every(({ rows }) => rows.every(({ value }) => value === undefined));
}
