/** How often values fell below each of some bounds, as Prometheus counts them. */

export interface HistogramMeasures {
  /** Upper bounds, ascending, and how many values were at most that. */
  readonly buckets: readonly (readonly [bound: number, count: number])[];
  readonly count: number;
  readonly sum: number;
}

export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;

  /** @param bounds ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  note(value: number): void {
    this.#count++;
    this.#sum += value;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at >= 0) this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  get measures(): HistogramMeasures {
    let below = 0;
    const buckets = this.#bounds.map((bound, at) => {
      below += this.#counts[at] ?? 0;
      return [bound, below] as const;
    });
    return { buckets, count: this.#count, sum: this.#sum };
  }
}
