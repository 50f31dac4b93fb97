/**
 * Stage: where a request is answered. Here, if this node may; else the primary answers, to whom the
 * request is forwarded, or the client is sent there. A request that needs the primary waits for one
 * within the interface's time: most changes of primary are over by then, and nothing was carried
 * out meanwhile.
 */

import type { ForwardedFrom } from '@coco/endpoint';
import {
  type ClientSession,
  endpointError,
  forwardingOf,
  type Request,
  type Response,
} from '@coco/endpoint';
import { redirectRequest } from './redirect-request.ts';
import type { RequestContext } from './request-context.ts';
import type { RoutedRequest } from './route-request.ts';

/** Between two looks at who is the primary: an election takes about a second. */
const beatMs = 20;

export type PlacedRequest =
  | { readonly kind: 'response'; readonly response: Response }
  /** This node answers. */
  | { readonly kind: 'here' };

export interface RequestOrigin {
  readonly session: ClientSession;
  readonly forwarded: ForwardedFrom | undefined;
}

type Routed = Extract<RoutedRequest, { kind: 'routed' }>;

const here = { kind: 'here' } as const;

/**
 * @throws SessionConsistencyLost, RequestAlreadyForwarded, PrimaryNotFound, BackupNotFound and what
 *   Forwarder.forward throws
 */
export async function placeRequest(
  context: RequestContext,
  routed: Routed,
  origin: RequestOrigin,
): Promise<PlacedRequest> {
  const { leadership } = context;
  const { endpoint } = routed;
  const { session, forwarded } = origin;
  const forwarding = forwardingOf(endpoint);
  if (forwarded) return placeForwarded(context, routed, forwarded);
  const enter = (): void => {
    if (!endpoint.isSessionExempt) session.enter(leadership.view());
  };
  const { redirections } = context.interface;
  if (redirections) {
    const response = await untilPlaced(context, async () =>
      redirectRequest(context, routed, redirections),
    );
    if (response !== 'here') return { kind: 'response', response };
    enter();
    return here;
  }
  if (forwarding === 'never' || (forwarding === 'sometimes' && !session.isForwarded)) {
    enter();
    return here;
  }
  const response = await untilPlaced(context, (withinMs) =>
    runOrForward(context, routed.request, { session, withinMs, enter }),
  );
  return response === 'here' ? here : { kind: 'response', response };
}

/** From another node: answered here or not at all, so that no request goes in circles. */
function placeForwarded(
  { leadership }: RequestContext,
  { endpoint }: Routed,
  { view }: ForwardedFrom,
): PlacedRequest {
  if (!leadership.isExecuting()) {
    throw endpointError('RequestAlreadyForwarded', 'This node is not the primary.');
  }
  const isLost = view !== undefined && view !== leadership.view() && !endpoint.isSessionExempt;
  if (isLost) throw endpointError('SessionConsistencyLost', 'The view is another one now.');
  return here;
}

async function runOrForward(
  { leadership, forwarder }: RequestContext,
  request: Request,
  how: {
    readonly session: ClientSession;
    readonly withinMs: number;
    readonly enter: () => void;
  },
): Promise<Response | 'here' | undefined> {
  const { session, withinMs, enter } = how;
  if (leadership.isExecuting()) {
    enter();
    return 'here';
  }
  const primaryId = leadership.primaryId();
  if (primaryId === undefined || primaryId === leadership.nodeId) return undefined;
  enter();
  return forwarder.forward(primaryId, { request, session, withinMs });
}

/** Tries until the request has its place; an attempt that gives none has carried out nothing. */
async function untilPlaced<Place>(
  { clock, interface: { forwardingMsMax } }: RequestContext,
  attempt: (withinMs: number) => Promise<Place | undefined>,
): Promise<Place> {
  const startMs = clock.monotonicMs();
  for (let leftMs = forwardingMsMax; ; leftMs = forwardingMsMax - (clock.monotonicMs() - startMs)) {
    const placed = await attempt(leftMs);
    if (placed !== undefined) return placed;
    if (clock.monotonicMs() - startMs + beatMs >= forwardingMsMax) {
      throw endpointError(
        'PrimaryNotFound',
        `No primary was found within ${forwardingMsMax} ms; nothing was carried out.`,
      );
    }
    await new Promise<void>((resolve) => clock.setTimer(beatMs, resolve));
  }
}
