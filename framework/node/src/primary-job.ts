/**
 * A job that the primary does by itself: at times by the clock port, and when something wakes it.
 * It never runs twice at once; what wakes it while it runs makes it run once more. A node that is
 * not the primary, or whose service is not open, lets the time pass. What it does has to depend on
 * the ledger's state alone, so that it may be cut short, begin anew or be rolled back at any point.
 */
import { type Clock, LedgerError, type Log } from '@coco/base';

interface PrimaryJobOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly intervalMs: number;
  /** Whether this node does such jobs now. */
  readonly isOnDuty: () => boolean;
  /** @throws LedgerError: it is logged, and the job runs again in its time */
  readonly run: () => Promise<void>;
}

export class PrimaryJob {
  readonly #options: PrimaryJobOptions;
  #isAsked = false;
  #isStopped = false;
  #running: Promise<void> | undefined;
  #cancel: () => void = () => {};

  /** Runs soon for the first time. */
  constructor(options: PrimaryJobOptions) {
    this.#options = options;
    this.#tick();
  }

  /** Runs as soon as it may. */
  wake(): void {
    if (this.#isStopped) return;
    this.#isAsked = true;
    this.#running ??= this.#runWhileAsked();
  }

  /** Resolves when it is not running. */
  async whenIdle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Begins nothing new; resolves when it is not running. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    return this.whenIdle();
  }

  #tick(): void {
    const { clock, intervalMs } = this.#options;
    this.#cancel = clock.setTimer(intervalMs, () => this.#tick());
    this.wake();
  }

  async #runWhileAsked(): Promise<void> {
    const { name, log, isOnDuty, run } = this.#options;
    // What woke it may be in the middle of a commit.
    await Promise.resolve();
    while (this.#isAsked && !this.#isStopped) {
      this.#isAsked = false;
      try {
        if (isOnDuty()) await run();
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error;
        log.write('warning', 'job.failed', { job: name, code: error.code, reason: error.message });
      }
    }
    this.#running = undefined;
  }
}
