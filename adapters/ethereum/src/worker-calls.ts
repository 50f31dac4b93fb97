/**
 * Calls on threads of their own. The main thread only looks up the rows that they read, each in a
 * step of its own, so that a call of any length holds up no commit; one that goes on too long ends
 * with its thread, which is replaced.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { assert, LedgerError } from '@coco/base';
import type { CallExecutor, TracedRequest } from './call-executor.ts';
import { type EngineErrorCode, engineError } from './engine-errors.ts';
import type { AccountState, Execution, ExecutionRequest, StateSource } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import type { Trace, TraceWish } from './trace-types.ts';

/** Beyond its time an execution that reads nothing any more ends with its thread. */
const graceMs = 250;
/** Threads that may die in a row, without an answer between, before the pool gives up. */
const deathsMax = 5;

interface Waiting {
  readonly task: CallTask;
  readonly source: StateSource;
  readonly msMax: number;
  readonly resolve: (outcome: CallOutcome) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly rows: MessagePort;
  readonly bell: Int32Array;
  running: Running | undefined;
}

interface Running extends Waiting {
  readonly deadlineMs: number;
  readonly timer: NodeJS.Timeout;
  /** What reading the state threw: the call ends with it. */
  failure: { readonly cause: unknown } | undefined;
  isOverdue: boolean;
}

export class WorkerCalls implements CallExecutor {
  readonly atOnce: number;
  readonly #engineModule: WebAssembly.Module;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Waiting[] = [];
  readonly #stateIds = new WeakMap<StateSource, number>();
  #lastStateId = 0;
  #deaths = 0;
  #isStopped = false;

  constructor(options: {
    readonly engineModule: WebAssembly.Module;
    readonly threadCount: number;
  }) {
    assert(options.threadCount >= 1, 'calls have a thread');
    this.atOnce = options.threadCount;
    this.#engineModule = options.engineModule;
    for (let count = 0; count < options.threadCount; count++) this.#startThread();
  }

  async execute(request: ExecutionRequest, source: StateSource, msMax: number): Promise<Execution> {
    const outcome = await this.#run({ request, wish: undefined }, source, msMax);
    assert(outcome.kind === 'execution', 'a thread answers what it was asked');
    return outcome.execution;
  }

  async trace(
    { request, wish }: TracedRequest,
    source: StateSource,
    msMax: number,
  ): Promise<Trace> {
    const outcome = await this.#run({ request, wish }, source, msMax);
    assert(outcome.kind === 'trace', 'a thread answers what it was asked');
    return outcome.trace;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { reject } of this.#waiting.splice(0)) reject(stopped());
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  #run(
    task: Omit<CallTask, 'stateId'>,
    source: StateSource,
    msMax: number,
  ): Promise<Exclude<CallOutcome, { kind: 'refused' }>> {
    if (this.#isStopped) return Promise.reject(stopped());
    const stateId = this.#stateIdOf(source);
    const outcome = new Promise<CallOutcome>((resolve, reject) => {
      this.#waiting.push({ task: { ...task, stateId }, source, msMax, resolve, reject });
      this.#dispatch();
    });
    return outcome.then((one) => {
      // The thread refuses with the codes of the engine's errors only.
      if (one.kind === 'refused') throw engineError(one.code as EngineErrorCode, one.message);
      return one;
    });
  }

  #stateIdOf(source: StateSource): number {
    const known = this.#stateIds.get(source);
    if (known !== undefined) return known;
    this.#stateIds.set(source, ++this.#lastStateId);
    return this.#lastStateId;
  }

  #dispatch(): void {
    for (const thread of this.#threads) {
      if (thread.running) continue;
      const waiting = this.#waiting.shift();
      if (!waiting) return;
      const timer = setTimeout(() => this.#overdue(thread), waiting.msMax + graceMs);
      const deadlineMs = performance.now() + waiting.msMax;
      thread.running = { ...waiting, deadlineMs, timer, failure: undefined, isOverdue: false };
      thread.worker.postMessage(waiting.task);
    }
  }

