/**
 * The primary's alarm clock for open proposals. When the next one is to be resolved again is read
 * from committed state, so it follows commits, rollbacks and changes of primary; what a wake-up
 * does is one transaction (resolve-due.ts), which finds out itself whether anything is due.
 */
import { type Clock, LedgerError, type Log } from '@coco/base';
import { ledgerTime } from './ledger-time.ts';
import type { Readable } from './table.ts';
import { firstWakeup } from './wakeups.ts';

/**
 * After a wake-up. What it wrote commits within that time, and sets the alarm anew; or the node was
 * busy, or scripts could not run.
 */
const pauseMs = 1000;
/** Below the limit of timers; a later wake-up is looked at again then. */
const sleepMsMax = 24 * 60 * 60 * 1000;

export interface WakerPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether writes execute here now. */
  isPrimary(): boolean;
  committed(): Readable;
  /** Runs `resolveDue` in a transaction; resolves when it is executed. */
  resolveDue(): Promise<unknown>;
}

export class ProposalWaker {
  readonly #node: WakerPorts;
  #cancel: () => void = () => {};
  #isWaking = false;
  #isStopped = false;

  constructor(node: WakerPorts) {
    this.#node = node;
  }

  /** The committed state is another one, or this node is in another role: the alarm is set anew. */
  update(): void {
    if (this.#isWaking) return;
    this.#cancel();
    if (this.#isStopped || !this.#node.isPrimary()) return;
    const state = this.#node.committed();
    const next = firstWakeup(state);
    if (!next) return;
    const waitMs = next.atMs - ledgerTime(state, this.#node.clock.nowMs());
    this.#sleep(waitMs > 0 ? Math.min(waitMs, sleepMsMax) : 0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #sleep(ms: number): void {
    this.#cancel = this.#node.clock.setTimer(ms, () => void this.#wake());
  }

  async #wake(): Promise<void> {
    if (this.#isStopped || !this.#node.isPrimary()) return;
    this.#isWaking = true;
    try {
      await this.#node.resolveDue();
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.#node.log.write('warning', 'governance.wakeup.failed', { code: error.code });
    } finally {
      this.#isWaking = false;
    }
    if (!this.#isStopped) this.#cancel = this.#node.clock.setTimer(pauseMs, () => this.update());
  }
}
