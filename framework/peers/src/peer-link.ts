/**
 * This node's way to one other: dials it, proves its key and checks the other's, waits to be
 * welcomed (the first beat), then sends what is queued. A lost link is dialled again after a
 * jittered, growing delay; until then what is to be sent is dropped, as Raft repeats it.
 */

import { connect, type TLSSocket } from 'node:tls';
import type { Clock, LedgerError, Random } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import { peersError } from './errors.ts';
import type { BeatMeasures } from './peer-beats.ts';
import { PeerConnection } from './peer-connection.ts';
import { PeerQueue } from './peer-queue.ts';
import { keyIdOf, type PeerTlsOptions, protocolRefusal } from './peer-tls.ts';

/** From dialling to the welcome. */
const dialMsMax = 3_000;
const firstRetryMs = 50;
/** Well below the time in which a network is to have a new primary. */
const retryMsMax = 1_000;
/** A link that stood so long was no accident: its next dialling begins without delays. */
const steadyMs = 5_000;
/** Almost two of the longest messages, or hundreds of ordinary ones. */
const queueBytesMax: number = 32 << 20;

const nothingHeard: BeatMeasures = {
  roundTripMs: undefined,
  skewMs: undefined,
  isShort: false,
};

/** Another node, as the ledger has it. */
export interface Peer {
  readonly id: NodeId;
  /** Hex of SHA-256 of its SubjectPublicKeyInfo. */
  readonly keyId: string;
  readonly host: string;
  readonly port: number;
}

export interface PeerLinkOptions {
  readonly peer: Peer;
  readonly tls: PeerTlsOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly frameBytesMax: number;
  readonly isShort: () => boolean;
  /** Messages to the peer were lost; called from the event loop, never from `send`. */
  readonly onUnreachable: () => void;
  readonly onUp: () => void;
  /** The link, or an attempt at one, ended. */
  readonly onLost: (error: LedgerError) => void;
}

/** Counters of one link, and what the peer's beats tell while it stands. */
export interface LinkMeasures extends BeatMeasures {
  readonly isUp: boolean;
  /** An attempt at a link is under way. */
  readonly isDialling: boolean;
  readonly queuedBytes: number;
  readonly dropped: number;
}

export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #queue = new PeerQueue(queueBytesMax);
  /** The attempt or link in being; undefined between two attempts. */
  #socket: TLSSocket | undefined;
  #connection: PeerConnection | undefined;
  /** Monotonic; undefined until the welcome. */
  #upSinceMs: number | undefined;
  #attempts = 0;
  #dropped = 0;
  #isReporting = false;
  #isStopped = false;
  #cancelTimer: () => void = () => {};

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#dial();
  }

  measures(): LinkMeasures {
    const isUp = this.#upSinceMs !== undefined;
    const isDialling = !isUp && this.#socket !== undefined;
    const counts = { queuedBytes: this.#queue.bytes, dropped: this.#dropped };
    return { isUp, isDialling, ...counts, ...(this.#connection?.beats ?? nothingHeard) };
  }

  /** Queues the bytes that `encode` makes, which is not called while the link is down. */
  send(encode: () => Uint8Array): void {
    if (this.#upSinceMs === undefined) {
      this.#drop(1);
      return;
    }
    this.#drop(this.#queue.push(encode()));
    this.#pump();
  }

  stop(): void {
    this.#isStopped = true;
    this.#release();
  }

  #dial(): void {
    const { peer, tls, clock } = this.#options;
    const socket = connect({ host: peer.host, port: peer.port, ...tls });
    this.#socket = socket;
    const lose = (cause?: unknown): void => this.#lose(socket, this.#failure(cause));
    socket.once('secureConnect', () => this.#authenticate(socket));
    socket.on('error', lose);
    socket.on('close', () => lose());
    this.#cancelTimer = clock.setTimer(dialMsMax, () => lose());
  }

  #authenticate(socket: TLSSocket): void {
    const { peer, clock, frameBytesMax, isShort } = this.#options;
    const refusal =
      keyIdOf(socket) === peer.keyId
        ? protocolRefusal(socket)
        : peersError('PeerNotTrusted', 'A node showed another key than its own.', { id: peer.id });
    if (refusal) {
      this.#lose(socket, refusal);
      return;
    }
    this.#connection = new PeerConnection({
      socket,
      clock,
      frameBytesMax,
      isShort,
      onFrame: () => {
        throw peersError('PeerMessageRejected', 'A node sent a message on another’s link.');
      },
      onBeat: () => this.#welcome(),
      onDrain: () => this.#pump(),
      onEnd: (error) => this.#lose(socket, error),
    });
  }

  #welcome(): void {
    if (this.#upSinceMs !== undefined) return;
    this.#cancelTimer();
    this.#upSinceMs = this.#options.clock.monotonicMs();
    this.#options.onUp();
  }

  #pump(): void {
    while (this.#connection?.isFree) {
      const message = this.#queue.shift();
      if (!message) return;
      this.#connection.send(message);
    }
  }

  #failure(cause: unknown): LedgerError {
    const { id } = this.#options.peer;
    if (this.#upSinceMs !== undefined) {
      return peersError('PeerLost', 'The connection to a node ended.', { id }, cause);
    }
    return this.#connection
      ? peersError('PeerRefused', 'A node did not welcome this one.', { id }, cause)
      : peersError('PeerUnreachable', 'A node does not answer.', { id }, cause);
  }

  #lose(socket: TLSSocket, error: LedgerError): void {
    if (this.#socket !== socket || this.#isStopped) return;
    const { clock, onLost } = this.#options;
    const upSinceMs = this.#upSinceMs;
    this.#release();
    if (upSinceMs !== undefined && clock.monotonicMs() - upSinceMs >= steadyMs) this.#attempts = 0;
    this.#cancelTimer = clock.setTimer(this.#retryMs(), () => this.#dial());
    this.#report();
    onLost(error);
  }

  #release(): void {
    this.#cancelTimer();
    this.#connection?.close();
    this.#socket?.destroy();
    this.#connection = undefined;
    this.#socket = undefined;
    this.#upSinceMs = undefined;
    this.#dropped += this.#queue.clear();
  }

  /** Between half of the delay and all of it: nodes that lost each other do not dial in step. */
  #retryMs(): number {
    const delayMs = Math.min(firstRetryMs * 2 ** this.#attempts, retryMsMax);
    if (delayMs < retryMsMax) this.#attempts++;
    const [draw = 0] = this.#options.random.bytes(1);
    return (delayMs / 2) * (1 + draw / 255);
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#dropped += count;
    this.#report();
  }

  /** Raft is told once for all that was lost in one turn, and not from within its own sending. */
  #report(): void {
    if (this.#isReporting) return;
    this.#isReporting = true;
    setImmediate(() => {
      this.#isReporting = false;
      if (!this.#isStopped) this.#options.onUnreachable();
    });
  }
}
