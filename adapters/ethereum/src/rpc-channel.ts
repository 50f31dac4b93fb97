/**
 * JSON-RPC over WebSocket, on the paths of HTTP: each message is a call or a batch, each is
 * answered as over HTTP, and notifications of subscriptions come between the answers.
 */
import type { ChannelEndpoint } from '@coco/endpoint';
import { ethereumError } from './errors.ts';
import type { JsonRpc } from './json-rpc.ts';
import { isOriginAllowed, rpcCallers, rpcPaths } from './rpc-endpoints.ts';
import type { Subscriptions } from './subscriptions.ts';

export function rpcChannels(
  started: () => {
    readonly jsonRpc: Pick<JsonRpc, 'answerText'>;
    readonly subscriptions: Subscriptions;
  },
  allowedOrigins: readonly string[],
): readonly ChannelEndpoint[] {
  return rpcPaths.map((path) => ({
    path,
    authentication: rpcCallers,
    accept: ({ request }) => {
      // Browsers ask nobody before they open a WebSocket: the origin is all that tells.
      if (!isOriginAllowed(request.headers.get('origin'), allowedOrigins)) {
        throw ethereumError('OriginNotAllowed', 'This web page may not call the Ethereum port.');
      }
      return (channel) => {
        const { jsonRpc, subscriptions } = started();
        const subscriber = subscriptions.open(channel);
        return {
          onMessage: async (message, caller) => {
            const exchange = subscriber.begin();
            const text = await jsonRpc.answerText(message, caller, exchange);
            // The answer with the id goes out before the first notification does.
            exchange.end();
            return text === '' ? undefined : text;
          },
          onClosed: () => subscriber.close(),
        };
      };
    },
  }));
}
