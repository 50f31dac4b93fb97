/** A clock that moves only when told: for tests and the simulator. */
import type { Clock } from './ports.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #unixMs: number;
  #elapsedMs = 0;
  #timerCount = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs: number) {
    this.#unixMs = startMs;
  }

  nowMs(): number {
    return this.#unixMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#elapsedMs + delayMs, order: this.#timerCount++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves time on, running due timers in order, those included that they set. */
  advance(byMs: number): void {
    const endMs = this.#elapsedMs + byMs;
    for (let next = this.#due(endMs); next; next = this.#due(endMs)) {
      this.#timers.delete(next);
      this.#moveTo(Math.max(next.dueMs, this.#elapsedMs));
      next.callback();
    }
    this.#moveTo(endMs);
  }

  #moveTo(elapsedMs: number): void {
    this.#unixMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
  }

  #due(endMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      const isEarlier =
        !first ||
        timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.order < first.order);
      if (isEarlier) first = timer;
    }
    return first;
  }
}
