/**
 * When the open batch closes, while nothing else hinders it. A batch costs a signature, a flush and
 * a round of messages, about as much as ten transactions; closed at the first chance, a busy node
 * would make hundreds of tiny ones a second. So the first write after a pause closes at once; under
 * load a batch waits a little: for the clients that were just answered and will write again, or,
 * when nobody waits for the commit, until a span has passed. What is large enough never waits.
 */
import type { Clock } from '@coco/base';

/** Entries from which on waiting for more saves next to nothing. */
const enoughEntries = 512;
/** Entries of two batches in a row that are no stream yet: single clients wait for nobody. */
const fewEntries = 6;
/** How long those who were answered are expected back: they have to read and to write. */
const answeredMsMax = 3;
/**
 * While they come back, one after the other, the rest of them are waited for, too: on a machine at
 * its limit the answers alone take longer, and clients that are split into two groups once stay so.
 */
const comingMsMax = 2;
/** All of that together. */
const returnMsMax = 15;
/** From so many entries on a batch whose commit is awaited need not wait for the one before. */
const sideBySideEntries = 64;

export interface OpenBatchState {
  /** Entries that wait for their batch to close. */
  readonly openCount: number;
  /** Closed batches that are not committed. */
  readonly inFlightCount: number;
  /** Whether a client waits for the commit of one of the entries. */
  readonly isAwaited: boolean;
  /** Whether somebody asked for the batch itself. */
  readonly isUrgent: boolean;
}

/** A batch as it was when it was closed. */
export interface ClosedBatch {
  readonly atMs: number;
  readonly entryCount: number;
  readonly isAwaited: boolean;
}

export class BatchTiming {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly #gatherMs: number;
  #lastClosed: ClosedBatch = {
    atMs: Number.NEGATIVE_INFINITY,
    entryCount: 0,
    isAwaited: false,
  };
  #committedAtMs = Number.NEGATIVE_INFINITY;
  /** Entries of the batch that was committed last, if clients waited for it. */
  #answeredCount = 0;
  /** Entries of the open batch, and when the last of them came. */
  #openCount = 0;
  #openedMs = Number.NEGATIVE_INFINITY;
  /** The wait of the open batch, while it waits. */
  #wait: { readonly endsMs: number; readonly cancel: () => void } | undefined;

  /** @param gatherMs the longest that a batch waits under load; 0: none ever does */
  constructor(clock: Pick<Clock, 'monotonicMs' | 'setTimer'>, gatherMs: number) {
    this.#clock = clock;
    this.#gatherMs = gatherMs;
  }

  /** A batch is closed; `entryCount` is what clients wrote of it. */
  closed(entryCount: number, isAwaited: boolean): ClosedBatch {
    this.endWait();
    this.#openCount = 0;
    this.#lastClosed = { atMs: this.#clock.monotonicMs(), entryCount, isAwaited };
    return this.#lastClosed;
  }

  committed({ entryCount, isAwaited }: ClosedBatch): void {
    this.#committedAtMs = this.#clock.monotonicMs();
    this.#answeredCount = isAwaited ? entryCount : 0;
  }

  /**
   * Whether the batch is to be closed now. If not, `again` is called when it has waited enough,
   * unless it is closed before; where only a commit can end the wait, it is not called.
   */
  isDue(state: OpenBatchState, again: () => void): boolean {
    if (state.openCount > this.#openCount) this.#openedMs = this.#clock.monotonicMs();
    this.#openCount = state.openCount;
    const waitMs = this.#waitMs(state);
    if (waitMs === 0) return true;
    if (waitMs === undefined) return false;
    const endsMs = this.#clock.monotonicMs() + waitMs;
    if (this.#wait && this.#wait.endsMs <= endsMs) return false;
    this.endWait();
    const cancel = this.#clock.setTimer(Math.ceil(waitMs), () => {
      this.#wait = undefined;
      again();
    });
    this.#wait = { endsMs, cancel };
    return false;
  }

  /** The batch is gone. */
  endWait(): void {
    this.#wait?.cancel();
    this.#wait = undefined;
  }

  /** 0: now; undefined: until a commit. */
  #waitMs({ openCount, inFlightCount, isAwaited, isUrgent }: OpenBatchState): number | undefined {
    if (this.#gatherMs === 0 || isUrgent || openCount >= enoughEntries) return 0;
    const nowMs = this.#clock.monotonicMs();
    if (!isAwaited) {
      if (this.#lastClosed.entryCount + openCount <= fewEntries) return 0;
      return Math.max(0, this.#lastClosed.atMs + this.#gatherMs - nowMs);
    }
    if (inFlightCount > 0 && openCount < sideBySideEntries) return undefined;
    if (openCount >= this.#answeredCount) return 0;
    const untilMs = Math.max(this.#committedAtMs + answeredMsMax, this.#openedMs + comingMsMax);
    return Math.max(0, Math.min(untilMs, this.#committedAtMs + returnMsMax) - nowMs);
  }
}
