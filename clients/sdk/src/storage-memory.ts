/** A memory in a browser's localStorage, or in anything with the same two methods. */
import type { MemoryStore } from './memory.ts';

/** The part of the Web Storage interface that is used. */
export interface TextStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Keeps the memory of one network under `key`. */
export function storageMemory(storage: TextStorage, key: string): MemoryStore {
  return {
    load: async () => storage.getItem(key) ?? undefined,
    save: async (text) => storage.setItem(key, text),
  };
}

/** A memory that ends with the process: it notices nothing across restarts of the client. */
export function forgetfulMemory(): MemoryStore {
  let kept: string | undefined;
  return {
    load: async () => kept,
    save: async (text) => {
      kept = text;
    },
  };
}
