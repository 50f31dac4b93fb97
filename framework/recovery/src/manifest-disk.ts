/**
 * A ledger's folder as a manifest lists it, read from where the files are kept: what verifies a
 * ledger reads it as any other folder. It writes nothing.
 */
import { type Disk, type DiskFile, diskFault } from '@coco/base';
import type { BackupFile } from './backup-manifest.ts';

export class ManifestDisk implements Disk {
  readonly #disk: Disk;
  readonly #files: ReadonlyMap<string, BackupFile>;

  /** `folder` is where `disk` keeps the files. */
  constructor(disk: Disk, folder: string, files: readonly BackupFile[]) {
    this.#disk = disk;
    const rows = files.map(
      (file) => [file.name, { ...file, stored: `${folder}/${file.stored}` }] as const,
    );
    this.#files = new Map(rows);
  }

  async list(): Promise<readonly string[]> {
    return [...this.#files.keys()].sort();
  }

  async open(path: string): Promise<DiskFile> {
    const { stored, bytes } = this.#file(path);
    const file = await this.#disk.open(stored, { create: false });
    // The kept file may be longer than what counts of it.
    return { ...readOnly(file, path), size: async () => bytes };
  }

  readFile(path: string, sizeMax: number): Promise<Uint8Array> {
    return this.#disk.readFile(this.#file(path).stored, sizeMax);
  }

  makeFolder(path: string): Promise<void> {
    return refuse(path);
  }

  rename(from: string): Promise<void> {
    return refuse(from);
  }

  remove(path: string): Promise<void> {
    return refuse(path);
  }

  syncFolder(path: string): Promise<void> {
    return refuse(path);
  }

  async freeBytes(_folder: string): Promise<number> {
    return 0;
  }

  #file(path: string): BackupFile {
    const file = this.#files.get(path.slice(path.lastIndexOf('/') + 1));
    if (file) return file;
    throw diskFault('DiskFault', 'The backup has no such file.', { path });
  }
}

function readOnly(file: DiskFile, path: string): DiskFile {
  return {
    size: () => file.size(),
    read: (offset, length) => file.read(offset, length),
    write: () => refuse(path),
    truncate: () => refuse(path),
    datasync: () => refuse(path),
    close: () => file.close(),
  };
}

function refuse(path: string): Promise<never> {
  return Promise.reject(diskFault('DiskFault', 'A backup that is read was written.', { path }));
}
