/**
 * The Disk port for looking at somebody's files: opens nothing for writing, so that it works on
 * read-only media and cannot change what it judges.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Disk, type DiskFile, diskFault } from '@coco/base';

export class ReadOnlyDisk implements Disk {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  list(folder: string): Promise<readonly string[]> {
    return attempt(folder, async () => {
      const entries = await readdir(join(this.#root, folder), { withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .sort();
    });
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    if (options.create) return refuseWrite(path);
    return fileOf(await attempt(path, () => open(join(this.#root, path), 'r')), path);
  }

  async readFile(path: string, sizeMax: number): Promise<Uint8Array> {
    const file = await this.open(path, { create: false });
    try {
      const size = await file.size();
      if (size > sizeMax) throw diskFault('DiskFault', 'The file is too large.', { path, size });
      return await file.read(0, size);
    } finally {
      await file.close();
    }
  }

  makeFolder(folder: string): Promise<void> {
    return refuseWrite(folder);
  }

  rename(from: string): Promise<void> {
    return refuseWrite(from);
  }

  remove(path: string): Promise<void> {
    return refuseWrite(path);
  }

  syncFolder(folder: string): Promise<void> {
    return refuseWrite(folder);
  }

  async freeBytes(_folder: string): Promise<number> {
    return 0;
  }
}

function fileOf(handle: FileHandle, path: string): DiskFile {
  return {
    size: () => attempt(path, async () => (await handle.stat()).size),
    read: (offset, length) => attempt(path, () => readExactly(handle, { offset, length })),
    write: () => refuseWrite(path),
    truncate: () => refuseWrite(path),
    datasync: () => refuseWrite(path),
    close: () => attempt(path, () => handle.close()),
  };
}

async function readExactly(
  handle: FileHandle,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw diskFault('DiskFault', 'The file is shorter than it was.', {});
    done += bytesRead;
  }
  return bytes;
}

function refuseWrite(path: string): Promise<never> {
  return Promise.reject(diskFault('DiskFault', 'A disk that is only read was written.', { path }));
}

async function attempt<Value>(path: string, act: () => Promise<Value>): Promise<Value> {
  try {
    return await act();
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause) || 'metadata' in cause) throw cause;
    throw diskFault('DiskFault', `${path || 'The folder'} cannot be read.`, { path }, cause);
  }
}
