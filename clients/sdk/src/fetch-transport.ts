/**
 * The transport of browsers: fetch. The browser decides whom it trusts for TLS and tells nobody the
 * peer's certificate, so a channel is bound to no key; connect.ts then asks for a known identity.
 */
import { concatBytes } from '@coco/base';
import {
  type Channel,
  type ChannelAnswer,
  type ChannelRequest,
  type Transport,
  urlOf,
} from './channel.ts';
import { sdkError } from './errors.ts';

export function fetchTransport(): Transport {
  const open = async ({ origin }: { readonly origin: string }): Promise<Channel> => ({
    peerCertificate: undefined,
    close: () => undefined,
    request: (request) => send(origin, request),
  });
  return { openUnverified: open, openVerified: open };
}

async function send(origin: string, request: ChannelRequest): Promise<ChannelAnswer> {
  const { method, path, headers, body, answerBytesMax, signal } = request;
  try {
    const response = await fetch(urlOf(origin, path), {
      method,
      signal,
      ...(headers && { headers }),
      ...(body && { body: Uint8Array.from(body) }),
      cache: 'no-store',
      credentials: 'omit',
    });
    return {
      status: response.status,
      headers: new Map(response.headers.entries()),
      body: await readLimited(response, answerBytesMax, path),
    };
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (!(cause instanceof TypeError)) throw cause;
    // fetch reports every failure of the network as a TypeError without a cause to tell apart.
    throw sdkError('ServiceUnreachable', 'The service cannot be reached.', {}, cause);
  }
}

async function readLimited(
  response: Response,
  bytesMax: number,
  path: string,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    length += next.value.length;
    parts.push(next.value);
    if (length > bytesMax) {
      await reader?.cancel();
      throw sdkError('AnswerTooLarge', `Answers are limited to ${bytesMax} bytes.`, { path });
    }
  }
  return concatBytes(...parts);
}
