/**
 * A disk in memory that is as unkind as the contract of the Disk port allows: `crash` forgets every
 * write that was not flushed, keeps some of them in part, and forgets creations, renames and
 * removals whose folder was not flushed. For tests and the simulator.
 */
import { concatBytes } from './bytes.ts';
import { diskFault } from './errors.ts';
import type { Disk, DiskFile } from './ports.ts';
import type { SeededRandom } from './seeded-random.ts';

interface Write {
  readonly offset: number;
  readonly bytes: Uint8Array | undefined;
}

/** A file apart from its names: durable content and the writes since the last flush. */
class Inode {
  durable: Uint8Array = new Uint8Array(0);
  current: Uint8Array = new Uint8Array(0);
  readonly unflushed: Write[] = [];
  /** Whether a failed flush dropped writes: a later flush does not make them durable. */
  #hasLost = false;

  apply(write: Write): void {
    this.current = applyWrite(this.current, write);
    this.unflushed.push(write);
  }

  flush(): void {
    this.durable = this.#hasLost ? this.unflushed.reduce(applyWrite, this.durable) : this.current;
    this.unflushed.length = 0;
  }

  /** As Linux does after a failed writeback: the pages are read as before, and count as clean. */
  loseFlush(): void {
    this.#hasLost = true;
    this.unflushed.length = 0;
  }

  /** What a crash has left is all there is. */
  reset(content: Uint8Array): void {
    this.durable = content;
    this.current = content;
    this.unflushed.length = 0;
    this.#hasLost = false;
  }
}

function applyWrite(content: Uint8Array, write: Write): Uint8Array {
  if (write.bytes === undefined) {
    if (write.offset <= content.length) return content.slice(0, write.offset);
    return concatBytes(content, new Uint8Array(write.offset - content.length));
  }
  const end = write.offset + write.bytes.length;
  const next = new Uint8Array(Math.max(end, content.length));
  next.set(content);
  next.set(write.bytes, write.offset);
  return next;
}

export class MemoryDisk implements Disk {
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  /** Bytes by which files may still grow; without any, files get no new names either. */
  spaceBytes: number = Number.POSITIVE_INFINITY;
  /** So many flushes of files to come fail for want of space, and drop what they were to flush. */
  failingFlushes = 0;

  async list(folder: string): Promise<readonly string[]> {
    const prefix = `${folder}/`;
    return [...this.#names.keys()]
      .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
      .map((path) => path.slice(prefix.length))
      .sort();
  }

  async makeFolder(_folder: string): Promise<void> {}

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    if (options.create) {
      if (this.#names.has(path)) throw diskFault('DiskFault', 'The file exists.', { path });
      this.#ensureSpace();
      this.#names.set(path, new Inode());
    }
    return this.#file(this.#inode(path));
  }

  async readFile(path: string, sizeMax: number): Promise<Uint8Array> {
    const inode = this.#inode(path);
    if (inode.current.length > sizeMax) {
      throw diskFault('DiskFault', `The file is larger than ${sizeMax} bytes.`, { path });
    }
    return inode.current.slice();
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#inode(from);
    this.#ensureSpace();
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  async remove(path: string): Promise<void> {
    this.spaceBytes += this.#inode(path).current.length;
    this.#names.delete(path);
  }

  async freeBytes(_folder: string): Promise<number> {
    return this.spaceBytes;
  }

  async syncFolder(folder: string): Promise<void> {
    const prefix = `${folder}/`;
    for (const path of this.#durableNames.keys()) {
      if (path.startsWith(prefix) && !this.#names.has(path)) this.#durableNames.delete(path);
    }
    for (const [path, inode] of this.#names) {
      if (path.startsWith(prefix)) this.#durableNames.set(path, inode);
    }
  }

  /** The machine loses power: what the contract does not promise may be gone. */
  crash(random: SeededRandom): void {
    this.#names = new Map(this.#durableNames);
    for (const inode of new Set(this.#names.values())) {
      const survivors = random.below(inode.unflushed.length + 1);
      let content = inode.durable;
      for (const write of inode.unflushed.slice(0, survivors)) content = applyWrite(content, write);
      const torn = inode.unflushed[survivors];
      if (torn?.bytes && random.below(2) === 0) {
        const kept = torn.bytes.slice(0, random.below(torn.bytes.length + 1));
        content = applyWrite(content, { offset: torn.offset, bytes: kept });
      }
      this.spaceBytes += inode.current.length - content.length;
      inode.reset(content);
    }
  }

  /**
   * The files of a folder by name as a crash would surely leave them: what is durable and no more.
   */
  durableFiles(folder: string): ReadonlyMap<string, Uint8Array> {
    const prefix = `${folder}/`;
    const files = new Map<string, Uint8Array>();
    for (const [path, inode] of this.#durableNames) {
      if (path.startsWith(prefix)) files.set(path.slice(prefix.length), inode.durable);
    }
    return files;
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw diskFault('DiskFault', 'There is no such file.', { path });
    return inode;
  }

  #ensureSpace(): void {
    if (this.spaceBytes <= 0) throw diskFault('DiskFull', 'The disk is full.');
  }

  #change(inode: Inode, write: Write): void {
    const before = inode.current.length;
    inode.apply(write);
    this.spaceBytes -= inode.current.length - before;
  }

  /** As much as there is room for; the rest is refused. */
  #write(inode: Inode, offset: number, bytes: Uint8Array): void {
    const room = Math.max(0, inode.current.length + this.spaceBytes - offset);
    const fitting = new Uint8Array(bytes.subarray(0, Math.min(room, bytes.length)));
    if (fitting.length > 0) this.#change(inode, { offset, bytes: fitting });
    if (fitting.length < bytes.length) throw diskFault('DiskFull', 'The disk is full.');
  }

  #flush(inode: Inode): void {
    if (this.failingFlushes > 0) {
      this.failingFlushes--;
      inode.loseFlush();
      throw diskFault('DiskFull', 'The disk is full.');
    }
    inode.flush();
  }

  #file(inode: Inode): DiskFile {
    return {
      size: async () => inode.current.length,
      read: async (offset, length) => {
        if (offset + length > inode.current.length) {
          throw diskFault('DiskFault', 'The file ends before the read.', { offset, length });
        }
        return inode.current.slice(offset, offset + length);
      },
      write: async (offset, bytes) => this.#write(inode, offset, bytes),
      truncate: async (size) => this.#change(inode, { offset: size, bytes: undefined }),
      datasync: async () => this.#flush(inode),
      close: async () => {},
    };
  }
}
