/**
 * Append messages whose bodies have not all come, per peer and in order: stepping a later one
 * first would make Raft refuse it and send everything again. Bounded in count and bytes; what
 * waits too long is forgotten, for Raft sends it anew.
 */
import { toHex } from '@coco/base';
import type { Handle } from './handle.ts';
import type { ReplicaLimits } from './limits.ts';

export interface HeldMessage {
  /** The term that the message was sent in. */
  readonly term: number;
  readonly message: Uint8Array;
  /** Bodies that are here, by digest in hex. */
  readonly bodies: Map<string, Uint8Array>;
  /** What is missing, by digest in hex. */
  readonly missing: Map<string, Handle>;
}

interface Queue {
  readonly messages: HeldMessage[];
  ticks: number;
}

export type HeldLimits = Pick<
  ReplicaLimits,
  'heldMessagesMax' | 'heldTicksMax' | 'fetchRetryTicks' | 'stagedBytesMax'
>;

export interface FetchOrder {
  readonly to: number;
  readonly handles: readonly Handle[];
}

export class HeldMessages {
  readonly #limits: HeldLimits;
  readonly #queues = new Map<number, Queue>();

  constructor(limits: HeldLimits) {
    this.#limits = limits;
  }

  hasAny(peer: number): boolean {
    return this.#queues.has(peer);
  }

  /**
   * Forgets what the peer sent in earlier terms: Raft would refuse it, and its bodies may be gone
   * for ever, so it would only keep later messages waiting.
   */
  dropBefore(peer: number, term: number): void {
    const last = this.#queues.get(peer)?.messages.at(-1);
    if (last && last.term < term) this.#queues.delete(peer);
  }

  /** Bytes of bodies that wait beside held messages, of all peers. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { messages } of this.#queues.values()) {
      for (const held of messages) for (const body of held.bodies.values()) bytes += body.length;
    }
    return bytes;
  }

  /** False when there is no room: the message is dropped. */
  hold(peer: number, held: HeldMessage): boolean {
    const queue = this.#queues.get(peer) ?? { messages: [], ticks: 0 };
    if (queue.messages.length >= this.#limits.heldMessagesMax) return false;
    let bytes = this.heldBytes;
    for (const body of held.bodies.values()) bytes += body.length;
    if (bytes > this.#limits.stagedBytesMax) return false;
    queue.messages.push(held);
    this.#queues.set(peer, queue);
    return true;
  }

  /** Gives a verified body to every message of the peer that waits for it; false if none does. */
  supply(peer: number, handle: Handle, body: Uint8Array): boolean {
    const key = toHex(handle.digest);
    let isWanted = false;
    for (const held of this.#queues.get(peer)?.messages ?? []) {
      if (!held.missing.delete(key)) continue;
      held.bodies.set(key, body);
      isWanted = true;
    }
    return isWanted;
  }

  /** The handle that a body of this digest would satisfy. */
  wanted(peer: number, digestHex: string): Handle | undefined {
    for (const held of this.#queues.get(peer)?.messages ?? []) {
      const handle = held.missing.get(digestHex);
      if (handle) return handle;
    }
    return undefined;
  }

  /** Takes out the messages, from the first, that have all their bodies. */
  takeComplete(peer: number): readonly HeldMessage[] {
    const queue = this.#queues.get(peer);
    if (!queue) return [];
    const firstIncomplete = queue.messages.findIndex((held) => held.missing.size > 0);
    const count = firstIncomplete < 0 ? queue.messages.length : firstIncomplete;
    if (count > 0) queue.ticks = 0;
    const complete = queue.messages.splice(0, count);
    if (queue.messages.length === 0) this.#queues.delete(peer);
    return complete;
  }

  /** What the peer's first message still misses. */
  missingOf(peer: number): readonly Handle[] {
    const first = this.#queues.get(peer)?.messages[0];
    return first ? [...first.missing.values()] : [];
  }

  /** Forgets what waited too long; returns what to ask for again. */
  tick(): readonly FetchOrder[] {
    const orders: FetchOrder[] = [];
    for (const [peer, queue] of this.#queues) {
      queue.ticks += 1;
      if (queue.ticks > this.#limits.heldTicksMax) this.#queues.delete(peer);
      else if (queue.ticks % this.#limits.fetchRetryTicks === 0) {
        orders.push({ to: peer, handles: this.missingOf(peer) });
      }
    }
    return orders;
  }
}