  /** It does not even read: only the end of its thread ends it. */
  #overdue(thread: Thread): void {
    if (!thread.running) return;
    thread.running.isOverdue = true;
    void thread.worker.terminate();
  }

  #startThread(): void {
    const bell = new Int32Array(new SharedArrayBuffer(4));
    const { port1: rows, port2 } = new MessageChannel();
    const workerData: CallThreadData = { engineModule: this.#engineModule, bell, rows: port2 };
    const worker = new Worker(new URL('./call-worker.ts', import.meta.url), {
      workerData,
      transferList: [port2],
    });
    const thread: Thread = { worker, rows, bell, running: undefined };
    this.#threads.add(thread);
    rows.on('message', (question: RowQuestion) => answerRow(thread, question));
    worker.on('message', (outcome: CallOutcome) => {
      this.#deaths = 0;
      end(thread, outcome);
      this.#dispatch();
    });
    // An error ends the thread: 'exit' follows and does the rest.
    worker.on('error', () => {});
    worker.on('exit', () => this.#exited(thread));
    // The process may end although nothing is to be done.
    worker.unref();
    rows.unref();
  }

  #exited(thread: Thread): void {
    this.#threads.delete(thread);
    thread.rows.close();
    const { running } = thread;
    if (running?.isOverdue) this.#deaths = 0;
    else this.#deaths++;
    end(thread, undefined);
    if (this.#deaths > deathsMax) void this.stop();
    if (this.#isStopped) return;
    this.#startThread();
    this.#dispatch();
  }
}

function end(thread: Thread, outcome: CallOutcome | undefined): void {
  const { running } = thread;
  if (!running) return;
  thread.running = undefined;
  clearTimeout(running.timer);
  if (running.failure) running.reject(running.failure.cause);
  else if (outcome) running.resolve(outcome);
  else running.reject(running.isOverdue ? timeout(running.msMax) : stopped());
}

function answerRow(thread: Thread, question: RowQuestion): void {
  const { running } = thread;
  let answer: RowAnswer = { isFailed: true };
  if (running) {
    try {
      if (performance.now() > running.deadlineMs) throw timeout(running.msMax);
      answer = { isFailed: false, row: rowOf(running.source, question) };
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      running.failure ??= { cause };
    }
  }
  thread.rows.postMessage(answer);
  Atomics.store(thread.bell, 0, 1);
  Atomics.notify(thread.bell, 0);
}

function rowOf(
  source: StateSource,
  question: RowQuestion,
): Extract<RowAnswer, { isFailed: false }>['row'] {
  switch (question.kind) {
    case 'account': {
      const account = source.getAccount(question.address);
      return account && { ...account, codeHash: own(account.codeHash) };
    }
    case 'code':
      return own(source.getCode(question.codeHash));
    case 'storage':
      return own(source.getStorage(question.address, question.slot));
    case 'blockHash':
      return own(source.getBlockHash(question.number));
  }
}

/** A view would take everything around it along. */
function own<Bytes extends Uint8Array | undefined>(bytes: Bytes): Bytes {
  return bytes && (new Uint8Array(bytes) as Bytes);
}

function timeout(msMax: number): LedgerError {
  return ethereumError('CallTimeout', `execution aborted (timeout = ${msMax}ms)`);
}

function stopped(): LedgerError {
  return ethereumError('AdmissionStopped', 'the node stops, or lost its thread for calls');
}

/** What a thread begins with. */
export interface CallThreadData {
  readonly engineModule: WebAssembly.Module;
  /** Zero while the thread waits for a row. */
  readonly bell: Int32Array;
  /** The thread's end of the way for rows. */
  readonly rows: import('node:worker_threads').MessagePort;
}

/** To the thread: one execution. */
export interface CallTask {
  readonly request: ExecutionRequest;
  readonly wish: TraceWish | undefined;
  /** Which state it reads: rows of the same one need not be asked for again. */
  readonly stateId: number;
}

/** From the thread: what came of it. */
export type CallOutcome =
  | { readonly kind: 'execution'; readonly execution: Execution }
  | { readonly kind: 'trace'; readonly trace: Trace }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string };

/** From the thread: the row that it needs. */
export type RowQuestion =
  | { readonly kind: 'account'; readonly address: Uint8Array }
  | { readonly kind: 'code'; readonly codeHash: Uint8Array }
  | { readonly kind: 'storage'; readonly address: Uint8Array; readonly slot: Uint8Array }
  | { readonly kind: 'blockHash'; readonly number: bigint };

/** To the thread. A failure is kept on the main thread, which rejects the call with it. */
export type RowAnswer =
  | { readonly isFailed: false; readonly row: AccountState | Uint8Array | undefined }
  | { readonly isFailed: true };
