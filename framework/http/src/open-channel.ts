/**
 * One open channel over one WebSocket. It bounds what the client may have under way, what it leaves
 * unread and how long it may be silent; what a message means is its handler's.
 *
 * Two kinds of message go to the client. Answers wait for a slow reader: while some are unread no
 * further message is taken up. Notifications cannot wait: a reader that falls behind is ended.
 */
import { LedgerError } from '@coco/base';
import type { Caller, Channel, ChannelCloseCode, ChannelHandler } from '@coco/endpoint';
import type { WebSocket } from 'ws';
import type { ByteBudget } from './byte-budget.ts';
import type { ChannelLimits } from './listener-configuration.ts';

/** While so much is unread, no further message is taken up. */
const unreadBytesEasy = 1024 * 1024;
/** RFC 6455, section 5.5: what a close frame can carry as its reason. */
const reasonBytesMax = 123;

/** Codes of RFC 6455 that this room uses beside those of endpoints. */
export type CloseCode = ChannelCloseCode | 1001;

export class OpenChannel implements Channel {
  readonly #socket: WebSocket;
  readonly #caller: () => Caller | undefined;
  readonly #budget: ByteBudget;
  readonly #limits: ChannelLimits;
  #handler: ChannelHandler | undefined;
  /** Came and not yet taken up. The socket is paused meanwhile, so that one read's worth is most. */
  readonly #waiting: Uint8Array[] = [];
  #underWay = 0;
  /** Given to the socket and not yet taken by the system. */
  #unreadBytes = 0;
  /** Invariant: what this channel holds of the budget. */
  #heldBytes = 0;
  #isEnded = false;
  #wasHeard = true;

  constructor(
    socket: WebSocket,
    place: {
      readonly caller: () => Caller | undefined;
      readonly budget: ByteBudget;
      readonly limits: ChannelLimits;
    },
  ) {
    this.#socket = socket;
    this.#caller = place.caller;
    this.#budget = place.budget;
    this.#limits = place.limits;
  }

  /** Begins to take messages. */
  serve(accept: (channel: Channel) => ChannelHandler): void {
    const socket = this.#socket;
    this.#handler = accept(this);
    socket.on('message', (data: Buffer) => this.#came(data));
    socket.on('pong', () => {
      this.#wasHeard = true;
    });
    // What the protocol forbids ends the socket with its code; the event must have a listener.
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
  }

  caller(): Caller | undefined {
    if (this.#isEnded) return undefined;
    try {
      const caller = this.#caller();
      if (!caller) this.close(1008, 'What you proved when you came holds no more; connect anew.');
      return caller;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.close(1013, error.message);
      return undefined;
    }
  }

  notify(text: string): void {
    if (this.#isEnded) return;
    if (this.#unreadBytes > this.#limits.unreadBytesMax || !this.#hasRoom()) {
      this.close(1008, `More than ${this.#limits.unreadBytesMax} bytes were left unread.`);
      return;
    }
    this.#send(text);
  }

  close(code: CloseCode, reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    // A paused socket would not hear the other end's close frame.
    this.#socket.resume();
    this.#socket.close(code, Buffer.from(reason).subarray(0, reasonBytesMax));
  }

  /** At each beat: a client that answered nothing since the last one is gone. */
  beat(): void {
    if (!this.#wasHeard) {
      this.#socket.terminate();
      return;
    }
    this.#wasHeard = false;
    if (!this.#isEnded) this.#socket.ping();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #came(data: Uint8Array): void {
    this.#wasHeard = true;
    if (this.#isEnded) return;
    if (!this.#hasRoom()) {
      this.close(1013, 'Requests that are under way hold too much memory; try again shortly.');
      return;
    }
    this.#hold(data.length);
    this.#waiting.push(data);
    this.#takeUp();
  }

  /** Takes up what waits, as far as there is room, and lets the client send accordingly. */
  #takeUp(): void {
    const { messagesAtOnceMax } = this.#limits;
    const isBusy = (): boolean =>
      this.#underWay >= messagesAtOnceMax || this.#unreadBytes > unreadBytesEasy;
    while (!this.#isEnded && !isBusy()) {
      const message = this.#waiting.shift();
      if (!message) break;
      void this.#answer(message);
    }
    if (this.#isEnded) return;
    if (isBusy()) this.#socket.pause();
    else this.#socket.resume();
  }

  async #answer(message: Uint8Array): Promise<void> {
    const caller = this.caller();
    if (!caller || !this.#handler) return;
    this.#underWay++;
    const text = await this.#handler.onMessage(message, caller);
    if (text !== undefined && !this.#isEnded) this.#send(text);
    this.#underWay--;
    this.#release(message.length);
    this.#takeUp();
  }

  #send(text: string): void {
    const bytes = Buffer.byteLength(text);
    this.#unreadBytes += bytes;
    this.#hold(bytes);
    this.#socket.send(text, () => {
      this.#unreadBytes -= bytes;
      this.#release(bytes);
      this.#takeUp();
    });
  }

  #hasRoom(): boolean {
    return this.#budget.isFree;
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    this.#budget.hold(bytes);
  }

  /** Nothing is held once the socket has closed, whatever ends later. */
  #release(bytes: number): void {
    const released = Math.min(bytes, this.#heldBytes);
    this.#heldBytes -= released;
    this.#budget.release(released);
  }

  #closed(): void {
    this.#isEnded = true;
    this.#waiting.length = 0;
    this.#release(this.#heldBytes);
    this.#handler?.onClosed();
  }
}
