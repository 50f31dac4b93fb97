/**
 * Requests and how they went, by code. A fault is logged at most once a second for each code: who
 * is refused comes again, and a log must not fill the disk that is short.
 */

import { type Clock, LedgerError, type Log } from '@coco/base';
import { bugReport } from './bug-report.ts';

const logMs = 1_000;

interface Failures {
  count: number;
  /** Since the last line of the log. */
  untold: number;
  toldMs: number;
}

export class RequestCounts {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #byCode = new Map<string, Failures>();
  requests = 0;
  refusals = 0;
  faults = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** How many requests ended with each code: there are as many as docs/ERRORS.md has. */
  get byCode(): ReadonlyMap<string, number> {
    return new Map([...this.#byCode].map(([code, { count }]) => [code, count]));
  }

  answered(): void {
    this.requests++;
  }

  failed(error: unknown): void {
    const isRefusal = error instanceof LedgerError && error.kind === 'refusal';
    if (isRefusal) this.refusals++;
    else this.faults++;
    if (!(error instanceof LedgerError)) {
      this.#log.write('error', 'request.bug', bugReport(error));
      return;
    }
    const { code } = error;
    const failures = this.#byCode.get(code) ?? { count: 0, untold: 0, toldMs: -logMs };
    this.#byCode.set(code, failures);
    failures.count++;
    failures.untold++;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - failures.toldMs < logMs) return;
    const level = isRefusal ? 'debug' : 'warning';
    this.#log.write(level, 'request.failed', { code, count: failures.untold });
    failures.untold = 0;
    failures.toldMs = nowMs;
  }
}
