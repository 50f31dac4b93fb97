/**
 * How much room the disk has, judged: ample, low (operators are told), short (applications' writes
 * are refused, so that what governs the network still has room), scarce (all writes are refused,
 * so that signatures and Raft's own have room), full (a write waits for room). It is measured about
 * once a second; what was written since counts against the last measure.
 */

import type { LedgerFiles } from '@coco/ledger';

export type StorageLevel = 'ample' | 'low' | 'short' | 'scarce' | 'full';

export interface StorageLimits {
  /** Free bytes below which operators are told. */
  readonly warningBytes: number;
  /** Free bytes below which applications' writes are refused. */
  readonly reserveBytes: number;
}

/**
 * One node's two batches in flight (16 MiB each) and a snapshot's file fit in a quarter of it many
 * times over; a disk that fills at 100 MB/s is noticed before it is used up.
 */
export const storageLimitsDefault: StorageLimits = {
  warningBytes: 1024 * 1024 * 1024,
  reserveBytes: 256 * 1024 * 1024,
};

/** Of the reserve, what is kept for signatures and consensus when governance writes, too. */
const scarceShare = 1 / 4;
/** A level is left only with so much more than what led to it: at its edge it would flicker. */
const returnFactor = 1.1;

export class StorageWatch {
  readonly #files: Pick<LedgerFiles, 'freeBytes'>;
  readonly #limits: StorageLimits;
  readonly #onLevel: (level: StorageLevel) => void;
  /** As measured last, less what was written since; undefined before. */
  #freeBytes: number | undefined;
  #isFull = false;
  #isMeasuring = false;
  #level: StorageLevel = 'ample';

  constructor(options: {
    readonly files: Pick<LedgerFiles, 'freeBytes'>;
    readonly limits: StorageLimits;
    /** Called when the level has changed. */
    readonly onLevel: (level: StorageLevel) => void;
  }) {
    this.#files = options.files;
    this.#limits = options.limits;
    this.#onLevel = options.onLevel;
  }

  get level(): StorageLevel {
    return this.#level;
  }

  get freeBytes(): number | undefined {
    return this.#freeBytes;
  }

  /** Asks the disk; a second call meanwhile does nothing. @throws DiskFault */
  async measure(): Promise<void> {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    try {
      this.#freeBytes = await this.#files.freeBytes();
    } finally {
      this.#isMeasuring = false;
    }
    this.#judge();
  }

  wrote(bytes: number): void {
    if (this.#freeBytes === undefined) return;
    this.#freeBytes = Math.max(0, this.#freeBytes - bytes);
    this.#judge();
  }

  /** A write waits for room, or has got it: how much there is, the next measure tells. */
  setFull(isFull: boolean): void {
    this.#isFull = isFull;
    this.#freeBytes = 0;
    this.#judge();
  }

  #judge(): void {
    const level = this.#isFull ? 'full' : this.#levelByBytes();
    if (level === this.#level) return;
    this.#level = level;
    this.#onLevel(level);
  }

  #levelByBytes(): StorageLevel {
    const { warningBytes, reserveBytes } = this.#limits;
    const bounds = [
      ['scarce', reserveBytes * scarceShare],
      ['short', reserveBytes],
      ['low', warningBytes],
    ] as const;
    const freeBytes = this.#freeBytes ?? Number.POSITIVE_INFINITY;
    const severity = severities.indexOf(this.#level);
    for (const [level, bytes] of bounds) {
      const isLeaving = severity >= severities.indexOf(level);
      if (freeBytes < bytes * (isLeaving ? returnFactor : 1)) return level;
    }
    return 'ample';
  }
}

const severities: readonly StorageLevel[] = ['ample', 'low', 'short', 'scarce', 'full'];
