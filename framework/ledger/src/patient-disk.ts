/**
 * A disk that waits where there is no room, and then does the same again: who writes through it
 * meets no full disk, only a slow one. So the bytes that were to be written are written, and
 * nothing is ever made anew in their place (design.md 5, rule A).
 *
 * What is repeated is known to have left nothing behind that counts: a write or a truncation puts
 * the same bytes at the same place, a name that was not made is made. A flush that failed for want
 * of room may have dropped what it was to flush while the system calls it clean, so everything
 * since the last good flush is written again, from memory, before the next one. Any other failure,
 * and any of a folder's flush, goes to the caller: what the disk holds is unknown then.
 * docs/decisions/full-disk.md says why.
 */
import { type Clock, type Disk, type DiskFile, LedgerError } from '@coco/base';

/** Between two attempts: far below what a person needs to free space, and no load. */
const retryMs = 250;

export interface DiskAttendant {
  /** The first write that has no room, and the first that has some again. */
  onFull(isFull: boolean): void;
  /** Does what does not write until `again` resolves. Nothing is written meanwhile. */
  meanwhile(again: Promise<void>): Promise<void>;
}

/** A change of a file that no flush has made durable. */
type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number };

export class PatientDisk implements Disk {
  readonly #disk: Disk;
  readonly #clock: Clock;
  /** Without one a full disk is refused: nobody would learn of the wait. */
  #attendant: DiskAttendant | undefined;
  #isFull = false;
  #hasGivenUp = false;
  #wake: () => void = () => {};

  constructor(disk: Disk, clock: Clock) {
    this.#disk = disk;
    this.#clock = clock;
  }

  /** From now on writes wait for room. */
  attend(attendant: DiskAttendant): void {
    this.#attendant = attendant;
  }

  /** Whether a write waits for room. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Nobody waits any more: what has no room is refused. */
  giveUp(): void {
    this.#hasGivenUp = true;
    this.#wake();
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#disk.list(folder);
  }

  makeFolder(folder: string): Promise<void> {
    return this.insist(() => this.#disk.makeFolder(folder));
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    const file = await this.insist(() => this.#disk.open(path, options));
    return new PatientFile(this, file, await file.size());
  }

  readFile(path: string, sizeMax: number): Promise<Uint8Array> {
    return this.#disk.readFile(path, sizeMax);
  }

  rename(from: string, to: string): Promise<void> {
    return this.insist(() => this.#disk.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#disk.remove(path);
  }

  syncFolder(folder: string): Promise<void> {
    return this.#disk.syncFolder(folder);
  }

  freeBytes(folder: string): Promise<number> {
    return this.#disk.freeBytes(folder);
  }

  /** Does it until there is room for it; it has to be the same each time. */
  async insist<Value>(act: () => Promise<Value>): Promise<Value> {
    for (;;) {
      try {
        const value = await act();
        this.#note(false);
        return value;
      } catch (error) {
        const attendant = this.#attendant;
        if (!isDiskFull(error) || !attendant || this.#hasGivenUp) throw error;
        this.#note(true);
        await attendant.meanwhile(this.#again());
      }
    }
  }

  #again(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(retryMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #note(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    this.#attendant?.onFull(isFull);
  }
}

class PatientFile implements DiskFile {
  readonly #disk: PatientDisk;
  readonly #file: DiskFile;
  #size: number;
  /** Since the last good flush. The bytes are the caller's, who leaves them unchanged. */
  #unflushed: Change[] = [];
  /** Whether a flush has failed since: what it was to flush may be gone. */
  #mayBeLost = false;

  constructor(disk: PatientDisk, file: DiskFile, size: number) {
    this.#disk = disk;
    this.#file = file;
    this.#size = size;
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#file.read(offset, length);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#disk.insist(() => this.#write(offset, bytes));
    this.#size = Math.max(this.#size, offset + bytes.length);
    this.#unflushed.push({ kind: 'write', offset, bytes });
  }

  async truncate(size: number): Promise<void> {
    await this.#disk.insist(() => this.#file.truncate(size));
    this.#size = size;
    this.#unflushed.push({ kind: 'truncate', size });
  }

  async datasync(): Promise<void> {
    await this.#disk.insist(async () => {
      if (this.#mayBeLost) await this.#writeAgain();
      this.#mayBeLost = true;
      await this.#file.datasync();
      this.#mayBeLost = false;
    });
    this.#unflushed = [];
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #writeAgain(): Promise<void> {
    for (const change of this.#unflushed) {
      if (change.kind === 'write') await this.#file.write(change.offset, change.bytes);
      else await this.#file.truncate(change.size);
    }
  }

  async #write(offset: number, bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.write(offset, bytes);
    } catch (error) {
      if (isDiskFull(error) && offset === this.#size) await this.#cut();
      throw error;
    }
  }

  /** Takes back the part that found room: a file of a node that stops now has no torn end. */
  async #cut(): Promise<void> {
    try {
      await this.#file.truncate(this.#size);
    } catch (error) {
      // A file system that copies on write needs room for this, too; recovery cuts a torn end.
      if (!isDiskFull(error)) throw error;
    }
  }
}

function isDiskFull(error: unknown): error is LedgerError {
  return error instanceof LedgerError && error.code === 'DiskFull';
}
