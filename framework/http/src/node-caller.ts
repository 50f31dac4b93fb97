/**
 * Calls from this node to another: a Request as value goes there over HTTPS, its Response comes
 * back. Both nodes prove their keys (node-agent.ts). Everything is bounded: calls at once, time,
 * bytes of an answer.
 *
 * Nothing is ever sent twice here. A caller that wants to ask again goes by the code: after
 * NodeUnreachable nothing was sent; after NodeAnswerLost the request may have been carried out.
 */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Agent, request as httpsRequest } from 'node:https';
import { type Clock, concatBytes, LedgerError } from '@coco/base';
import type { Request, Response } from '@coco/endpoint';
import type { TlsIdentity } from '@coco/peers';
import { httpError } from './errors.ts';
import { createNodeAgent } from './node-agent.ts';

/** Each waits with its request in memory; a node that is behind by more is of no use. */
const callsPerNodeMaxDefault = 2_000;
const headerBytesMax = 64 * 1024;

export interface NodeCallLimits {
  /** From now to the last byte of the answer. */
  readonly withinMs: number;
  readonly answerBytesMax: number;
  /** Ends the call earlier. */
  readonly signal?: AbortSignal;
}

export interface NodeCallerOptions {
  /** Shown to the other node, which knows this one by its key. */
  readonly identity: TlsIdentity;
  readonly clock: Clock;
  /** host:port of a node's interface as the committed ledger has it; undefined: none is known. */
  readonly addressOf: (nodeId: string) => string | undefined;
  readonly callsPerNodeMax?: number;
}

interface Known {
  readonly address: string;
  readonly agent: Agent;
  /** Ends each call under way. */
  readonly calls: Set<() => void>;
}

export class NodeCaller {
  readonly #options: NodeCallerOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: NodeCallerOptions) {
    this.#options = options;
  }

  /**
   * Asks a node.
   * @throws NodeUnreachable (nothing was sent), NodeAnswerLost (it may have been carried out),
   *   NodeCallsFull (nothing was sent)
   */
  async call(nodeId: string, request: Request, limits: NodeCallLimits): Promise<Response> {
    const known = this.#knownOf(nodeId);
    const { callsPerNodeMax = callsPerNodeMaxDefault } = this.#options;
    if (known.calls.size >= callsPerNodeMax) {
      throw httpError('NodeCallsFull', 'Too many requests wait for one node.', { nodeId });
    }
    const ended = new AbortController();
    const end = (): void => ended.abort();
    known.calls.add(end);
    const cancel = this.#options.clock.setTimer(limits.withinMs, end);
    const signal = limits.signal ? AbortSignal.any([ended.signal, limits.signal]) : ended.signal;
    try {
      return await exchange({ nodeId, ...known, request, limits, signal });
    } finally {
      cancel();
      known.calls.delete(end);
    }
  }

  /** Ends everything under way; later calls open new connections. */
  stop(): void {
    for (const nodeId of this.#known.keys()) this.#forget(nodeId);
  }

  #knownOf(nodeId: string): Known {
    const address = this.#options.addressOf(nodeId);
    if (address === undefined) {
      throw httpError('NodeUnreachable', 'No address of the node is known.', { nodeId });
    }
    const known = this.#known.get(nodeId);
    if (known?.address === address) return known;
    this.#forget(nodeId);
    const agent = createNodeAgent({ nodeId, address }, this.#options);
    const created = { address, agent, calls: new Set<() => void>() };
    this.#known.set(nodeId, created);
    return created;
  }

  #forget(nodeId: string): void {
    const known = this.#known.get(nodeId);
    for (const end of known?.calls ?? []) end();
    known?.agent.destroy();
    this.#known.delete(nodeId);
  }
}

interface Exchange {
  readonly nodeId: string;
  readonly address: string;
  readonly agent: Agent;
  readonly request: Request;
  readonly limits: NodeCallLimits;
  readonly signal: AbortSignal;
}

function exchange({ nodeId, address, agent, request, ...rest }: Exchange): Promise<Response> {
  const { limits, signal } = rest;
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  let isSent = false;
  const fail = (cause: unknown): void => reject(failure({ nodeId, isSent, signal, cause }));
  const outgoing = httpsRequest(`https://${address}`, {
    agent,
    method: request.method,
    path: targetOf(request),
    headers: headersFor(request),
    maxHeaderSize: headerBytesMax,
    signal,
  });
  // From here on the other node may have read the request.
  outgoing.once('socket', () => {
    isSent = true;
  });
  outgoing.on('error', fail);
  // A request that still waits for a connection does not hear of it by itself.
  signal.addEventListener('abort', fail, { once: true });
  outgoing.on('response', (answer) => {
    readAnswer(answer, limits.answerBytesMax).then(
      (body) => resolve(toResponse(answer, request.method, body)),
      fail,
    );
  });
  outgoing.end(request.body);
  return promise;
}

function failure(what: {
  readonly nodeId: string;
  readonly isSent: boolean;
  readonly signal: AbortSignal;
  readonly cause: unknown;
}): LedgerError {
  const { nodeId, isSent, signal, cause } = what;
  const code = isSent ? 'NodeAnswerLost' : 'NodeUnreachable';
  if (cause instanceof LedgerError && cause.code === code) return cause;
  const { code: errno = '-' } = (cause ?? {}) as NodeJS.ErrnoException;
  const reason = signal.aborted ? 'it did not come in time' : `the connection ended (${errno})`;
  const message = isSent
    ? `The answer of a node is lost: ${reason}. The request may have been carried out.`
    : `A node cannot be reached: ${reason}.`;
  return httpError(code, message, { nodeId }, cause);
}

/** As it came; a request that was made here has no such form yet. */
function targetOf({ target, path, query }: Request): string {
  if (target !== undefined) return target;
  const search = new URLSearchParams([...query]).toString();
  const escaped = path.split('/').map(encodeURIComponent).join('/').replaceAll('%3A', ':');
  return search === '' ? escaped : `${escaped}?${search}`;
}

/** They are about one connection, not about the request (RFC 9110, section 7.6.1). */
const connectionHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function headersFor(request: Request): Record<string, string | number> {
  const headers: Record<string, string | number> = {};
  for (const [name, value] of request.headers) {
    if (!connectionHeaders.has(name)) headers[name] = value;
  }
  return { ...headers, 'content-length': request.body.length };
}

async function readAnswer(answer: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early ends the connection.
  for await (const part of answer as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > bytesMax) {
      const message = `The answer of a node is over ${bytesMax} bytes.`;
      throw httpError('NodeAnswerLost', message, { bytesMax });
    }
    parts.push(part);
  }
  return concatBytes(...parts);
}

function toResponse(answer: IncomingMessage, method: string, body: Uint8Array): Response {
  return { status: answer.statusCode ?? 0, headers: headersOf(answer.headers, method), body };
}

function headersOf(received: IncomingHttpHeaders, method: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(received)) {
    // The answer to HEAD says how long the body would be.
    const isKept = !connectionHeaders.has(name) || (name === 'content-length' && method === 'HEAD');
    if (!isKept || name === 'date' || value === undefined) continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}
