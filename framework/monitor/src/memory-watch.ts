/**
 * How much of its memory a node uses, judged once a second: ample, low (80 %: operators are told),
 * short (90 %: what adds to the state is refused to applications), scarce (95 %: to everybody).
 * Three things can run out: the machine's memory, the JavaScript heap, and the store's own limit.
 */

import { getHeapStatistics } from 'node:v8';
import { type Clock, present } from '@coco/base';
import type { StoreStats } from '@coco/kv';
import type { MemoryLevel } from '@coco/replication';

const measureMs = 1_000;
/** Of so many measures the least heap counts: what is above it is garbage, more or less. */
const heapMeasures = 10;
const bounds: readonly (readonly [MemoryLevel, number])[] = [
  ['scarce', 0.95],
  ['short', 0.9],
  ['low', 0.8],
];
const severities: readonly MemoryLevel[] = ['ample', 'low', 'short', 'scarce'];
/** A level is left only so much below what led to it: at its edge it would flicker. */
const returnShare = 0.02;
/**
 * What the store has taken from the machine, blocks that wait for rows of their size included, may
 * go so far beyond a limit: deleting at random must help, though it empties no whole chunk.
 */
const reservedFactor = { machine: 1.2, store: 1.05 };

export interface MemoryReadings {
  /** The main thread's JavaScript heap. */
  readonly heapBytes: number;
  readonly heapLimitBytes: number;
  /** Keys, values and index, outside the heap. */
  readonly storeBytes: number;
  /** What is allocated for them. */
  readonly reservedBytes: number;
  readonly storeLimitBytes: number;
  /** What else the node holds for long: its code, Raft's memory, bodies on their way. */
  readonly otherBytes: number;
}

export interface MemoryReport {
  readonly level: MemoryLevel;
  /** Which of the three is nearest to its limit. */
  readonly resource: 'machine' | 'heap' | 'store';
  /** Of that limit, 0 to 1. */
  readonly share: number;
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export interface MemoryWatchOptions {
  readonly clock: Clock;
  /** What the node may use of the machine. */
  readonly limitBytes: number;
  readonly read: () => MemoryReadings;
  /** Called when the level has changed. */
  readonly onLevel: (report: MemoryReport) => void;
  /** Called at each measure while writes are refused: what can be freed should be. */
  readonly onShort: () => void;
}

export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #heaps: number[] = [];
  #report: MemoryReport;
  #cancel: () => void = () => {};

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
    const { limitBytes } = options;
    this.#report = { level: 'ample', resource: 'machine', share: 0, usedBytes: 0, limitBytes };
  }

  get report(): MemoryReport {
    return this.#report;
  }

  start(): void {
    this.measure();
    this.#cancel = this.#options.clock.setTimer(measureMs, () => this.start());
  }

  stop(): void {
    this.#cancel();
  }

  measure(): void {
    const before = this.#report.level;
    const nearest = this.#nearest(this.#options.read());
    const level = levelOf(nearest.share, before);
    this.#report = { ...nearest, level };
    if (level !== before) this.#options.onLevel(this.#report);
    if (level === 'short' || level === 'scarce') this.#options.onShort();
  }

  #nearest(readings: MemoryReadings): Omit<MemoryReport, 'level'> {
    const { heapLimitBytes, storeBytes, reservedBytes, storeLimitBytes, otherBytes } = readings;
    this.#heaps.push(readings.heapBytes);
    if (this.#heaps.length > heapMeasures) this.#heaps.shift();
    const heapBytes = Math.min(...this.#heaps);
    const { limitBytes } = this.#options;
    const usedBytes = heapBytes + storeBytes + otherBytes;
    const takenBytes = heapBytes + reservedBytes + otherBytes;
    const candidates = [
      { resource: 'machine', usedBytes, limitBytes, factor: 1 },
      { resource: 'machine', usedBytes: takenBytes, limitBytes, factor: reservedFactor.machine },
      { resource: 'heap', usedBytes: heapBytes, limitBytes: heapLimitBytes, factor: 1 },
      { resource: 'store', usedBytes: storeBytes, limitBytes: storeLimitBytes, factor: 1 },
      {
        resource: 'store',
        usedBytes: reservedBytes,
        limitBytes: storeLimitBytes,
        factor: reservedFactor.store,
      },
    ] as const;
    const shares = candidates.map(({ factor, ...one }) => ({
      ...one,
      share: one.usedBytes / (one.limitBytes * factor),
    }));
    shares.sort((one, other) => other.share - one.share);
    return present(shares[0], 'there are limits');
  }
}

function levelOf(share: number, before: MemoryLevel): MemoryLevel {
  for (const [level, bound] of bounds) {
    const isLeaving = severities.indexOf(before) >= severities.indexOf(level);
    if (share >= (isLeaving ? bound - returnShare : bound)) return level;
  }
  return 'ample';
}

/** The real readings of this process. */
export function readMemory(parts: {
  readonly store: { stats(): StoreStats; readonly limits: { readonly storeBytesMax: number } };
  readonly otherBytes: number;
}): MemoryReadings {
  const { used_heap_size: heapBytes, heap_size_limit: heapLimitBytes } = getHeapStatistics();
  const { liveBytes, reservedBytes } = parts.store.stats();
  return {
    heapBytes,
    heapLimitBytes,
    storeBytes: liveBytes,
    reservedBytes,
    storeLimitBytes: parts.store.limits.storeBytesMax,
    otherBytes: parts.otherBytes,
  };
}
