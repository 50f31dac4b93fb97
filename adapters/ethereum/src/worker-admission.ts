/**
 * Admission on worker threads: raw transactions go over in bulk, decoded ones come back. A thread
 * that dies takes its transactions with it as refusals, and is replaced.
 */
import { Worker } from 'node:worker_threads';
import { assert, type LedgerError } from '@coco/base';
import type { AdmissionPool, AdmittedTransaction } from './admission.ts';
import { type AdmissionOutcome, packRaws, unpackOutcomes } from './admission-message.ts';
import { engineError } from './engine-errors.ts';
import { ethereumError } from './errors.ts';

export interface WorkerAdmissionOptions {
  readonly engineModule: WebAssembly.Module;
  /** Sender recovery takes 0.1 ms of a core: one thread admits some 8,000 a second. */
  readonly threadCount: number;
  /** Transactions that may wait for a thread. */
  readonly waitingMax?: number;
}

interface Waiting {
  readonly raw: Uint8Array;
  readonly resolve: (transaction: AdmittedTransaction) => void;
  readonly reject: (error: LedgerError) => void;
}

interface Thread {
  readonly worker: Worker;
  /** What it works on; empty when idle. */
  assigned: readonly Waiting[];
}

/** More in one message would make the first wait for the last. */
const bulkMax = 64;
/** Threads that may die in a row, without an answer between, before the pool gives up. */
const deathsMax = 5;
const waitingMaxDefault = 20_000;

export class WorkerAdmission implements AdmissionPool {
  readonly #options: WorkerAdmissionOptions;
  readonly #waitingMax: number;
  readonly #threads = new Set<Thread>();
  #waiting: Waiting[] = [];
  #deaths = 0;
  #isDispatching = false;
  #isStopped = false;

  constructor(options: WorkerAdmissionOptions) {
    assert(options.threadCount >= 1, 'an admission pool has a thread');
    this.#options = options;
    this.#waitingMax = options.waitingMax ?? waitingMaxDefault;
    for (let count = 0; count < options.threadCount; count++) this.#startThread();
  }

  admit(raw: Uint8Array): Promise<AdmittedTransaction> {
    if (this.#isStopped) return Promise.reject(stopped());
    if (this.#waiting.length >= this.#waitingMax) {
      return Promise.reject(
        ethereumError('PoolFull', 'txpool is full', { waitingMax: this.#waitingMax }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ raw, resolve, reject });
      this.#dispatchSoon();
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(stopped());
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  /** When what has arrived is read, so that requests that came together go over together. */
  #dispatchSoon(): void {
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    setImmediate(() => {
      this.#isDispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (const thread of this.#threads) {
      if (this.#waiting.length === 0) return;
      if (thread.assigned.length > 0) continue;
      // Share what waits, so that no thread idles while another has a long list.
      const share = Math.ceil(this.#waiting.length / this.#threads.size);
      const bulk = this.#waiting.splice(0, Math.min(share, bulkMax));
      thread.assigned = bulk;
      const message = packRaws(bulk.map(({ raw }) => raw));
      thread.worker.postMessage(message, [message.buffer]);
    }
  }

  #startThread(): void {
    const worker = new Worker(new URL('./admission-worker.ts', import.meta.url), {
      workerData: this.#options.engineModule,
    });
    const thread: Thread = { worker, assigned: [] };
    this.#threads.add(thread);
    worker.on('message', (results: Uint8Array) => {
      this.#deaths = 0;
      const bulk = thread.assigned;
      thread.assigned = [];
      this.#dispatch();
      const outcomes = unpackOutcomes(results);
      assert(outcomes.length === bulk.length, 'a thread answers for each transaction');
      for (const [at, waiting] of bulk.entries()) settle(waiting, outcomes[at]);
    });
    // An error ends the thread: 'exit' follows and does the rest.
    worker.on('error', () => {});
    worker.on('exit', () => {
      this.#threads.delete(thread);
      for (const { reject } of thread.assigned) reject(stopped());
      this.#deaths++;
      if (this.#deaths > deathsMax) void this.stop();
      if (this.#isStopped) return;
      this.#startThread();
      this.#dispatch();
    });
    // The process may end although the pool waits for work.
    worker.unref();
  }
}

function settle({ raw, resolve, reject }: Waiting, outcome: AdmissionOutcome | undefined): void {
  assert(outcome !== undefined, 'a thread answers for each transaction');
  if (outcome.isAdmitted) resolve({ raw, ...outcome.transaction });
  else reject(engineError(outcome.code, outcome.message));
}

function stopped(): LedgerError {
  return ethereumError('AdmissionStopped', 'the transaction pool is stopped');
}
