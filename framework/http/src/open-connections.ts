/** The open connections of one server: how many, which wait for an answer, and how they end. */
import { once } from 'node:events';
import type http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { ClientSession } from '@coco/endpoint';

/** How long a stop waits for requests that are being answered. */
const stopGraceMs = 1_000;

export class OpenConnections {
  readonly #server: http.Server | https.Server;
  /** As TCP sees them. */
  readonly #open = new Set<Socket>();
  /** As HTTP sees them: behind TLS, once the handshake is done. */
  readonly #served = new Set<Socket>();
  readonly #answering = new Set<Socket>();
  #peak = 0;
  /** Those that came when the soft limit was reached: they get a refusal and end. */
  readonly #surplus = new WeakSet<Socket>();
  readonly #sessions = new WeakMap<Socket, ClientSession>();

  /** @param softMax connections that are served; those beyond are only told so */
  constructor(server: http.Server | https.Server, softMax: number) {
    this.#server = server;
    const served = server instanceof https.Server ? 'secureConnection' : 'connection';
    server.on('connection', (socket: Socket) => {
      track(this.#open, socket);
      this.#peak = Math.max(this.#peak, this.#open.size);
    });
    server.on(served, (socket: Socket) => {
      if (this.#open.size > softMax) this.#surplus.add(socket);
      track(this.#served, socket);
    });
    server.on('request', (message: http.IncomingMessage, reply: http.ServerResponse) => {
      this.#answering.add(message.socket);
      reply.once('close', () => this.#answering.delete(message.socket));
    });
  }

  get count(): number {
    return this.#open.size;
  }

  /** The most that were open at a time. */
  get peak(): number {
    return this.#peak;
  }

  isSurplus(socket: Socket): boolean {
    return this.#surplus.has(socket);
  }

  /** What is remembered of a connection as long as it is open. */
  sessionOf(socket: Socket): ClientSession {
    const known = this.#sessions.get(socket);
    if (known) return known;
    const session = new ClientSession();
    this.#sessions.set(socket, session);
    return session;
  }

  /** Accepts nothing new, lets running requests end, then closes every connection. */
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
