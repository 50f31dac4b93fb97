/**
 * The node-to-node interface: accepts TLS connections of nodes whose keys are trusted, one a node,
 * welcomes each with a beat, and passes on their frames. Everybody else is cut off unheard.
 */

import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock, LedgerError } from '@coco/base';
import { peersError } from './errors.ts';
import { PeerConnection } from './peer-connection.ts';
import type { Peer } from './peer-link.ts';
import { keyIdOf, type PeerTlsOptions, protocolRefusal } from './peer-tls.ts';

/** Handshakes under way. Beyond, the oldest goes: strangers cannot keep nodes out by waiting. */
const handshakesMax = 64;
const handshakeMsMax = 5_000;

export interface PeerListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: PeerTlsOptions;
  readonly clock: Clock;
  readonly frameBytesMax: number;
  readonly isShort: () => boolean;
  readonly findPeer: (keyId: string) => Peer | undefined;
  /** A LedgerError that it throws ends the connection. */
  readonly onFrame: (peer: Peer, payload: Uint8Array) => void;
  /** A stranger was cut off, or a node's connection to here ended. */
  readonly onRefused: (error: LedgerError) => void;
  readonly onLost: (peer: Peer, error: LedgerError) => void;
}

export class PeerListener {
  readonly #options: PeerListenerOptions;
  readonly #server: Server;
  /** By the other end's address: TCP's sockets and TLS's of one connection share it. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #connections = new Map<string, PeerConnection>();

  private constructor(options: PeerListenerOptions) {
    this.#options = options;
    this.#server = createServer({ ...options.tls, handshakeTimeout: handshakeMsMax });
    this.#server.on('connection', (socket: Socket) => this.#begin(socket));
    this.#server.on('secureConnection', (socket) => this.#accept(socket));
    this.#server.on('tlsClientError', (cause) => {
      const message = 'A connection came to no handshake.';
      this.#options.onRefused(peersError('PeerHandshakeFailed', message, {}, cause));
    });
  }

  /** @throws AddressInUse */
  static async listen(options: PeerListenerOptions): Promise<PeerListener> {
    const listener = new PeerListener(options);
    await listener.#bind();
    return listener;
  }

  /** host:port with the real port. */
  get address(): string {
    const { host } = this.#options;
    const { port } = this.#server.address() as AddressInfo;
    return `${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /** Cuts off the node with this key. */
  cut(keyId: string): void {
    this.#connections.get(keyId)?.close();
    this.#connections.delete(keyId);
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const keyId of [...this.#connections.keys()]) this.cut(keyId);
    for (const socket of this.#handshakes.values()) socket.destroy();
    await closed;
  }

  async #bind(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      // Not once: a connection that cannot be accepted later on must not end the node.
      this.#server.on('error', (cause: NodeJS.ErrnoException) => {
        const message =
          cause.code === 'EADDRINUSE'
            ? `Port ${port} is taken: stop the other program or choose another port.`
            : `The node-to-node interface cannot listen on ${host}:${port}.`;
        reject(peersError('AddressInUse', message, { host, port, reason: cause.code }, cause));
      });
      this.#server.listen({ host, port }, resolve);
    });
  }

  #begin(socket: Socket): void {
    const from = otherEnd(socket);
    this.#handshakes.set(from, socket);
    socket.once('close', () => {
      if (this.#handshakes.get(from) === socket) this.#handshakes.delete(from);
    });
    if (this.#handshakes.size <= handshakesMax) return;
    const [oldest] = this.#handshakes.values();
    oldest?.destroy();
  }

  #accept(socket: TLSSocket): void {
    this.#handshakes.delete(otherEnd(socket));
    // Until it is accepted and after it is cut off nobody else hears of its errors.
    socket.on('error', () => {});
    const keyId = keyIdOf(socket);
    const peer = keyId === undefined ? undefined : this.#options.findPeer(keyId);
    const refusal = peer
      ? protocolRefusal(socket)
      : peersError('PeerNotTrusted', 'The ledger has no trusted node with this key.', { keyId });
    if (refusal) {
      socket.destroy();
      this.#options.onRefused(refusal);
    } else if (peer) {
      this.#serve(peer, socket);
    }
  }

  #serve(peer: Peer, socket: TLSSocket): void {
    const { clock, frameBytesMax, isShort, onFrame, onLost } = this.#options;
    // The newest counts: a node dials again when it has lost what this end still holds open.
    this.cut(peer.keyId);
    const connection = new PeerConnection({
      socket,
      clock,
      frameBytesMax,
      isShort,
      onFrame: (payload) => onFrame(peer, payload),
      onBeat: () => {},
      onDrain: () => {},
      onEnd: (error) => {
        this.#connections.delete(peer.keyId);
        onLost(peer, error);
      },
    });
    this.#connections.set(peer.keyId, connection);
  }
}

function otherEnd(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
