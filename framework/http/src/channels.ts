/**
 * The channels of one interface: upgrades requests to WebSocket (RFC 6455) on the port that serves
 * HTTP, counts them, and ends them. Compression is off: it would let a few bytes from a client
 * become many here, and its dictionary cost memory for each client.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { LedgerError } from '@coco/base';
import {
  type Caller,
  type Channel,
  type ChannelHandler,
  errorResponse,
  type Request,
  type Response,
} from '@coco/endpoint';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ByteBudget } from './byte-budget.ts';
import { httpError } from './errors.ts';
import type { ChannelLimits } from './listener-configuration.ts';
import { type CloseCode, OpenChannel } from './open-channel.ts';

/**
 * Each frame of a message, and each piece in which one arrives, costs more than its bytes. (The
 * package's types do not know these options.)
 */
const untypedLimits = {
  maxFragments: 1024,
  maxBufferedChunks: 16 * 1024,
  /** How long the other end may take to answer a close frame. */
  closeTimeout: 2_000,
};
/** Between two beats; a client that is silent for two is gone. */
const beatMs = 30_000;
/** How long a stop waits for the other ends to answer the close frame. */
const stopMsMax = 500;

/** What becomes of a request for a channel. */
export type ChannelOpening =
  | { readonly kind: 'response'; readonly response: Response }
  | {
      readonly kind: 'open';
      /** Who is at the other end now; undefined when the proof holds no more. */
      readonly caller: () => Caller | undefined;
      readonly accept: (channel: Channel) => ChannelHandler;
    };

export interface ChannelsOptions {
  readonly limits: ChannelLimits;
  /** Shared with the requests of the interface. */
  readonly budget: ByteBudget;
  /** @throws LedgerError, which is the answer */
  readonly open: (request: Request) => ChannelOpening;
}

/** Whether a request asks for a WebSocket; any other protocol it offers is ignored (RFC 9110). */
export function asksForChannel({ method, headers }: http.IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

export class Channels {
  readonly #options: ChannelsOptions;
  readonly #server: WebSocketServer;
  readonly #open = new Map<WebSocket, OpenChannel>();
  readonly #beat: NodeJS.Timeout;
  #isStopping = false;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.limits.messageBytesMax,
      ...untypedLimits,
      handleProtocols: () => false,
    });
    this.#beat = setInterval(() => {
      for (const channel of this.#open.values()) channel.beat();
    }, beatMs);
    this.#beat.unref();
  }

  get count(): number {
    return this.#open.size;
  }

  /** Opens the channel that a request asks for, or answers why not. */
  upgrade(request: Request, message: http.IncomingMessage, head: Buffer): void {
    const { socket } = message;
    const { limits, budget, open } = this.#options;
    socket.on('error', () => {});
    try {
      if (this.#isStopping || this.#open.size >= limits.channelsMax) {
        throw httpError(
          'SessionCapExhausted',
          `This interface has ${limits.channelsMax} channels at once; try again shortly.`,
        );
      }
      budget.assertFree();
      const opening = open(request);
      if (opening.kind === 'response') {
        refuseUpgrade(socket, opening.response);
        return;
      }
      this.#server.handleUpgrade(message, socket, head, (webSocket) => {
        const channel = new OpenChannel(webSocket, { ...opening, limits, budget });
        this.#open.set(webSocket, channel);
        webSocket.on('close', () => this.#open.delete(webSocket));
        channel.serve(opening.accept);
      });
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      refuseUpgrade(socket, errorResponse(error));
    }
  }

  /** Ends all that are open now. */
  closeAll(code: CloseCode, reason: string): void {
    for (const channel of this.#open.values()) channel.close(code, reason);
  }

  /** Takes no more and ends all: with a close frame where the other end answers it in time. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#beat);
    this.closeAll(1001, 'The node stops.');
    const closed = Promise.all([...this.#open.keys()].map((socket) => once(socket, 'close')));
    const timer = setTimeout(() => {
      for (const channel of this.#open.values()) channel.terminate();
    }, stopMsMax);
    await closed;
    clearTimeout(timer);
  }
}

/** The connection is no longer HTTP's: the answer is written as it goes over the wire (RFC 9112). */
export function refuseUpgrade(socket: Duplex, response: Response): void {
  const { status, headers, body } = response;
  const lines = Object.entries({
    ...headers,
    'content-length': String(body.length),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`);
  socket.end(body);
}
