/**
 * What is going to happen, in simulated time: the only source of order in a run. Nothing runs by
 * itself; each step takes the next event. Events at one moment come in the order they were made.
 */
import { assert, present } from '@coco/base';

interface Event {
  readonly dueMs: number;
  readonly order: number;
  /** Whose event it is: nothing happens any more to who has crashed. */
  readonly owner: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/** The owner of what concerns no node. */
export const nobody = 0;

export class Agenda {
  /** A heap: each event is due no later than its children, at 2i + 1 and 2i + 2. */
  readonly #heap: Event[] = [];
  readonly #dead = new Set<number>();
  #nowMs = 0;
  #count = 0;

  /** Simulated milliseconds since the run began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `run` in `delayMs`, unless the owner is dead by then. The result cancels it. */
  after(delayMs: number, owner: number, run: () => void): () => void {
    assert(delayMs >= 0, 'nothing happens in the past');
    const dueMs = this.#nowMs + delayMs;
    const event = { dueMs, order: this.#count++, owner, run, isCancelled: false };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  /** A promise that resolves in `delayMs`; never, if the owner dies. */
  pause(delayMs: number, owner: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, owner, resolve));
  }

  /** The owner's events never come. */
  kill(owner: number): void {
    this.#dead.add(owner);
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    for (let event = this.#pop(); event; event = this.#pop()) {
      if (event.isCancelled || this.#dead.has(event.owner)) continue;
      this.#nowMs = event.dueMs;
      event.run();
      return true;
    }
    return false;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length > 0) this.#sink(present(last, 'the heap has a last event'));
    return first;
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right && isBefore(right, heap[child] as Event)) child++;
      if (!isBefore(heap[child] as Event, event)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = event;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
