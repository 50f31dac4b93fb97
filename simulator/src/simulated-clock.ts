/** A node's clock: simulated time, set wrong by as much as its host likes. */
import type { Clock } from '@coco/base';
import type { Agenda } from './agenda.ts';

/** 2026-06-01: certificates of simulations are valid then. */
const startMs = Date.UTC(2026, 5, 1);

export class SimulatedClock implements Clock {
  /** How far the host has set it off. */
  skewMs = 0;
  readonly #agenda: Agenda;
  readonly #owner: number;

  constructor(agenda: Agenda, owner: number) {
    this.#agenda = agenda;
    this.#owner = owner;
  }

  nowMs(): number {
    return Math.floor(startMs + this.#agenda.nowMs + this.skewMs);
  }

  monotonicMs(): number {
    return this.#agenda.nowMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    return this.#agenda.after(delayMs, this.#owner, callback);
  }
}
