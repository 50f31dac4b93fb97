/**
 * A job of the primary: what Raft's configuration has come to is written to the ledger. It looks at
 * times, by the clock port. What it writes depends on the ledger and the configuration alone, so it
 * may be lost with an office and is then done by the next one.
 */
import { type Clock, LedgerError, type Log } from '@coco/base';
import { type ConfigurationFacts, recordFacts, unrecordedFacts } from '@coco/governance';
import type { BatchPipeline } from './batch-pipeline.ts';
import type { ConfigurationReport } from './replica-messages.ts';

const intervalMs = 500;
/**
 * How long a node that Raft dropped is not cut off: the others tell it meanwhile that it was
 * removed, and it ends by itself.
 */
const farewellMs = 3_000;

export interface ConfigurationRecorderOptions {
  readonly pipeline: Pick<BatchPipeline, 'isExecuting' | 'committedState' | 'execute'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class ConfigurationRecorder {
  readonly #options: ConfigurationRecorderOptions;
  #configuration: ConfigurationReport | undefined;
  /** Since when a retired node is known to be out of the configuration. */
  readonly #goneSinceMs = new Map<string, number>();
  #cancel: () => void = () => {};

  constructor(options: ConfigurationRecorderOptions) {
    this.#options = options;
    this.#tick();
  }

  /** Raft's configuration, whenever the replica tells it. */
  onConfiguration(configuration: ConfigurationReport): void {
    this.#configuration = configuration;
  }

  stop(): void {
    this.#cancel();
  }

  #tick(): void {
    this.#cancel = this.#options.clock.setTimer(intervalMs, () => this.#tick());
    const { pipeline } = this.#options;
    if (!pipeline.isExecuting || !this.#configuration) {
      this.#goneSinceMs.clear();
      return;
    }
    const facts = this.#dueFacts(this.#configuration);
    if (facts.voting.length > 0 || facts.gone.length > 0) this.#record(facts);
  }

  #dueFacts(configuration: ConfigurationReport): ConfigurationFacts {
    const { pipeline, clock } = this.#options;
    const { voting, gone } = unrecordedFacts(pipeline.committedState(), configuration);
    const nowMs = clock.monotonicMs();
    for (const id of gone) {
      if (!this.#goneSinceMs.has(id)) this.#goneSinceMs.set(id, nowMs);
    }
    const isDue = (id: string): boolean =>
      nowMs - (this.#goneSinceMs.get(id) ?? nowMs) >= farewellMs;
    return { voting, gone: gone.filter(isDue) };
  }

  #record(facts: ConfigurationFacts): void {
    const { pipeline, log } = this.#options;
    try {
      pipeline.execute((transaction) => {
        recordFacts(transaction, facts);
        return { result: undefined };
      });
      for (const id of facts.gone) this.#goneSinceMs.delete(id);
      log.write('info', 'membership.recorded', {
        voting: facts.voting.length,
        gone: facts.gone.length,
      });
    } catch (error) {
      // Full, or out of office just now: the next look finds the same.
      if (!(error instanceof LedgerError)) throw error;
    }
  }
}
