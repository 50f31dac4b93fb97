/**
 * What waits to be sent to one node: bounded in messages and bytes. When it is full the oldest go,
 * since Raft says again what still matters.
 */
import { assert } from '@coco/base';

/** Far above what Raft has on the way to a peer (64 appends) with answers and bodies. */
const messagesMax = 1024;

export class PeerQueue {
  readonly #bytesMax: number;
  #waiting: Uint8Array[] = [];
  #bytes = 0;

  /** @param bytesMax at least one message of the greatest length */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Returns how many older messages it dropped. */
  push(message: Uint8Array): number {
    assert(message.length <= this.#bytesMax, 'a message fits the queue');
    this.#waiting.push(message);
    this.#bytes += message.length;
    let dropped = 0;
    for (; this.#bytes > this.#bytesMax || this.#waiting.length > messagesMax; dropped++) {
      this.shift();
    }
    return dropped;
  }

  shift(): Uint8Array | undefined {
    const message = this.#waiting.shift();
    this.#bytes -= message?.length ?? 0;
    return message;
  }

  /** Returns how many messages it dropped. */
  clear(): number {
    const dropped = this.#waiting.length;
    this.#waiting = [];
    this.#bytes = 0;
    return dropped;
  }
}
