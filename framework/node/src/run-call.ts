/** Stage: runs the endpoint's handler, on the store where it asks for one. */

import type { Write } from '@coco/adapter';
import type { TransactionId } from '@coco/base';
import type { Request, Response, WriteOutcome } from '@coco/endpoint';
import type { ReadView } from '@coco/kv';
import { runOptimistic } from '@coco/replication';
import type { AuthenticatedCall } from './authenticate-call.ts';
import type { RequestContext } from './request-context.ts';

export interface CallOutcome {
  readonly request: Request;
  readonly response: Response;
  /** The state read, or the entry written. */
  readonly id: TransactionId | undefined;
  readonly isWrite: boolean;
}

/**
 * @throws what the handler throws, ReadIndexUnavailable, NodeCannotHandleRequest,
 *   TooManyPendingTransactions, TransactionCommitAttemptsExceedLimit
 */
export async function runCall(
  context: RequestContext,
  authenticated: Extract<AuthenticatedCall, { kind: 'call' }>,
): Promise<CallOutcome> {
  const { endpoint, call } = authenticated;
  const { request } = call;
  switch (endpoint.mode) {
    case 'command':
      if (asksForCurrent(request)) await context.becomeCurrent();
      return { request, response: await endpoint.handle(call), id: undefined, isWrite: false };
    case 'read': {
      const { state, id } = await stateToRead(context, request);
      return { request, response: endpoint.handle(state, call), id, isWrite: false };
    }
    case 'write': {
      const { result, id } = context.pipeline.execute((transaction) =>
        writeOf(endpoint.handle(transaction, call)),
      );
      return { request, response: result, id, isWrite: true };
    }
    case 'optimistic': {
      const { result, id } = await runOptimistic(context.pipeline, async (transaction) =>
        writeOf(await endpoint.handle(transaction, call)),
      );
      return { request, response: result, id, isWrite: true };
    }
  }
}

/** `x-coco-read: current` asks for what was committed anywhere before the request. */
const readHeader = 'x-coco-read';

function asksForCurrent({ headers }: Request): boolean {
  return headers.get(readHeader) === 'current';
}

/** @throws ReadIndexUnavailable */
async function stateToRead(
  { pipeline, tracker, becomeCurrent }: RequestContext,
  request: Request,
): Promise<{ readonly state: ReadView; readonly id: TransactionId }> {
  if (!asksForCurrent(request)) {
    const state = pipeline.executedState();
    return { state, id: { view: tracker.view, seqno: state.seqno } };
  }
  await becomeCurrent();
  return { state: pipeline.committedState(), id: tracker.committedId };
}

/** CCF: only a success is written, unless the handler says otherwise. */
export function writeOf(outcome: WriteOutcome): Write<Response> {
  const { response, claimsDigest, keepsWrites, whenAppended } = outcome;
  const isSuccess = response.status >= 200 && response.status <= 299;
  return {
    result: response,
    isDiscarded: !isSuccess && !keepsWrites,
    ...(claimsDigest && { claimsDigest }),
    ...(whenAppended && { whenAppended }),
  };
}
