/**
 * Keeps the keys of token issuers fresh: the primary asks each issuer whose row says so, in its
 * interval, when the service opens and when the issuers change, and writes what it got in a
 * transaction of its own. What was not to be had changes nothing: the keys stay as they are.
 */

import { type Clock, LedgerError, type Log } from '@coco/base';
import {
  type RefreshedIssuer,
  refreshedIssuers,
  refreshTokenKeys,
  serviceInfo,
  tokenIssuers,
} from '@coco/governance';
import { fetchIssuerKeys, httpError } from '@coco/http';
import type { ReadView } from '@coco/kv';
import type { BatchPipeline } from '@coco/replication';
import { runOptimistic } from '@coco/replication';
import { PrimaryJob } from './primary-job.ts';

/** Issuers that are asked at once: a slow one holds up an eighth of the others. */
const askedAtOnceMax = 8;

interface TokenKeyRefreshOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly pipeline: BatchPipeline;
  readonly intervalMs: number;
  /** Whether this node is the primary of an open service. */
  readonly isOnDuty: () => boolean;
}

export class TokenKeyRefresh {
  readonly #options: TokenKeyRefreshOptions;
  readonly #job: PrimaryJob;
  readonly #stopping: AbortController = new AbortController();
  #successes = 0;
  #failures = 0;
  /** What of the committed state decided last whether to refresh out of turn. */
  #seen = '';

  constructor(options: TokenKeyRefreshOptions) {
    const { clock, log, pipeline, intervalMs, isOnDuty } = options;
    this.#options = options;
    const run = (): Promise<void> => this.#refreshAll();
    this.#job = new PrimaryJob({ name: 'jwt_refresh', clock, log, intervalMs, isOnDuty, run });
    pipeline.addObserver({
      onCommitted: ({ state }) => this.#look(state),
      rolledBack: () => {},
    });
  }

  /** CCF's figures: one attempt is one issuer, asked once. */
  metrics(): { readonly attempts: number; readonly successes: number; readonly failures: number } {
    const [successes, failures] = [this.#successes, this.#failures];
    return { attempts: successes + failures, successes, failures };
  }

  /** Resolves when no issuer is being asked. */
  whenIdle(): Promise<void> {
    return this.#job.whenIdle();
  }

  /** Waits for no issuer. */
  stop(): Promise<void> {
    this.#stopping.abort();
    return this.#job.stop();
  }

  #look(state: ReadView): void {
    const issuers = [...state.map(tokenIssuers.name).range()];
    const seen = [serviceInfo.versionOf(state), ...issuers.map(({ version }) => version)].join();
    if (seen !== this.#seen && issuers.length > 0) this.#job.wake();
    this.#seen = seen;
  }

  async #refreshAll(): Promise<void> {
    const waiting = [...refreshedIssuers(this.#options.pipeline.committedState())];
    const askers = Array.from({ length: askedAtOnceMax }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.#refresh(next);
    });
    await Promise.all(askers);
  }

  async #refresh({ issuer, roots }: RefreshedIssuer): Promise<void> {
    const { clock, log, pipeline } = this.#options;
    const { signal } = this.#stopping;
    try {
      if (roots === undefined) {
        const reason = 'there is no bundle of CA certificates by the name in its row';
        throw httpError('TokenIssuerFailed', `The issuer gave no keys: ${reason}.`);
      }
      const { keySet, constraint } = await fetchIssuerKeys({ issuer, roots, clock, signal });
      await runOptimistic(pipeline, async (transaction) => {
        refreshTokenKeys(transaction, { issuer, keySet, constraint });
        return { result: undefined };
      });
      this.#successes++;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      if (signal.aborted) return;
      this.#failures++;
      log.write('warning', 'jwt.refreshFailed', {
        issuer,
        code: error.code,
        reason: error.message,
      });
    }
  }
}
