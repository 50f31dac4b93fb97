/**
 * The Disk port over a real folder. Paths from inside are joined to the root and may not leave it;
 * everything read is bounded by the caller.
 */
import { constants } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  rename,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { assert, type Disk, type DiskFile, diskFault } from '@coco/base';

/** Ledger and keys are for the node's own user only. */
const fileMode = 0o600;
const folderMode = 0o700;

export class FileDisk implements Disk {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async list(folder: string): Promise<readonly string[]> {
    const path = this.#path(folder);
    return attempt('list', folder, async () => {
      const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return [];
        throw error;
      });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name)
        .sort();
    });
  }

  async makeFolder(folder: string): Promise<void> {
    const path = this.#path(folder);
    await attempt('makeFolder', folder, async () => {
      const first = await mkdir(path, { recursive: true, mode: folderMode });
      if (first === undefined) return;
      // Each folder that was made is a name in the one above it, which a crash may forget.
      for (let made = path; made.length >= first.length; made = dirname(made)) {
        await syncFolder(dirname(made));
      }
    });
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    const flags = options.create
      ? constants.O_RDWR | constants.O_CREAT | constants.O_EXCL
      : constants.O_RDWR;
    const handle = await attempt('open', path, () => open(this.#path(path), flags, fileMode));
    return fileOf(handle, path);
  }

  async readFile(path: string, sizeMax: number): Promise<Uint8Array> {
    return attempt('readFile', path, async () => {
      const { size } = await stat(this.#path(path));
      if (size > sizeMax) throw diskFault('DiskFault', 'The file is too large.', { path, size });
      const handle = await open(this.#path(path), constants.O_RDONLY);
      try {
        return await readExactly(handle, { offset: 0, length: size, path });
      } finally {
        await handle.close();
      }
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await attempt('rename', from, () => rename(this.#path(from), this.#path(to)));
  }

  async remove(path: string): Promise<void> {
    await attempt('remove', path, () => unlink(this.#path(path)));
  }

  async syncFolder(folder: string): Promise<void> {
    await attempt('syncFolder', folder, () => syncFolder(this.#path(folder)));
  }

  async freeBytes(folder: string): Promise<number> {
    return attempt('statfs', folder, async () => {
      // `bavail` leaves out what the system keeps for its administrator.
      const { bavail, bsize } = await statfs(this.#path(folder));
      return bavail * bsize;
    });
  }

  #path(path: string): string {
    const joined = join(this.#root, path);
    assert(joined === this.#root || joined.startsWith(this.#root + sep), 'paths stay in the root');
    return joined;
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function fileOf(handle: FileHandle, path: string): DiskFile {
  return {
    size: () => attempt('size', path, async () => (await handle.stat()).size),
    read: (offset, length) =>
      attempt('read', path, () => readExactly(handle, { offset, length, path })),
    write: (offset, bytes) =>
      attempt('write', path, async () => {
        for (let done = 0; done < bytes.length; ) {
          const rest = bytes.subarray(done);
          done += (await handle.write(rest, 0, rest.length, offset + done)).bytesWritten;
        }
      }),
    truncate: (size) => attempt('truncate', path, () => handle.truncate(size)),
    datasync: () => attempt('datasync', path, () => handle.datasync()),
    close: () => attempt('close', path, () => handle.close()),
  };
}

async function readExactly(
  handle: FileHandle,
  part: { readonly offset: number; readonly length: number; readonly path: string },
): Promise<Uint8Array> {
  const bytes = new Uint8Array(part.length);
  for (let done = 0; done < part.length; ) {
    const { bytesRead } = await handle.read(bytes, done, part.length - done, part.offset + done);
    if (bytesRead === 0) throw diskFault('DiskFault', 'The file ends early.', { path: part.path });
    done += bytesRead;
  }
  return bytes;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

async function attempt<Result>(
  operation: string,
  path: string,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    const metadata = { operation, path, reason: codeOf(error) };
    if (metadata.reason === 'ENOSPC' || metadata.reason === 'EDQUOT') {
      throw diskFault('DiskFull', 'The disk has no space left.', metadata, error);
    }
    throw diskFault('DiskFault', `The disk refused to ${operation}.`, metadata, error);
  }
}
