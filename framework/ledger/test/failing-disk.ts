/** A disk whose changes start to fail after a number of them: the machine stops in mid-operation. */
import { type Disk, type DiskFile, diskFault } from '@coco/base';

export class FailingDisk implements Disk {
  readonly #disk: Disk;
  /** Changes that still succeed. */
  changesLeft: number = Number.POSITIVE_INFINITY;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#disk.list(folder);
  }

  readFile(path: string, sizeMax: number): Promise<Uint8Array> {
    return this.#disk.readFile(path, sizeMax);
  }

  makeFolder(folder: string): Promise<void> {
    return this.#change(() => this.#disk.makeFolder(folder));
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    const open = () => this.#disk.open(path, options);
    const file = await (options.create ? this.#change(open) : open());
    return {
      size: () => file.size(),
      read: (offset, length) => file.read(offset, length),
      close: () => file.close(),
      write: (offset, bytes) => this.#change(() => file.write(offset, bytes)),
      truncate: (size) => this.#change(() => file.truncate(size)),
      datasync: () => this.#change(() => file.datasync()),
    };
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change(() => this.#disk.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#change(() => this.#disk.remove(path));
  }

  syncFolder(folder: string): Promise<void> {
    return this.#change(() => this.#disk.syncFolder(folder));
  }

  freeBytes(folder: string): Promise<number> {
    return this.#disk.freeBytes(folder);
  }

  async #change<Value>(change: () => Promise<Value>): Promise<Value> {
    if (this.changesLeft <= 0) throw diskFault('DiskFault', 'The machine has stopped.');
    this.changesLeft -= 1;
    return change();
  }
}
