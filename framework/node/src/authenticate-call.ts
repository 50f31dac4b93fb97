/** Stage: names the caller by the endpoint's policies, at one state of the ledger. */

import { authenticate, type Call, type Endpoint, type Response } from '@coco/endpoint';
import type { RequestContext } from './request-context.ts';
import type { RoutedRequest } from './route-request.ts';

export type AuthenticatedCall =
  | { readonly kind: 'response'; readonly response: Response }
  | { readonly kind: 'call'; readonly endpoint: Endpoint; readonly call: Call };

/** @throws InvalidInput, RequestBodyTooLarge, NodeCannotHandleRequest */
export function authenticateCall(
  context: RequestContext,
  routed: Extract<RoutedRequest, { kind: 'routed' }>,
): AuthenticatedCall {
  const { endpoint, request, parameters } = routed;
  if (endpoint.authentication.length === 0) {
    return { kind: 'call', endpoint, call: { request, parameters, caller: { policy: 'no_auth' } } };
  }
  const authentication = authenticate(endpoint, request, {
    lookup: context.identities(context.pipeline.executedState()),
    nowMs: context.clock.nowMs(),
  });
  if (authentication.kind === 'response') return authentication;
  return { kind: 'call', endpoint, call: { request, parameters, caller: authentication.caller } };
}
