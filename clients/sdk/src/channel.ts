/**
 * How the client reaches a service: the port between trust decisions and sockets. Node gives one
 * over node:https, browsers one over fetch, tests can give their own.
 */
import { refuse } from '@coco/base';

export interface ChannelRequest {
  readonly method: string;
  /** Begins with `/`; may have a query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** An answer with a larger body is refused. */
  readonly answerBytesMax: number;
  readonly signal: AbortSignal;
}

export interface ChannelAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

export interface Channel {
  /**
   * The certificate (PEM) whose key the peer proved to hold in the handshake of this channel's only
   * session; undefined where the platform does not tell (browsers).
   */
  readonly peerCertificate: string | undefined;
  /** @throws ServiceUnreachable, AnswerTooLarge, and what the signal's reason is when it aborts */
  request(request: ChannelRequest): Promise<ChannelAnswer>;
  close(): void;
}

export interface ChannelOptions {
  /** Scheme, host and port of the service. */
  readonly origin: string;
  readonly signal: AbortSignal;
}

export interface Transport {
  /**
   * A channel of a single session with a peer that nobody has verified. Nothing confidential may
   * be sent over it.
   */
  openUnverified(options: ChannelOptions): Promise<Channel>;
  /** A channel whose every session ends at a node with a certificate by the service's (PEM). */
  openVerified(options: ChannelOptions & { readonly serviceCertificate: string }): Promise<Channel>;
}

/**
 * The address of a path of a service.
 * @throws InvalidInput when the path leads to another host, as `//host/` would
 */
export function urlOf(origin: string, path: string): URL {
  const url =
    path.startsWith('/') && URL.canParse(path, origin) ? new URL(path, origin) : undefined;
  if (url?.origin === origin) return url;
  throw refuse('InvalidInput', 'A path begins with one slash and stays on the service.', {
    length: path.length,
  });
}
