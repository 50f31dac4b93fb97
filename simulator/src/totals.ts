/** The sums over all runs of a command, and what is zero in them. */
import { peerFaults, rareFaults } from './fault-counts.ts';
import { roomsUnderTest } from './room-calls.ts';
import type { SimulationReport } from './simulation.ts';

/** Below, a fault may be missing by chance; a zero is then shown and does not fail. */
const stepsForAll = 60_000;
/** The same for what needs several faults together. */
const stepsForRare = 1_000_000;

export class Totals {
  readonly #nodeCount: number;
  readonly #faults = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  #steps = 0;
  #runs = 0;

  constructor(nodeCount: number) {
    this.#nodeCount = nodeCount;
  }

  add({ faults, counts, steps }: SimulationReport): void {
    this.#runs++;
    this.#steps += steps;
    for (const [kind, count] of faults) add(this.#faults, kind, count);
    for (const [name, count] of Object.entries(counts)) add(this.#counts, name, count);
  }

  /** Everything that was to happen and did not. Rooms count from the first run on. */
  zeros(calls: ReadonlyMap<string, number> | undefined): readonly string[] {
    const rooms = roomsUnderTest.filter((room) => calls && (calls.get(room) ?? 0) === 0);
    if (this.#steps < stepsForAll) return rooms;
    const kinds = [...this.#faults].filter(
      ([kind, count]) => count === 0 && this.#isPossible(kind),
    );
    const counts = [...this.#counts].filter(
      ([name, count]) => count === 0 && this.#isPossible(name),
    );
    return [...rooms, ...kinds.map(([kind]) => kind), ...counts.map(([name]) => name)];
  }

  text(calls: ReadonlyMap<string, number> | undefined): string {
    return [
      `${this.#runs} runs, ${this.#steps} steps, ${this.#nodeCount} nodes`,
      `calls: ${calls ? listOf(calls) : 'not counted'}`,
      `faults: ${listOf(this.#faults)}`,
      `seen: ${listOf(this.#counts)}`,
    ].join('\n');
  }

  /** A network of one node has no links; what is rare may be missing for long. */
  #isPossible(name: string): boolean {
    if (this.#steps < stepsForRare && rareFaults.has(name)) return false;
    return this.#nodeCount > 1 || !peerFaults.has(name);
  }
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

function listOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}
