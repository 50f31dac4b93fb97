/**
 * What a node does with the transactions that wait on it while another one executes: it hands them
 * to the primary, oldest first, and again to every later primary, until each is in a committed
 * block or never can be. A transaction has one hash wherever it is sent, so that sending it twice
 * changes nothing. Where this node executes itself, they go into its own blocks (submission.ts).
 */

import type { Host } from '@coco/adapter';
import { LedgerError, toHex } from '@coco/base';
import type { Response } from '@coco/endpoint';
import type { AdmittedTransaction } from './admission.ts';
import {
  encodeRelayed,
  parseRelayResults,
  type RelayRefusal,
  type RelayResult,
  relayBytesMax,
  relayCountMax,
} from './relay-message.ts';

/** Between two tries while nobody takes them: an election takes about a second. */
const beatMs = 50;
/** What the primary took and is not decided by then is handed over again: it may have lost it. */
const resendMs = 5_000;
/** For one call; the primary answers within milliseconds. */
const callMsMax = 3_000;
/**
 * How long a client waits to hear that the primary took its transaction, or why not. Then it hears
 * that the transaction waits: this node keeps it.
 */
const clientMsMax = 1_500;

export const relayPath = '/ethereum/relay';

export interface RelayOptions {
  readonly host: Host;
  /** What waits here, oldest first. */
  readonly waiting: () => Iterable<AdmittedTransaction>;
  /** Whether a client waits for its commit. */
  readonly isAwaited: (transaction: AdmittedTransaction) => boolean;
  /** The primary will never take it. */
  readonly drop: (transaction: AdmittedTransaction, refusal: RelayRefusal) => void;
  /** Drops what can never execute by the committed state. */
  readonly sweep: () => void;
}

/** What is known of a transaction that was handed over. */
interface Sent {
  readonly view: number;
  readonly atMs: number;
  readonly isTaken: boolean;
}

export class Relay {
  readonly #options: RelayOptions;
  /** By hash in hex; only of what waits. */
  #sent = new Map<string, Sent>();
  /** Clients that wait for the first answer, by hash in hex. */
  readonly #asking = new Map<string, (refusal: RelayResult) => void>();
  #isCalling = false;
  #isStopped = false;
  #cancelBeat: (() => void) | undefined;
  /** Whether the next beat only looks after what is with the primary: what is new need not wait. */
  #isLooking = false;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /**
   * Hands over a transaction that waits here. Resolves without a refusal once the primary took it,
   * or when it did not in time: then it is handed over later.
   */
  async relay(transaction: AdmittedTransaction): Promise<RelayResult> {
    const key = toHex(transaction.decoded.hash);
    const { promise, resolve } = Promise.withResolvers<RelayResult>();
    this.#asking.set(key, resolve);
    const cancel = this.#options.host.clock.setTimer(clientMsMax, () => resolve(undefined));
    this.wake();
    try {
      return await promise;
    } finally {
      cancel();
      this.#asking.delete(key);
    }
  }

  /** Something may have to be handed over. */
  wake(): void {
    if (this.#isStopped || this.#isCalling || (this.#cancelBeat && !this.#isLooking)) return;
    this.#cancelBeat?.();
    this.#isLooking = false;
    // Soon: what comes in this turn goes together.
    this.#cancelBeat = this.#options.host.clock.setTimer(0, () => this.#beat());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelBeat?.();
    this.#cancelBeat = undefined;
  }

  #beat(): void {
    this.#cancelBeat = undefined;
    this.#isLooking = false;
    const { host, sweep } = this.#options;
    sweep();
    const { batch, isAnyLeft } = this.#choose();
    if (!isAnyLeft || this.#isStopped) return;
    if (batch.length === 0 || host.isPrimary()) {
      this.#isLooking = true;
      this.#again(beatMs);
      return;
    }
    this.#isCalling = true;
    void this.#handOver(batch).then((isTaken) => {
      this.#isCalling = false;
      this.#again(isTaken ? 0 : beatMs);
    });
  }

  #again(delayMs: number): void {
    if (this.#isStopped || this.#cancelBeat) return;
    this.#cancelBeat = this.#options.host.clock.setTimer(delayMs, () => this.#beat());
  }

  /** The oldest that the present primary was not given, as many as go into one call. */
  #choose(): { readonly batch: readonly AdmittedTransaction[]; readonly isAnyLeft: boolean } {
    const { host, waiting } = this.#options;
    const nowMs = host.clock.monotonicMs();
    const view = host.view();
    const kept = new Map<string, Sent>();
    const batch: AdmittedTransaction[] = [];
    let bytes = 0;
    let isAnyLeft = false;
    for (const transaction of waiting()) {
      isAnyLeft = true;
      const key = toHex(transaction.decoded.hash);
      const sent = this.#sent.get(key);
      if (sent) kept.set(key, sent);
      const isWithPrimary = sent?.isTaken && sent.view === view && nowMs - sent.atMs < resendMs;
      if (isWithPrimary) continue;
      const isFull = batch.length > 0 && bytes + transaction.raw.length > relayBytesMax;
      if (isFull || batch.length === relayCountMax) continue;
      bytes += transaction.raw.length;
      batch.push(transaction);
    }
    this.#sent = kept;
    return { batch, isAnyLeft };
  }

  /** True when the primary answered for them. */
  async #handOver(batch: readonly AdmittedTransaction[]): Promise<boolean> {
    const { host } = this.#options;
    const sent = { view: host.view(), atMs: host.clock.monotonicMs() };
    const response = await this.#call(batch);
    if (response === undefined) return false;
    const results = response === 'lost' ? [] : resultsOf(response, batch.length);
    for (const [at, transaction] of batch.entries()) {
      const key = toHex(transaction.decoded.hash);
      const before = this.#sent.get(key);
      const isTaken = results !== undefined && results.length > 0 && results[at] === undefined;
      // Lost or taken, the primary may have it.
      if (isTaken || response === 'lost') this.#sent.set(key, { ...sent, isTaken });
      if (isTaken) this.#asking.get(key)?.(undefined);
      const refusal = results?.[at];
      if (refusal) this.#refused(transaction, refusal, before !== undefined);
    }
    return results !== undefined && results.length > 0 && !results.some((one) => one?.isPassing);
  }

  #refused(transaction: AdmittedTransaction, refusal: RelayRefusal, wasSent: boolean): void {
    if (refusal.isPassing) return;
    // It may be in a block that is on its way here: what commits decides.
    if (wasSent && refusal.code === 'NonceTooLow') return;
    this.#options.drop(transaction, refusal);
    this.#asking.get(toHex(transaction.decoded.hash))?.(refusal);
  }

  async #call(batch: readonly AdmittedTransaction[]): Promise<Response | 'lost' | undefined> {
    const { host } = this.#options;
    try {
      return await host.callPrimary(
        {
          method: 'POST',
          path: relayPath,
          query: new Map(),
          headers: new Map([['content-type', 'application/json']]),
          body: encodeRelayed(
            batch.map((one) => ({ raw: one.raw, isAwaited: this.#options.isAwaited(one) })),
          ),
          clientCertificate: undefined,
        },
        callMsMax,
      );
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return error.code === 'NodeAnswerLost' ? 'lost' : undefined;
    }
  }
}

/** Undefined where the other did not answer for the transactions. */
function resultsOf(response: Response, count: number): readonly RelayResult[] | undefined {
  if (response.status !== 200) return undefined;
  try {
    return parseRelayResults(response.body, count);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return undefined;
  }
}
