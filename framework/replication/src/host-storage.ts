/**
 * The room on the disk of a replica's files, as its host deals with it: told when the level
 * changes, measured about once a second, and a write that waits stalls the replica.
 */
import { LedgerError, type Log } from '@coco/base';
import type { LedgerFiles, PatientDisk } from '@coco/ledger';
import type { StorageReport } from './replica-messages.ts';
import {
  type StorageLevel,
  type StorageLimits,
  StorageWatch,
  storageLimitsDefault,
} from './storage-watch.ts';

/** Between two measures: a second, by the worker's beat of 50 ms. */
const measureTicks = 20;

export interface HostStorageOptions {
  readonly files: LedgerFiles;
  readonly disk: PatientDisk;
  readonly limits: StorageLimits | undefined;
  readonly log: Log | undefined;
  /** The level is another. */
  readonly onLevel: (report: StorageReport) => void;
  /** A write waits for room, or has got it. */
  readonly onFull: (isFull: boolean) => void;
  readonly onFailed: (error: unknown) => void;
}

export class HostStorage {
  readonly #options: HostStorageOptions;
  readonly #watch: StorageWatch;
  #tickCount = 0;

  constructor(options: HostStorageOptions) {
    this.#options = options;
    const { files, disk, limits = storageLimitsDefault, onLevel } = options;
    this.#watch = new StorageWatch({
      files,
      limits,
      onLevel: (level) => onLevel({ level, freeBytes: this.#watch.freeBytes }),
    });
    disk.attend({
      onFull: (isFull) => this.#onFull(isFull),
      meanwhile: (again) => files.serveReads(again),
    });
  }

  get level(): StorageLevel {
    return this.#watch.level;
  }

  /** Applications' writes are refused. */
  get isShort(): boolean {
    return this.level !== 'ample' && this.level !== 'low';
  }

  get freeBytes(): number | undefined {
    return this.#watch.freeBytes;
  }

  tick(): void {
    if (this.#tickCount++ % measureTicks === 0) void this.measure();
  }

  wrote(bytes: number): void {
    this.#watch.wrote(bytes);
  }

  async measure(): Promise<void> {
    const { log, onFailed } = this.#options;
    try {
      await this.#watch.measure();
    } catch (error) {
      if (!(error instanceof LedgerError)) onFailed(error);
      else log?.write('warning', 'disk.unmeasured', { code: error.code });
    }
  }

  /** Nobody waits for room any more. */
  stop(): void {
    this.#options.disk.giveUp();
  }

  #onFull(isFull: boolean): void {
    this.#options.onFull(isFull);
    this.#watch.setFull(isFull);
    if (!isFull) void this.measure();
  }
}
