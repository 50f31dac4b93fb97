/**
 * A request's way through the node, as a table of contents (design, section 5): each stage is a
 * function in its own file, value in, value out. No logic stands here.
 *
 *   serve-exchange     bytes                   -> Request           (within the limits)
 *   forwarded-request  Request                 -> ReceivedRequest   (from a client or a node?)
 *   route-request      Request                 -> RoutedRequest     (which endpoint? is it open?)
 *   place-request      RoutedRequest           -> PlacedRequest     (here, or on the primary?)
 *   authenticate-call  RoutedRequest           -> AuthenticatedCall (who calls? may they?)
 *   run-call           AuthenticatedCall       -> CallOutcome       (execute on the store)
 *   conclude-call      CallOutcome             -> Response          (transaction id; commit)
 *
 * and of what a write sets in motion: batch-pipeline (entry, batch, seal, sign), replica-worker
 * (Raft, chunk file, flush), batch-pipeline again (commit, derived state, statuses).
 */

import {
  answerError,
  ClientSession,
  type ForwardedFrom,
  type Request,
  type Response,
  receiveRequest,
} from '@coco/endpoint';
import { authenticateCall } from './authenticate-call.ts';
import { concludeCall } from './conclude-call.ts';
import { placeRequest } from './place-request.ts';
import type { RequestContext } from './request-context.ts';
import { routeRequest } from './route-request.ts';
import { runCall } from './run-call.ts';

/** Answers one request of a connection. Never rejects, but for a bug. */
export async function answerRequest(
  context: RequestContext,
  incoming: Request,
  session: ClientSession = new ClientSession(),
): Promise<Response> {
  context.answered();
  let forwarded: ForwardedFrom | undefined;
  try {
    const received = receiveRequest(incoming, {
      lookup: () => context.identities(context.pipeline.committedState()),
      nowMs: context.clock.nowMs(),
    });
    forwarded = received.forwarded;
    const routed = routeRequest(context, received.request);
    if (routed.kind === 'response') return routed.response;
    const placed = await placeRequest(context, routed, { session, forwarded });
    if (placed.kind === 'response') return placed.response;
    const authenticated = authenticateCall(context, routed);
    if (authenticated.kind === 'response') return authenticated.response;
    const outcome = await runCall(context, authenticated);
    return await concludeCall(context, outcome);
  } catch (error) {
    context.failed(error);
    return answerError(error, { isForwarded: forwarded !== undefined });
  }
}
