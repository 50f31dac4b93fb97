/**
 * Which node of a service answers a request: what an endpoint says, and CCF's defaults where it
 * says nothing. Writes need the primary; reads run where they are asked, and follow a session whose
 * writes went to the primary; what a node tells of itself stays on it.
 */
import type { Endpoint, ForwardingRequired, RedirectionStrategy } from './endpoint.ts';

type Placed = Pick<Endpoint, 'mode' | 'forwardingRequired' | 'redirectionStrategy'>;

const forwardingDefaults: Readonly<Record<Endpoint['mode'], ForwardingRequired>> = {
  write: 'always',
  optimistic: 'always',
  read: 'sometimes',
  command: 'never',
};

/** Whether a backup forwards the endpoint's requests to the primary. */
export function forwardingOf({ mode, forwardingRequired }: Placed): ForwardingRequired {
  return forwardingRequired ?? forwardingDefaults[mode];
}

/** Where a node sends the client whose interface redirects instead. */
export function redirectionOf(endpoint: Placed): RedirectionStrategy {
  const isOnPrimary = forwardingOf(endpoint) === 'always';
  return endpoint.redirectionStrategy ?? (isOnPrimary ? 'to_primary' : 'none');
}
