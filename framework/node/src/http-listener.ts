/**
 * Sockets to values: listens on one interface, bounds headers, bodies, time and connections, and
 * hands each request as a value to `answer`. It knows no endpoint. Sources: RFC 9112, RFC 9846.
 */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { emptyBytes, LedgerError, type Log, refuse } from '@coco/base';
import { errorResponse, type Request, type Response } from '@coco/endpoint';
import type { InterfaceConfiguration } from './configuration.ts';
import { nodeError } from './errors.ts';

/** A request whose headers are not complete by then is dropped: slow clients hold no slot. */
const headersTimeoutMs = 10_000;
/** A whole request, body included. */
const requestTimeoutMs = 30_000;
const keepAliveTimeoutMs = 60_000;
const handshakeTimeoutMs = 10_000;
const headerCountMax = 256;
/** How long a stop waits for requests that are being answered. */
const stopGraceMs = 1_000;
/** Hybrid post-quantum groups first (draft-ietf-tls-ecdhe-mlkem), then classical ones. */
const keyExchangeGroups = 'X25519MLKEM768:SecP384r1MLKEM1024:SecP256r1MLKEM768:X25519:P-384:P-256';

export interface TlsIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface HttpListener {
  /** host:port with the real port. */
  readonly address: string;
  /** Open connections now. */
  connections(): number;
  /** New handshakes use the new certificate. */
  renew(identity: TlsIdentity): void;
  /** Accepts nothing new, lets running requests end, then closes every connection. */
  stop(): Promise<void>;
}

/** @throws AddressInUse, InvalidConfiguration */
export async function listen(options: {
  readonly configuration: InterfaceConfiguration;
  readonly identity: TlsIdentity | undefined;
  readonly answer: (request: Request) => Promise<Response>;
  readonly log: Log;
}): Promise<HttpListener> {
  const { configuration, identity } = options;
  const server = createServer(configuration, identity);
  server.maxHeadersCount = headerCountMax;
  server.maxConnections = configuration.sessionsMax;
  server.on('request', (message, reply) => {
    void serve({ ...options, message, reply });
  });
  server.on('checkContinue', (message, reply) => {
    reply.writeContinue();
    void serve({ ...options, message, reply });
  });
  server.on('clientError', refuseMalformed);
  const connections = new Connections(server);
  await bind(server, configuration);
  const { port } = server.address() as AddressInfo;
  return {
    address: `${configuration.host}:${port}`,
    connections: () => connections.count,
    renew: (next) => {
      if (server instanceof https.Server) server.setSecureContext(tlsOptions(next));
    },
    stop: () => connections.stop(),
  };
}

function createServer(
  configuration: InterfaceConfiguration,
  identity: TlsIdentity | undefined,
): http.Server | https.Server {
  const limits = {
    maxHeaderSize: configuration.headerBytesMax,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: 1_000,
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
  configuration: InterfaceConfiguration,
): Promise<void> {
  const { host, port, name } = configuration;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE';
      const message = isTaken
        ? `Port ${port} is taken: stop the other program or choose another port.`
        : `The interface "${name}" cannot listen on ${host}:${port}.`;
      reject(nodeError('AddressInUse', message, { host, port, reason: cause.code }, cause));
    });
    server.listen({ host, port, backlog: 1024 }, resolve);
  });
}

interface Exchange {
  readonly configuration: InterfaceConfiguration;
  readonly answer: (request: Request) => Promise<Response>;
  readonly log: Log;
  readonly message: http.IncomingMessage;
  readonly reply: http.ServerResponse;
}

async function serve(exchange: Exchange): Promise<void> {
  const { configuration, message, reply } = exchange;
  try {
    const body = await readBody(message, configuration.bodyBytesMax);
    write(reply, await exchange.answer(toRequest(message, body)));
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    if (error.code === 'RequestBodyTooLarge') reply.setHeader('connection', 'close');
    write(reply, errorResponse(error));
    // What is left of an oversized body is not read.
    if (error.code === 'RequestBodyTooLarge') reply.once('finish', () => message.destroy());
  }
}

async function readBody(message: http.IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const tooLarge = () =>
    refuse('RequestBodyTooLarge', `A request body is limited to ${bytesMax} bytes.`);
  if (Number(message.headers['content-length'] ?? 0) > bytesMax) throw tooLarge();
  const parts: Uint8Array[] = [];
  let length = 0;
  const ended = await new Promise<'complete' | 'tooLarge' | 'aborted'>((resolve) => {
    message.on('data', (part: Uint8Array) => {
      length += part.length;
      if (length <= bytesMax) parts.push(part);
      else {
        message.pause();
        resolve('tooLarge');
      }
    });
    message.on('end', () => resolve('complete'));
    message.on('close', () => resolve('aborted'));
    message.on('error', () => resolve('aborted'));
  });
  if (ended === 'tooLarge') throw tooLarge();
  if (ended === 'aborted') throw refuse('InvalidInput', 'The request body did not arrive.');
  return parts.length === 0 ? emptyBytes : Buffer.concat(parts);
}

function toRequest(message: http.IncomingMessage, body: Uint8Array): Request {
  const target = message.url ?? '/';
  const at = target.indexOf('?');
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(at < 0 ? '' : target.slice(at + 1))) {
    if (!query.has(name)) query.set(name, value);
  }
  return {
    method: message.method ?? 'GET',
    path: decodePath(at < 0 ? target : target.slice(0, at)),
    query,
    headers: headersOf(message),
    body,
    clientCertificate: clientCertificate(message.socket),
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw refuse('InvalidInput', 'The path is not well-formed.', {}, cause);
  }
}

function headersOf(message: http.IncomingMessage): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}

function clientCertificate(socket: Socket): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  return socket.getPeerX509Certificate()?.raw;
}

function write(reply: http.ServerResponse, response: Response): void {
  if (reply.destroyed) return;
  reply.writeHead(response.status, {
    ...response.headers,
    ...(response.status === 204 ? {} : { 'content-length': response.body.length }),
  });
  reply.end(response.body);
}

/** Bytes that are not HTTP: a plain 400 (431 for headers over their limit), then the end. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket | TLSSocket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  const text = `${status.slice(4)}.\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\n` +
      `connection: close\r\n\r\n${text}`,
  );
}

/** The open connections of a server, and which of them wait for an answer. */
class Connections {
  readonly #server: http.Server | https.Server;
  /** As TCP sees them. */
  readonly #open = new Set<Socket>();
  /** As HTTP sees them: behind TLS, once the handshake is done. */
  readonly #served = new Set<Socket>();
  readonly #answering = new Set<Socket>();

  constructor(server: http.Server | https.Server) {
    this.#server = server;
    const served = server instanceof https.Server ? 'secureConnection' : 'connection';
    server.on('connection', (socket: Socket) => track(this.#open, socket));
    server.on(served, (socket: Socket) => track(this.#served, socket));
    server.on('request', (message: http.IncomingMessage, reply: http.ServerResponse) => {
      this.#answering.add(message.socket);
      reply.once('close', () => this.#answering.delete(message.socket));
    });
  }

  get count(): number {
    return this.#open.size;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const socket of this.#served) if (!this.#answering.has(socket)) socket.destroy();
    const timer = setTimeout(() => {
      for (const socket of [...this.#served, ...this.#open]) socket.destroy();
    }, stopGraceMs);
    await closed;
    clearTimeout(timer);
    await Promise.all([...this.#open].map((socket) => once(socket, 'close')));
  }
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
}
