/**
 * What comes from peers: checks each message, sees to it that every body is here and verified
 * before Raft learns of its batch, asks for what is missing, and answers who asks.
 */
import type { RaftIndex } from '@coco/base';
import { asRaftIndex, LedgerError, toHex } from '@coco/base';
import type { BodyStore } from './body-store.ts';
import { isBodyOf } from './body-store.ts';
import type { NamedBatch } from './check-raft-message.ts';
import { checkRaftMessage, messageTypes } from './check-raft-message.ts';
import { isMember } from './configuration.ts';
import type { Handle } from './handle.ts';
import { digestOf } from './handle.ts';
import type { HeldMessage } from './held-messages.ts';
import { HeldMessages } from './held-messages.ts';
import type { ReplicaLimits } from './limits.ts';
import type { LogTail } from './log-tail.ts';
import type { Membership } from './membership.ts';
import type { PeerMessage } from './peer-message.ts';
import type { IncomingMessage, RaftInstance } from './raft-instance.ts';
import type { ReplicaPorts } from './replica-ports.ts';
import type { Verdict } from './verdict.ts';
import { accepted, ignored, rejected } from './verdict.ts';

export interface InboxParts {
  readonly id: number;
  readonly instance: RaftInstance;
  readonly tail: LogTail;
  readonly bodies: BodyStore;
  readonly limits: ReplicaLimits;
  readonly membership: Membership;
  readonly ports: ReplicaPorts;
  readonly onRemoved: () => void;
}

type Bodies = ReadonlyMap<string, Uint8Array>;

interface Delivery {
  readonly from: number;
  readonly message: Uint8Array;
  readonly bodies: readonly Uint8Array[];
  /** Whether it waited for bodies before: then it does not queue behind others again. */
  readonly isReleased: boolean;
}

interface ReadDelivery extends Delivery {
  readonly term: number;
}

export class Inbox {
  readonly #parts: InboxParts;
  readonly #held: HeldMessages;
  /** Whether new batches are taken; everything else always is. */
  #takesBatches = true;
  /** Peers whose request for bodies is being answered: one at a time bounds memory and reads. */
  readonly #served = new Set<number>();

  constructor(parts: InboxParts) {
    this.#parts = parts;
    this.#held = new HeldMessages(parts.limits);
  }

  takeBatches(isTaking: boolean): void {
    this.#takesBatches = isTaking;
  }

