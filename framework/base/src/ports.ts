/**
 * The interfaces through which core rooms see the outside world (style rule 7). The node gives
 * real ones, tests and the simulator seeded ones.
 */

export interface Clock {
  /** Unix time in milliseconds. The host sets it: it is not trusted, only monotone per use. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

export interface Random {
  /** New bytes; cryptographically strong in production. */
  bytes(length: number): Uint8Array;
}

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';
/** Typed fields of a log line: never user data, keys or plaintext. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  write(level: LogLevel, event: string, fields?: LogFields): void;
}

/**
 * Files as the ledger needs them. A write is durable only after `datasync` of the file and, for a
 * created or renamed file, `syncFolder` of its folder. Paths are `/`-separated and relative to the
 * disk's root. Every method rejects with a fault coded DiskFault, or DiskFull where there was no
 * room. After DiskFull a write may have left a part of its bytes, and a flush may have dropped what
 * was to be flushed: it has to be written again.
 */
export interface Disk {
  /** Names (not paths) of the files in a folder, sorted; empty when the folder does not exist. */
  list(folder: string): Promise<readonly string[]>;
  makeFolder(folder: string): Promise<void>;
  /** Opens for reading and writing; `create` makes a new file and fails if it exists. */
  open(path: string, options: { readonly create: boolean }): Promise<DiskFile>;
  /** The whole file. `sizeMax` bounds what a hostile host can make us read. */
  readFile(path: string, sizeMax: number): Promise<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncFolder(folder: string): Promise<void>;
  /** Bytes that may still be written in the folder before its disk is full, as it stands now. */
  freeBytes(folder: string): Promise<number>;
}

export interface DiskFile {
  size(): Promise<number>;
  /** Exactly `length` bytes from `offset`; a short read is a DiskFault. */
  read(offset: number, length: number): Promise<Uint8Array>;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
  /** fdatasync. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}
