/**
 * A request's way through the node, as a table of contents (design, section 5): each stage is a
 * function in its own file, value in, value out. No logic stands here.
 *
 *   serve-exchange     bytes                   -> Request           (within the limits)
 *   route-request      Request                 -> RoutedRequest     (which endpoint? is it open?)
 *   authenticate-call  RoutedRequest           -> AuthenticatedCall (who calls? may they?)
 *   run-call           AuthenticatedCall       -> CallOutcome       (execute on the store)
 *   conclude-call      CallOutcome             -> Response          (transaction id; commit)
 *
 * and of what a write sets in motion: batch-pipeline (entry, batch, seal, sign), replica-worker
 * (Raft, chunk file, flush), batch-pipeline again (commit, derived state, statuses).
 */

import { errorResponse, type Request, type Response } from '@coco/endpoint';
import { authenticateCall } from './authenticate-call.ts';
import { concludeCall } from './conclude-call.ts';
import type { RequestContext } from './request-context.ts';
import { routeRequest } from './route-request.ts';
import { runCall } from './run-call.ts';

/** Answers one request. Never rejects, but for a bug. */
export async function answerRequest(context: RequestContext, request: Request): Promise<Response> {
  context.answered();
  try {
    const routed = routeRequest(context, request);
    if (routed.kind === 'response') return routed.response;
    const authenticated = authenticateCall(context, routed);
    if (authenticated.kind === 'response') return authenticated.response;
    const outcome = await runCall(context, authenticated);
    return await concludeCall(context, outcome);
  } catch (error) {
    context.failed(error);
    return errorResponse(error);
  }
}
