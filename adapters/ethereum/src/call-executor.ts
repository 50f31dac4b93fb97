/**
 * Where executions run that write nothing: calls, estimates, traces. In production that is a thread
 * of its own (worker-calls.ts), so that none of them holds up a commit; here is the simplest one,
 * on the thread that asks, for tests and small tools.
 */
import type { Clock } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import type { Execution, ExecutionRequest, StateSource } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import type { Trace, TraceWish, TracingEngine } from './trace-types.ts';

export interface CallExecutor {
  /** How many executions run at a time; more would only wait. */
  readonly atOnce: number;
  /**
   * A source is read while its execution runs; it gives the same answers to all executions that
   * get it.
   * @throws as TracingEngine.execute, CallTimeout
   */
  execute(request: ExecutionRequest, source: StateSource, msMax: number): Promise<Execution>;
  /** @throws as TracingEngine.trace, CallTimeout */
  trace(traced: TracedRequest, source: StateSource, msMax: number): Promise<Trace>;
  stop(): Promise<void>;
}

export interface TracedRequest {
  readonly request: ExecutionRequest;
  readonly wish: TraceWish;
}

export class SameThreadCalls implements CallExecutor {
  readonly atOnce: number = 1;
  readonly #engine: TracingEngine;
  readonly #clock: Pick<Clock, 'monotonicMs'>;

  constructor(engine: TracingEngine, clock: Pick<Clock, 'monotonicMs'>) {
    this.#engine = engine;
    this.#clock = clock;
  }

  async execute(request: ExecutionRequest, source: StateSource, msMax: number): Promise<Execution> {
    return this.#engine.execute(request, this.#bounded(source, msMax));
  }

  async trace(
    { request, wish }: TracedRequest,
    source: StateSource,
    msMax: number,
  ): Promise<Trace> {
    return this.#engine.trace(request, wish, this.#bounded(source, msMax));
  }

  /** Lets every read of the state check the time. Computing alone is bounded by gas. */
  #bounded(source: StateSource, msMax: number): StateSource {
    const deadlineMs = this.#clock.monotonicMs() + msMax;
    const check = (): void => {
      if (this.#clock.monotonicMs() <= deadlineMs) return;
      throw ethereumError('CallTimeout', `execution aborted (timeout = ${msMax}ms)`);
    };
    return {
      getAccount: (address) => {
        check();
        return source.getAccount(address);
      },
      getCode: (codeHash) => source.getCode(codeHash),
      getStorage: (address, slot) => {
        check();
        return source.getStorage(address, slot);
      },
      getBlockHash: (number) => source.getBlockHash(number),
    };
  }

  async stop(): Promise<void> {}
}

export interface BudgetLimits {
  /** Of all callers together. */
  readonly atOnceMax: number;
  readonly waitingMax: number;
  readonly waitingPerCallerMax: number;
}

export class CallBudget {
  readonly #limits: BudgetLimits;
  /** Who waits, by caller; the caller at the front is next. Invariant: no list is empty. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #waitingCount = 0;
  #running = 0;

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
  }

  /** Runs a task when its turn comes. @throws TooManyCalls, and what the task throws */
  async run<Result>(caller: Caller, task: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#limits.atOnceMax) await this.#turn(keyOf(caller));
    else this.#running++;
    try {
      return await task();
    } finally {
      this.#next();
    }
  }

  #turn(key: string): Promise<void> {
    const { waitingMax, waitingPerCallerMax } = this.#limits;
    const own = this.#waiting.get(key) ?? [];
    if (this.#waitingCount >= waitingMax || own.length >= waitingPerCallerMax) {
      throw ethereumError('TooManyCalls', 'too many calls wait for this node: try again shortly');
    }
    return new Promise((resolve) => {
      own.push(resolve);
      this.#waiting.set(key, own);
      this.#waitingCount++;
    });
  }

  /** Hands the place of a task that ended to the next caller in turn. */
  #next(): void {
    for (const [key, own] of this.#waiting) {
      const resolve = own.shift();
      this.#waiting.delete(key);
      if (own.length > 0) this.#waiting.set(key, own);
      this.#waitingCount--;
      resolve?.();
      return;
    }
    this.#running--;
  }
}

/** All strangers are one caller: a stranger's name costs nothing. */
function keyOf(caller: Caller): string {
  return 'id' in caller ? `${caller.policy} ${caller.id}` : caller.policy;
}
