/**
 * Sockets to values: listens on one interface, bounds headers, bodies, time and connections, and
 * hands each request as a value to `answer`. It knows no endpoint. Sources: RFC 9112, RFC 9846.
 */

import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ClientSession, endpointError, type Request, type Response } from '@coco/endpoint';
import { keyExchangeGroups, peersError, type TlsIdentity } from '@coco/peers';
import { ByteBudget } from './byte-budget.ts';
import { asksForChannel, type ChannelOpening, Channels } from './channels.ts';
import type { ListenerConfiguration } from './listener-configuration.ts';
import { OpenConnections } from './open-connections.ts';
import { refuseMalformed } from './refuse-malformed.ts';
import { type ExchangePlace, serveExchange } from './serve-exchange.ts';
import { serveUpgrade } from './serve-upgrade.ts';

/** A request whose headers are not complete by then is dropped: slow clients hold no slot. */
const headersTimeoutMs = 10_000;
/** A whole request, body included. */
const requestTimeoutMs = 30_000;
const keepAliveTimeoutMs = 60_000;
/** A connection on which nothing moves: a client that does not read its answer holds it so long. */
const silenceMsMax = 60_000;
const handshakeTimeoutMs = 10_000;
const headerCountMax = 256;
/**
 * Bodies and unread answers of one interface together. Little on a small machine, and still 25 of
 * the largest bodies (5 MiB) or 5 of the largest answers (25 MiB) at once.
 */
const heldBytesMax = 128 * 1024 * 1024;

interface ConnectionCounts {
  readonly active: number;
  readonly peak: number;
  readonly softMax: number;
  readonly hardMax: number;
}

export interface HttpListener {
  /** host:port with the real port. */
  readonly address: string;
  /** Open connections: now, the most at a time, and how many there may be. */
  connections(): ConnectionCounts;
  /** New handshakes use the new certificate. */
  renew(identity: TlsIdentity): void;
  /** Open channels (WebSockets). */
  channelCount(): number;
  /** Ends the channels that are open now; what they say may no longer be current. */
  closeChannels(reason: string): void;
  /** Accepts nothing new, lets running requests end, then closes every connection. */
  stop(): Promise<void>;
}

/** @throws AddressInUse, InvalidConfiguration */
export async function listen(options: {
  readonly configuration: ListenerConfiguration;
  readonly identity: TlsIdentity | undefined;
  /** `session` is the one of the request's connection. */
  readonly answer: (request: Request, session: ClientSession) => Promise<Response>;
  /** Absent: no channels are offered. @throws LedgerError, which is the answer */
  readonly openChannel?: (request: Request) => ChannelOpening;
}): Promise<HttpListener> {
  const { configuration, identity, answer } = options;
  const server = createServer(configuration, identity);
  server.maxHeadersCount = headerCountMax;
  server.maxConnections = configuration.sessionsMax;
  server.timeout = silenceMsMax;
  const connections = new OpenConnections(server, configuration.sessionsSoftMax);
  const budget = new ByteBudget(heldBytesMax);
  const place: ExchangePlace = { configuration, connections, answer, budget };
  const { openChannel: open = noChannels } = options;
  const channels = new Channels({ limits: configuration.channels, budget, open });
  const serve = (message: http.IncomingMessage, reply: http.ServerResponse) => {
    void serveExchange(place, message, reply);
  };
  server.on('request', serve);
  server.on('checkContinue', (message, reply) => {
    reply.writeContinue();
    serve(message, reply);
  });
  // RFC 9110, section 10.1.1: an expectation that a server does not know may be ignored.
  server.on('checkExpectation', serve);
  server.on('upgrade', (message, _socket, head) => serveUpgrade(place, channels, message, head));
  server.on('clientError', (error, socket) =>
    refuseMalformed(error, socket, {
      headerBytesMax: configuration.headerBytesMax,
      headersMsMax: headersTimeoutMs,
      requestMsMax: requestTimeoutMs,
    }),
  );
  await bind(server, configuration);
  const { host } = configuration;
  const { port } = server.address() as AddressInfo;
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    connections: () => ({
      active: connections.count,
      peak: connections.peak,
      softMax: configuration.sessionsSoftMax,
      hardMax: configuration.sessionsMax,
    }),
    renew: (next) => {
      if (server instanceof https.Server) server.setSecureContext(tlsOptions(next));
    },
    channelCount: () => channels.count,
    closeChannels: (reason) => channels.closeAll(1001, reason),
    stop: async () => {
      await channels.stop();
      await connections.stop();
    },
  };
}

function noChannels(): ChannelOpening {
  throw endpointError('ResourceNotFound', 'This interface offers no channels.');
}

function createServer(
  configuration: ListenerConfiguration,
  identity: TlsIdentity | undefined,
): http.Server | https.Server {
  const limits = {
    maxHeaderSize: configuration.headerBytesMax,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: 1_000,
    // What offers another protocol (HTTP/2, say) is answered by HTTP/1.1.
    shouldUpgradeCallback: asksForChannel,
  };
  if (!identity) return http.createServer(limits);
  return https.createServer({ ...limits, ...tlsOptions(identity) });
}

function tlsOptions(identity: TlsIdentity): https.ServerOptions {
  return {
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    minVersion: 'TLSv1.3',
    ecdhCurve: keyExchangeGroups,
    // Clients' certificates name callers; who they are is decided per endpoint, not by a CA.
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeTimeoutMs,
    ALPNProtocols: ['http/1.1'],
  };
}

async function bind(
  server: http.Server | https.Server,
  configuration: ListenerConfiguration,
): Promise<void> {
  const { host, port, name } = configuration;
  await new Promise<void>((resolve, reject) => {
    // Not once: a connection that cannot be accepted later on must not end the node.
    server.on('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE';
      const message = isTaken
        ? `Port ${port} is taken: stop the other program or choose another port.`
        : `The interface "${name}" cannot listen on ${host}:${port}.`;
      reject(peersError('AddressInUse', message, { host, port, reason: cause.code }, cause));
    });
    server.listen({ host, port, backlog: 1024 }, resolve);
  });
}