  step(from: number, message: PeerMessage): Verdict {
    switch (message.kind) {
      case 'raft':
        return this.#take({
          from,
          message: message.message,
          bodies: message.bodies,
          isReleased: false,
        });
      case 'bodies':
        return this.#supply(from, message.bodies);
      case 'fetch':
        return this.#serve(from, message.handles);
      case 'removed':
        return this.#learnRemoval(message.raftIndex);
      case 'members':
        return ignored('whom this node speaks with is for its owner');
    }
  }

  /**
   * While nothing can be persisted: bodies are served, and a leader that is not known yet is heard
   * of. Each such message makes Raft hold an answer back, so there is one of them in a view.
   */
  stepStalled(from: number, message: PeerMessage): Verdict {
    if (message.kind === 'fetch') return this.#serve(from, message.handles);
    const isNews = message.kind === 'raft' && this.#isNewLeader(message.message);
    return isNews ? this.step(from, message) : ignored('the disk is full');
  }

  #isNewLeader(message: Uint8Array): boolean {
    if (message.length > this.#parts.limits.messageBytesMax) return false;
    const incoming = this.#inspect(message);
    if (incoming?.type !== messageTypes.heartbeat) return false;
    const { term, leader } = this.#parts.instance.role();
    return incoming.term > term || (incoming.term === term && leader === 0);
  }

  tick(): void {
    for (const order of this.#held.tick()) this.#fetch(order.to, order.handles);
  }

  #take(delivery: Delivery): Verdict {
    const { from, message } = delivery;
    const { id, tail, limits } = this.#parts;
    if (message.length > limits.messageBytesMax) return rejected('the message is too long');
    const incoming = this.#inspect(message);
    if (!incoming) return rejected('the message does not decode');
    const context = { id, from, lastIndex: tail.lastIndex, limits };
    const checked = checkRaftMessage(incoming, context);
    if (!checked.isValid) return rejected(checked.reason);
    this.#tellRemoved(from);
    const supplied = matchBodies(checked.batches, delivery.bodies);
    if (!supplied) return rejected('a body that no entry names');
    if (checked.batches.length === 0) return this.#step();
    return this.#stepWithBodies({ ...delivery, term: incoming.term }, checked.batches, supplied);
  }

  #inspect(message: Uint8Array): IncomingMessage | undefined {
    try {
      return this.#parts.instance.inspect(message);
    } catch (error) {
      // A number beyond the safe integers: no honest peer has one.
      if (error instanceof LedgerError) return undefined;
      throw error;
    }
  }

  #stepWithBodies(
    delivery: ReadDelivery,
    batches: readonly NamedBatch[],
    supplied: Bodies,
  ): Verdict {
    const { tail, bodies } = this.#parts;
    const found = new Map<string, Uint8Array>();
    const missing = new Map<string, Handle>();
    const needed = batches.filter(({ entry }) => !tail.has(entry));
    if (!this.#takesBatches && needed.length > 0) return ignored('the owner is behind');
    let neededBytes = 0;
    for (const { handle } of needed) {
      const key = toHex(handle.digest);
      const body = supplied.get(key) ?? bodies.find(handle);
      neededBytes += handle.bodyBytes;
      if (body) found.set(key, body);
      else missing.set(key, handle);
    }
    const { from, message, term, isReleased } = delivery;
    this.#held.dropBefore(from, term);
    if (missing.size > 0 || (!isReleased && this.#held.hasAny(from))) {
      return this.#hold(from, { message, term, bodies: found, missing });
    }
    if (!bodies.hasRoomFor(neededBytes)) return ignored('no room to stage the bodies');
    for (const { handle } of needed) {
      const body = found.get(toHex(handle.digest));
      if (body) bodies.stage(handle, body);
    }
    return this.#step();
  }

  #step(): Verdict {
    const code = this.#parts.instance.step();
    switch (code) {
      case 'ok':
        return accepted;
      case 'peerNotFound':
        return ignored('the sender is not a member');
      case 'dropped':
        return ignored('Raft dropped the message');
      default:
        return rejected('a message that only a node sends to itself');
    }
  }

  #hold(from: number, held: HeldMessage): Verdict {
    const isFirst = !this.#held.hasAny(from);
    if (!this.#held.hold(from, held)) return ignored('too many messages wait for bodies');
    if (isFirst) this.#fetch(from, this.#held.missingOf(from));
    return accepted;
  }

  /**
   * Who was removed may not have heard of it. Who was not added yet is told the same: it knows a
   * later configuration, or none, and goes by that.
   */
  #tellRemoved(from: number): void {
    const { tail, membership, ports } = this.#parts;
    if (tail.deliveredIndex === 0 || isMember(membership.configuration, from)) return;
    ports.send(from, { kind: 'removed', raftIndex: asRaftIndex(tail.deliveredIndex) });
  }

  /** A configuration later than the last one here, which names this node: it was removed since. */
  #learnRemoval(raftIndex: RaftIndex): Verdict {
    const { id, tail, membership, onRemoved } = this.#parts;
    const isMemberHere = isMember(membership.configuration, id);
    if (!isMemberHere || raftIndex <= tail.deliveredIndex) return ignored('it is older news');
    onRemoved();
    return accepted;
  }

  #fetch(to: number, handles: readonly Handle[]): void {
    if (handles.length > 0) this.#parts.ports.send(to, { kind: 'fetch', handles });
  }

  #supply(from: number, bodies: readonly Uint8Array[]): Verdict {
    let wantedCount = 0;
    for (const body of bodies) {
      const handle = this.#held.wanted(from, toHex(digestOf(body)));
      if (!handle || handle.bodyBytes !== body.length) continue;
      if (this.#held.supply(from, handle, body)) wantedCount += 1;
    }
    if (wantedCount === 0) return ignored('nobody waits for these bodies');
    for (const held of this.#held.takeComplete(from)) {
      const bodiesHere = [...held.bodies.values()];
      this.#take({ from, message: held.message, bodies: bodiesHere, isReleased: true });
    }
    // An answer is bounded in bytes and may be partial: progress was made, so ask for the rest.
    this.#fetch(from, this.#held.missingOf(from));
    return accepted;
  }

  #serve(from: number, handles: readonly Handle[]): Verdict {
    const { membership } = this.#parts;
    // Who is not, or no longer, in the configuration gets nothing of the ledger.
    if (!isMember(membership.configuration, from)) return ignored('the asker is not a member');
    if (handles.length > this.#parts.limits.messageEntriesMax) return rejected('too many handles');
    if (this.#served.has(from)) return ignored('an earlier request is being answered');
    this.#served.add(from);
    void this.#answer(from, handles).finally(() => this.#served.delete(from));
    return accepted;
  }

  async #answer(to: number, handles: readonly Handle[]): Promise<void> {
    const bodies: Uint8Array[] = [];
    let bytes = 0;
    for (const handle of handles) {
      bytes += handle.bodyBytes;
      if (bodies.length > 0 && bytes > this.#parts.limits.messageBodyBytesMax) break;
      const body = await this.#findBody(handle);
      if (body) bodies.push(body);
    }
    if (bodies.length > 0) this.#parts.ports.send(to, { kind: 'bodies', bodies });
  }

  async #findBody(handle: Handle): Promise<Uint8Array | undefined> {
    const inMemory = this.#parts.bodies.find(handle) ?? this.#parts.tail.findBody(handle);
    if (inMemory) return inMemory;
    try {
      const read = await this.#parts.ports.readBody(handle);
      // The files may hold another batch at these seqnos, or the host may have changed them.
      return read && isBodyOf(handle, read) ? read : undefined;
    } catch (error) {
      if (error instanceof LedgerError) return undefined;
      throw error;
    }
  }
}

/** The bodies by digest in hex; undefined when one is not named by the message. */
function matchBodies(
  batches: readonly NamedBatch[],
  bodies: readonly Uint8Array[],
): Bodies | undefined {
  const named = new Map(batches.map(({ handle }) => [toHex(handle.digest), handle]));
  const matched = new Map<string, Uint8Array>();
  for (const body of bodies) {
    const key = toHex(digestOf(body));
    if (named.get(key)?.bodyBytes !== body.length) return undefined;
    matched.set(key, body);
  }
  return matched;
}
