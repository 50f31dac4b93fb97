/** A memory in a file (Node), replaced by rename after fsync: a crash leaves the old or the new. */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { MemoryStore } from './memory.ts';

/**
 * Keeps the memory in the file at `path`, readable by its owner only. One client at a time uses it:
 * of two that save, the later wins.
 */
export function fileMemory(path: string): MemoryStore {
  return {
    load: async () => {
      try {
        return await readFile(path, 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
    save: async (text) => {
      const draft = `${path}.new`;
      const file = await open(draft, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(draft, path);
      await syncFolder(dirname(path));
    },
  };
}

async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders; there a rename is as durable as the file system makes it.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
