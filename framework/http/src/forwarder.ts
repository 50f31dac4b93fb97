/**
 * Passes a client's request on to the primary, once. What the primary answers goes back as it is,
 * its transaction id included. A request that was not carried out (nobody was reached, or the other
 * is no primary either) may be placed again; one whose answer is lost may have been carried out, so
 * it is never repeated here: the client gets a code that says so.
 */

import { type Clock, LedgerError } from '@coco/base';
import {
  type ClientSession,
  encodeForwarded,
  endpointError,
  forwardingHeader,
  type Request,
  type Response,
} from '@coco/endpoint';
import { httpError } from './errors.ts';
import type { NodeCaller } from './node-caller.ts';

/** Above the largest answers that adapters give (25 MiB). */
const answerBytesMax = 32 * 1024 * 1024;
/**
 * A node that is no longer the primary may still answer what it executed: a planned hand-over ends
 * within this, and a node that was lost never answers.
 */
const deposedMsMax = 500;
const watchMs = 50;

export interface ForwarderOptions {
  readonly caller: Pick<NodeCaller, 'call'>;
  /** Who leads, as this node last heard. */
  readonly leadership: { primaryId(): string | undefined };
  readonly clock: Clock;
}

interface Pending {
  readonly nodeId: string;
  readonly lost: AbortController;
  /** Since when another node is the primary, or nobody. */
  deposedSinceMs: number | undefined;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #pending = new Set<Pending>();
  #cancelWatch: (() => void) | undefined;
  /** Requests that were passed on: for the metrics. */
  count = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /**
   * Undefined when the request was not carried out and may be placed again.
   * @throws NodeAnswerLost, NodeCallsFull, SessionConsistencyLost
   */
  async forward(
    nodeId: string,
    what: { readonly request: Request; readonly session: ClientSession; readonly withinMs: number },
  ): Promise<Response | undefined> {
    const { request, session, withinMs } = what;
    const pending = { nodeId, lost: new AbortController(), deposedSinceMs: undefined };
    this.#pending.add(pending);
    this.#watch();
    try {
      const forwarded = encodeForwarded(request, session.view);
      const limits = { withinMs, answerBytesMax, signal: pending.lost.signal };
      const response = await this.#options.caller.call(nodeId, forwarded, limits);
      this.count++;
      return take(response, session);
    } catch (error) {
      if (error instanceof LedgerError && error.code === 'NodeUnreachable') return undefined;
      throw error;
    } finally {
      this.#pending.delete(pending);
    }
  }

  /** Runs while something is pending: gives up on nodes that lost office. */
  #watch(): void {
    const { clock, leadership } = this.#options;
    this.#cancelWatch ??= clock.setTimer(watchMs, () => {
      this.#cancelWatch = undefined;
      const primaryId = leadership.primaryId();
      const nowMs = clock.monotonicMs();
      for (const pending of this.#pending) {
        if (pending.nodeId === primaryId) pending.deposedSinceMs = undefined;
        else pending.deposedSinceMs ??= nowMs;
        if (nowMs - (pending.deposedSinceMs ?? nowMs) >= deposedMsMax) pending.lost.abort();
      }
      if (this.#pending.size > 0) this.#watch();
    });
  }
}

/** @throws SessionConsistencyLost */
function take(response: Response, session: ClientSession): Response | undefined {
  const { [forwardingHeader]: refusal, ...headers } = response.headers;
  switch (refusal) {
    case undefined:
      session.forwarded();
      return { ...response, headers };
    case 'RequestAlreadyForwarded':
      return undefined;
    case 'SessionConsistencyLost':
      throw endpointError(
        'SessionConsistencyLost',
        'The primary is in another view than when this connection began: what was read or written on it may be lost. Nothing was carried out; connect anew.',
      );
    default:
      throw httpError('NodeAnswerLost', 'The primary answered in a way that is not known here.');
  }
}
