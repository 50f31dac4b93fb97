/** Sends a client to the node that answers its request, where an interface is set to do so. */

import { emptyBytes } from '@coco/base';
import { endpointError, type Response, redirectionOf } from '@coco/endpoint';
import { nodeInfos } from '@coco/governance';
import type { Leadership } from '@coco/replication';
import type { RedirectionConfiguration, RedirectionTarget } from './configuration-interfaces.ts';
import { urlOfNode } from './node-addresses.ts';
import type { RequestContext } from './request-context.ts';
import type { RoutedRequest } from './route-request.ts';

/**
 * 307 to the node that answers; 'here' if this one does; undefined while none is known.
 * @throws BackupNotFound, PrimaryNotFound
 */
export function redirectRequest(
  context: RequestContext,
  { endpoint, request }: Extract<RoutedRequest, { kind: 'routed' }>,
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
