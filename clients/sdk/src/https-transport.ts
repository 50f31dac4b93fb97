/**
 * The transport of Node: TLS 1.3 over node:https. The unverified channel is one TLS session whose
 * certificate the client itself judges; in the verified one, OpenSSL checks every session against
 * the service's certificate and the host name.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { concatBytes, LedgerError, refuse } from '@coco/base';
import {
  type Channel,
  type ChannelAnswer,
  type ChannelOptions,
  type ChannelRequest,
  type Transport,
  urlOf,
} from './channel.ts';
import { sdkError } from './errors.ts';

/** Sessions that the verified channel holds open at once. */
const sessionsMax = 8;
const tlsVersion = 'TLSv1.3';
/** From the wish for a session to its handshake; a stopped node accepts and never shakes hands. */
const sessionMsMax = 4_000;

export interface ClientCertificate {
  /** PEM of certificate and private key by which the service knows its user or member. */
  readonly certificate: string;
  readonly key: string;
}

export function httpsTransport(clientCertificate?: ClientCertificate): Transport {
  const identity = clientCertificate && {
    cert: clientCertificate.certificate,
    key: clientCertificate.key,
  };
  return {
    openUnverified: async (options) => {
      assertSecure(options.origin);
      const socket = await connectOnce(options);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      agent.createConnection = (_options, onCreated) => {
        if (!socket.destroyed) return socket;
        // Another session could end at another peer than the one whose certificate we judge. The
        // agent calls this from the socket's events, too, where a throw would end the process.
        onCreated?.(sdkError('ServiceUnreachable', 'The session has ended.'), socket);
        return undefined;
      };
      return channelOf({
        origin: options.origin,
        agent,
        peerCertificate: certificateOf(socket),
        close: () => socket.destroy(),
      });
    },
    openVerified: async ({ origin, serviceCertificate }) => {
      assertSecure(origin);
      const agent = new Agent({
        ...identity,
        ca: serviceCertificate,
        minVersion: tlsVersion,
        keepAlive: true,
        maxSockets: sessionsMax,
      });
      return channelOf({ origin, agent, peerCertificate: undefined, close: () => agent.destroy() });
    },
  };
}

function assertSecure(origin: string): void {
  if (new URL(origin).protocol === 'https:') return;
  throw refuse('InvalidInput', 'The client connects by https only.', { origin });
}

function connectOnce(options: ChannelOptions): Promise<TLSSocket> {
  const { hostname, port } = new URL(options.origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host,
      port: Number(port || '443'),
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
      // Nobody vouches for this peer yet: verify-service.ts judges its certificate and evidence.
      rejectUnauthorized: false,
      minVersion: tlsVersion,
    });
    const onAbort = (): void => {
      socket.destroy();
      reject(options.signal.reason);
    };
    options.signal.addEventListener('abort', onAbort, { once: true });
    socket.once('secureConnect', () => {
      options.signal.removeEventListener('abort', onAbort);
      resolve(socket);
    });
    socket.on('error', (cause) => reject(unreachable(cause)));
    socket.on('close', () => reject(unreachable(undefined)));
    if (options.signal.aborted) onAbort();
  });
}

function certificateOf(socket: TLSSocket): string {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) throw sdkError('ServiceUnreachable', 'The peer showed no certificate.');
  return certificate.toString();
}

function channelOf(options: {
  readonly origin: string;
  readonly agent: Agent;
  readonly peerCertificate: string | undefined;
  readonly close: () => void;
}): Channel {
  const { origin, agent, peerCertificate, close } = options;
  return {
    peerCertificate,
    close,
    request: (request) => send(origin, agent, request),
  };
}

async function send(origin: string, agent: Agent, request: ChannelRequest): Promise<ChannelAnswer> {
  const { method, path, headers, body, answerBytesMax, signal } = request;
  const outgoing = httpsRequest(urlOf(origin, path), { method, agent, signal, headers });
  const session = watchSession(outgoing);
  try {
    const answer = responseOf(outgoing);
    outgoing.end(body);
    const incoming = await answer;
    const names = Object.entries(incoming.headers);
    return {
      status: incoming.statusCode ?? 0,
      headers: new Map(names.map(([name, value]) => [name, String(value)])),
      body: await bodyOf(incoming, answerBytesMax, path),
    };
  } catch (cause) {
    throw signal.aborted ? signal.reason : reasonOf(cause, session.isOpen());
  } finally {
    session.end();
  }
}

/**
 * Whether the request has a session, so that the peer may have read of it; a session that does not
 * come about in time ends the request.
 */
function watchSession(outgoing: ClientRequest): { isOpen(): boolean; end(): void } {
  let isOpen = false;
  const open = (): void => {
    isOpen = true;
    clearTimeout(timer);
  };
  const timer = setTimeout(() => outgoing.destroy(unreachable(undefined)), sessionMsMax);
  outgoing.on('socket', (socket) => {
    const isReady = (socket as TLSSocket).getProtocol() !== null && !socket.connecting;
    if (outgoing.reusedSocket || isReady) open();
    else socket.once('secureConnect', open);
  });
  return { isOpen: () => isOpen, end: () => clearTimeout(timer) };
}

/** Settles whatever the peer does: a session may end without an answer and without an error. */
function responseOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.on('close', () => reject(unreachable(undefined)));
  });
}

/** The body; leaving the loop early ends the session. */
async function bodyOf(
  incoming: IncomingMessage,
  bytesMax: number,
  path: string,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of incoming as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > bytesMax) {
      throw sdkError('AnswerTooLarge', `Answers are limited to ${bytesMax} bytes.`, { path });
    }
    parts.push(part);
  }
  return concatBytes(...parts);
}

/** What OpenSSL reports when a session does not end at a node of the service. */
const certificateCodes =
  /^(SELF_SIGNED|UNABLE_TO|CERT_|DEPTH_ZERO|ERR_TLS_CERT|INVALID_CA|HOSTNAME_MISMATCH)/;

function reasonOf(cause: unknown, isSent: boolean): LedgerError {
  if (cause instanceof LedgerError && cause.code !== 'ServiceUnreachable') return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (!certificateCodes.test(code)) return unreachable(cause, isSent);
  return sdkError(
    'ServiceCertificateInvalid',
    'The node has no certificate of the verified service for this host name. Connect anew.',
    { reason: code },
    cause,
  );
}

/** @param isSent Whether the peer may have read something of the request. */
function unreachable(cause: unknown, isSent: boolean = false): LedgerError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  const message = 'The service cannot be reached.';
  return sdkError('ServiceUnreachable', message, { reason: code, isSent }, cause);
}
