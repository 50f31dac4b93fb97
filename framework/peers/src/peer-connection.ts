/**
 * One authenticated connection between two nodes: frames in both directions, one of them each
 * second a beat (the first is empty), and an end with a code when the other is silent or breaks
 * the framing.
 */

import type { TLSSocket } from 'node:tls';
import { type Clock, LedgerError } from '@coco/base';
import { peersError } from './errors.ts';
import { type BeatMeasures, isBeat, PeerBeats } from './peer-beats.ts';
import { frameHeader, PeerFrames } from './peer-frames.ts';

const beatMs = 1_000;
/** Some beats may be late; a node that is stopped or cut off is noticed within this. */
const silenceMsMax = 5_000;
const welcome = frameHeader(0);

export interface PeerConnectionOptions {
  readonly socket: TLSSocket;
  readonly clock: Clock;
  readonly frameBytesMax: number;
  /** What this node says of itself: its disk or its memory is short. */
  readonly isShort: () => boolean;
  /** A LedgerError that it throws ends the connection. The payload is valid during the call. */
  readonly onFrame: (payload: Uint8Array) => void;
  readonly onBeat: () => void;
  /** The socket takes more again. */
  readonly onDrain: () => void;
  /** Called once, and never after `close`. */
  readonly onEnd: (error: LedgerError) => void;
}

export class PeerConnection {
  readonly #options: PeerConnectionOptions;
  readonly #frames: PeerFrames;
  readonly #beats: PeerBeats;
  #heardMs: number;
  #isEnded = false;
  #cancelBeat: () => void = () => {};

  constructor(options: PeerConnectionOptions) {
    this.#options = options;
    this.#frames = new PeerFrames(options.frameBytesMax);
    this.#beats = new PeerBeats(options.clock, options.isShort);
    this.#heardMs = options.clock.monotonicMs();
    const { socket } = options;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    socket.on('drain', () => options.onDrain());
    socket.on('error', (cause) => this.#end(lost(cause)));
    socket.on('close', () => this.#end(lost()));
    socket.write(welcome);
    this.#beatLater();
  }

  /** False while what was sent before waits in the socket: hold back until `onDrain`. */
  get isFree(): boolean {
    return !this.#options.socket.writableNeedDrain;
  }

  /** What the other's beats have told. */
  get beats(): BeatMeasures {
    return this.#beats.measures;
  }

  send(payload: Uint8Array): void {
    const { socket } = this.#options;
    socket.cork();
    socket.write(frameHeader(payload.length));
    socket.write(payload);
    socket.uncork();
  }

  /** Ends without telling. */
  close(): void {
    this.#isEnded = true;
    this.#cancelBeat();
    this.#options.socket.destroy();
  }

  #end(error: LedgerError): void {
    if (this.#isEnded) return;
    this.close();
    this.#options.onEnd(error);
  }

  #receive(chunk: Uint8Array): void {
    const { clock, onBeat, onFrame } = this.#options;
    this.#heardMs = clock.monotonicMs();
    try {
      for (const payload of this.#frames.push(chunk)) {
        if (this.#isEnded) return;
        if (!isBeat(payload)) onFrame(payload);
        else {
          if (payload.length > 0) this.#beats.hear(payload);
          onBeat();
        }
      }
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.#end(error);
    }
  }

  #beat(): void {
    const { clock } = this.#options;
    const silentMs = clock.monotonicMs() - this.#heardMs;
    if (silentMs > silenceMsMax) {
      this.#end(peersError('PeerSilent', 'A node is silent.', { silentMs: Math.round(silentMs) }));
      return;
    }
    // What waits in the socket is a sign of life in itself.
    if (this.isFree) this.send(this.#beats.next());
    this.#beatLater();
  }

  #beatLater(): void {
    this.#cancelBeat = this.#options.clock.setTimer(beatMs, () => this.#beat());
  }
}

function lost(cause?: unknown): LedgerError {
  return peersError('PeerLost', 'The connection to another node ended.', {}, cause);
}
