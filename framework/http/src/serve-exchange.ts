/**
 * One HTTP exchange as values: the message of node:http becomes a Request, the Response is written.
 * Bodies are read with limits; what does not fit is refused and not read on. Source: RFC 9112.
 */

import type http from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { emptyBytes, LedgerError, refuse } from '@coco/base';
import { type ClientSession, errorResponse, type Request, type Response } from '@coco/endpoint';
import type { ByteBudget } from './byte-budget.ts';
import { httpError } from './errors.ts';
import type { ListenerConfiguration } from './listener-configuration.ts';
import type { OpenConnections } from './open-connections.ts';

/** How long a client that is refused may go on sending before its connection ends. */
const lingerMs = 500;
/** And how much of it is read. */
const lingerBytesMax = 16 * 1024 * 1024;

/** A short body goes out in one piece with its headers, which node:http does for text alone. */
const joinedBytesMax = 16 * 1024;

/** What the exchanges of one interface share. */
export interface ExchangePlace {
  readonly configuration: ListenerConfiguration;
  readonly budget: ByteBudget;
  readonly connections: OpenConnections;
  readonly answer: (request: Request, session: ClientSession) => Promise<Response>;
}

/** Reads, answers, writes. Never rejects, but for a bug. */
export async function serveExchange(
  place: ExchangePlace,
  message: http.IncomingMessage,
  reply: http.ServerResponse,
): Promise<void> {
  const { configuration, budget, connections, answer } = place;
  const held = new Holding(budget);
  reply.once('close', () => held.end());
  try {
    if (connections.isSurplus(message.socket)) throw surplus(configuration.sessionsSoftMax);
    budget.assertFree();
    const body = await readBody(message, { bytesMax: configuration.bodyBytesMax, budget, held });
    const session = connections.sessionOf(message.socket);
    write(reply, await answer(toRequest(message, body), session), held);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    if (error.code === 'SessionCapExhausted') reply.setHeader('connection', 'close');
    if (message.complete) write(reply, errorResponse(error), held);
    else refuseUnread(message, reply, errorResponse(error));
  }
}

/**
 * Answers before the body is here, and ends the connection. A close while the client still sends
 * would make its system throw the answer away (RFC 9112, section 9.6): what comes is discarded for
 * a moment, so that the client can read why.
 */
function refuseUnread(
  message: http.IncomingMessage,
  reply: http.ServerResponse,
  { status, headers, body }: Response,
): void {
  if (reply.destroyed) return;
  reply.writeHead(status, { ...headers, 'content-length': body.length, connection: 'close' });
  reply.write(body);
  let discarded = 0;
  message.removeAllListeners('data');
  message.on('data', (part: Uint8Array) => {
    discarded += part.length;
    if (discarded > lingerBytesMax) message.pause();
  });
  message.resume();
  const end = () => {
    clearTimeout(timer);
    reply.end();
  };
  const timer = setTimeout(end, lingerMs);
  message.once('end', end);
  message.once('close', end);
}

export function surplus(max: number): LedgerError {
  return httpError(
    'SessionCapExhausted',
    `This interface serves ${max} connections at once; try again shortly.`,
  );
}

/** What one exchange holds of the budget; it is given back when the exchange ends. */
class Holding {
  readonly #budget: ByteBudget;
  #bytes = 0;
  #isEnded = false;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  add(bytes: number): void {
    if (this.#isEnded) return;
    this.#bytes += bytes;
    this.#budget.hold(bytes);
  }

  end(): void {
    this.#isEnded = true;
    this.#budget.release(this.#bytes);
    this.#bytes = 0;
  }
}

async function readBody(
  message: http.IncomingMessage,
  limits: { readonly bytesMax: number; readonly budget: ByteBudget; readonly held: Holding },
): Promise<Uint8Array> {
  const { bytesMax, budget, held } = limits;
  const tooLarge = () =>
    refuse('RequestBodyTooLarge', `A request body is limited to ${bytesMax} bytes.`);
  if (Number(message.headers['content-length'] ?? 0) > bytesMax) throw tooLarge();
  const parts: Uint8Array[] = [];
  let length = 0;
  await new Promise<void>((resolve, reject) => {
    const stop = (error: unknown) => {
      message.pause();
      reject(error);
    };
    message.on('data', (part: Uint8Array) => {
      length += part.length;
      if (length > bytesMax) return stop(tooLarge());
      try {
        budget.assertFree();
      } catch (error) {
        return stop(error);
      }
      held.add(part.length);
      parts.push(part);
    });
    message.on('end', () => resolve());
    // Every message closes; only one that had no end was broken off.
    const aborted = () => {
      if (message.readableEnded) return;
      reject(refuse('InvalidInput', 'The request body did not arrive.'));
    };
    message.on('close', aborted);
    message.on('error', aborted);
  });
  const [only] = parts;
  if (only === undefined) return emptyBytes;
  return parts.length === 1 ? only : Buffer.concat(parts);
}

/** @throws InvalidInput */
export function toRequest(message: http.IncomingMessage, body: Uint8Array): Request {
  const target = message.url ?? '/';
  const at = target.indexOf('?');
  return {
    method: message.method ?? 'GET',
    path: decodePath(at < 0 ? target : target.slice(0, at)),
    target,
    query: at < 0 ? noQuery : parseQuery(target.slice(at + 1)),
    headers: headersOf(message),
    body,
    clientCertificate: clientCertificate(message.socket),
  };
}

const noQuery: ReadonlyMap<string, string> = new Map();

function parseQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (!query.has(name)) query.set(name, value);
  }
  return query;
}

/** An escaped slash stays escaped: it is part of its segment, as in the name of a module. */
function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path.replaceAll(/%2f/gi, '%252F'));
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

/** What a connection showed in its handshake: TLS 1.3 without a later one does not change it. */
const shown = new WeakMap<TLSSocket, Uint8Array>();

function clientCertificate(socket: Socket): Uint8Array | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const known = shown.get(socket);
  if (known) return known;
  const certificate = socket.getPeerX509Certificate()?.raw;
  if (certificate) shown.set(socket, certificate);
  return certificate;
}

function write(reply: http.ServerResponse, response: Response, held: Holding): void {
  if (reply.destroyed) return;
  held.add(response.body.length);
  reply.writeHead(response.status, {
    ...(response.status === 204 ? {} : { 'content-length': response.body.length }),
    // The answer to HEAD says how long the body would be.
    ...response.headers,
  });
  const { body } = response;
  if (body.length > joinedBytesMax) reply.end(body);
  else
    reply.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'latin1');
}
