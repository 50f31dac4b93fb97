/**
 * A channel's way through the node: route and authenticate like a request, on this node whoever is
 * the primary, and no session: what a channel says is committed. Each use of the channel asks
 * again who is at the other end: a member who was removed hears nothing more.
 */
import type {
  Call,
  Caller,
  Channel,
  ChannelEndpoint,
  ChannelHandler,
  Request,
} from '@coco/endpoint';
import type { ChannelOpening } from '@coco/http';
import { replicationError } from '@coco/replication';
import { identify } from './authenticate-call.ts';
import { nodeError } from './errors.ts';
import type { RequestContext } from './request-context.ts';

/** @throws NodeCannotHandleRequest, FrontendNotOpen, and what the endpoint refuses with */
export function openChannel(context: RequestContext, request: Request): ChannelOpening {
  const accepted = context.interface.acceptedEndpoints;
  if (accepted.length > 0 && !accepted.some((one) => one.test(request.path))) {
    throw replicationError('NodeCannotHandleRequest', 'This interface does not offer the path.', {
      interface: context.interface.name,
    });
  }
  const route = context.registry.routeChannel(request.path);
  if (route.kind === 'response') return route;
  if (!context.isOpen()) throw nodeError('FrontendNotOpen', 'The service is not open yet.');
  const { channel, parameters } = route;
  const authentication = identify(context, channel, request);
  if (authentication.kind === 'response') return authentication;
  const call: Call = { request, parameters, caller: authentication.caller };
  const accept = channel.accept(call);
  return {
    kind: 'open',
    caller: () => callerNow(context, channel, request),
    accept: (opened) => guarded(context, opened, accept(opened)),
  };
}

/** What a message provokes is counted and logged as of a request; a bug costs the channel alone. */
function guarded(
  context: RequestContext,
  channel: Channel,
  handler: ChannelHandler,
): ChannelHandler {
  return {
    onMessage: async (message, caller) => {
      context.answered();
      try {
        return await handler.onMessage(message, caller);
      } catch (error) {
        context.failed(error);
        channel.close(1011, 'The message could not be answered.');
        return undefined;
      }
    },
    onClosed: () => handler.onClosed(),
  };
}

function callerNow(
  context: RequestContext,
  channel: ChannelEndpoint,
  request: Request,
): Caller | undefined {
  if (!context.isOpen()) return undefined;
  const authentication = identify(context, channel, request);
  return authentication.kind === 'caller' ? authentication.caller : undefined;
}
