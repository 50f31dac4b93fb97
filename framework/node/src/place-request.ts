/**
 * Stage: where a request is answered. Here, if this node may; else the primary answers, to whom the
 * request is forwarded, or the client is sent there. A request that needs the primary waits for one
 * within the interface's time: most changes of primary are over by then, and nothing was carried
 * out meanwhile.
 */

import { emptyBytes } from '@coco/base';
import type { ForwardedFrom } from '@coco/endpoint';
import {
  type ClientSession,
  endpointError,
  forwardingOf,
  type Request,
  type Response,
  redirectionOf,
} from '@coco/endpoint';
import { nodeInfos } from '@coco/governance';
import type { Leadership } from '@coco/replication';
import type { RedirectionConfiguration, RedirectionTarget } from './configuration-interfaces.ts';
import { urlOfNode } from './node-addresses.ts';
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
  const isFirst = session.view === undefined;
  const response = await untilPlaced(context, async (withinMs) => {
    const placed = await runOrForward(context, routed.request, { session, withinMs, enter });
    if (placed === undefined && isFirst) session.withdraw();
    return placed;
  });
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

/**
 * 307 to the node that answers; 'here' if this one does; undefined while none is known.
 * @throws BackupNotFound, PrimaryNotFound
 */
function redirectRequest(
  context: RequestContext,
  { endpoint, request }: Routed,
  redirections: RedirectionConfiguration,
): Response | 'here' | undefined {
  const { leadership } = context;
  const strategy = redirectionOf(endpoint);
  const isPrimary = leadership.primaryId() === leadership.nodeId;
  if (strategy === 'none') return 'here';
  if (strategy === 'to_primary' && leadership.isExecuting()) return 'here';
  if (strategy === 'to_backup' && !isPrimary) return 'here';
  const isForPrimary = strategy === 'to_primary';
  const target = isForPrimary ? redirections.toPrimary : redirections.toBackup;
  const origin = target && originOf(context, target);
  if (origin === undefined) {
    if (isForPrimary && target) return undefined;
    const code = isForPrimary ? 'PrimaryNotFound' : 'BackupNotFound';
    throw endpointError(code, 'No node is known that this interface could point to.');
  }
  const location = `${origin}${request.target ?? request.path}`;
  return { status: 307, headers: { location }, body: emptyBytes };
}

function originOf(
  { leadership, pipeline, interface: { name } }: RequestContext,
  target: RedirectionTarget,
): string | undefined {
  if (target.kind === 'StaticAddress') return `https://${target.address}`;
  const { role, interfaceName = name } = target;
  const state = pipeline.committedState();
  const id = role === 'primary' ? leadership.primaryId() : someBackup(leadership, state);
  if (id === undefined || id === leadership.nodeId) return undefined;
  return urlOfNode(state, id, interfaceName);
}

/** The next one by id after the primary: every node names the same. */
function someBackup(
  leadership: Leadership,
  state: Parameters<typeof nodeInfos.rows>[0],
): string | undefined {
  const primaryId = leadership.primaryId() ?? '';
  const ids = nodeInfos
    .rows(state)
    .flatMap(([id, { status }]) => (status === 'Trusted' && id !== primaryId ? [id] : []));
  return ids.find((id) => id > primaryId) ?? ids[0];
}
