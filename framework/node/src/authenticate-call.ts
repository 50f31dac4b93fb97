/** Stage: names the caller by the endpoint's policies, at one state of the ledger. */

import {
  type Authentication,
  authenticate,
  type Call,
  type Endpoint,
  type Request,
  type Response,
} from '@coco/endpoint';
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
  const { operatorFeature: feature } = endpoint;
  const isOpened = feature !== undefined && context.interface.operatorFeatures.has(feature);
  if (isOpened || endpoint.authentication.length === 0) {
    return { kind: 'call', endpoint, call: { request, parameters, caller: { policy: 'no_auth' } } };
  }
  const authentication = identify(context, endpoint, request);
  if (authentication.kind === 'response') return authentication;
  return { kind: 'call', endpoint, call: { request, parameters, caller: authentication.caller } };
}

/**
 * Who calls, at the state of this moment.
 * @throws InvalidInput, RequestBodyTooLarge, NodeCannotHandleRequest
 */
export function identify(
  context: RequestContext,
  endpoint: Pick<Endpoint, 'authentication' | 'messageType'>,
  request: Request,
): Authentication {
  const { pipeline, identities } = context;
  return authenticate(endpoint, request, {
    lookup: {
      ...identities(pipeline.executedState()),
      // Who is trusted reads what is secret: only a trust that can no more be taken back counts.
      isTrustedNode: (id) => identities(pipeline.committedState()).isTrustedNode(id),
    },
    nowMs: context.clock.nowMs(),
  });
}
