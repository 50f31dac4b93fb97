/** Stage: finds the endpoint of a request, if its frontend is open and its interface admits it. */

import type { Endpoint, Request, Response } from '@coco/endpoint';
import { replicationError } from '@coco/replication';
import { nodeError } from './errors.ts';
import type { RequestContext } from './request-context.ts';

export type RoutedRequest =
  | { readonly kind: 'response'; readonly response: Response }
  | {
      readonly kind: 'routed';
      readonly request: Request;
      readonly endpoint: Endpoint;
      readonly parameters: ReadonlyMap<string, string>;
    };

/** Frontends that serve before the service is open: operators and members open it through them. */
const alwaysOpen = /^\/(node|gov)(\/|$)/;

/** @throws FrontendNotOpen, NodeCannotHandleRequest */
export function routeRequest(context: RequestContext, request: Request): RoutedRequest {
  const accepted = context.interface.acceptedEndpoints;
  if (accepted.length > 0 && !accepted.some((one) => one.test(request.path))) {
    throw replicationError('NodeCannotHandleRequest', 'This interface does not offer the path.', {
      interface: context.interface.name,
    });
  }
  const route = context.registry.route(request.method, request.path);
  if (route.kind === 'response') return route;
  const { endpoint, parameters } = route.match;
  if (!alwaysOpen.test(endpoint.path) && !context.isOpen()) {
    throw nodeError('FrontendNotOpen', 'The service is not open yet.');
  }
  return { kind: 'routed', request, endpoint, parameters };
}
