/**
 * The links between nodes: messages take time, overtake each other, come twice, get lost, lose
 * bytes of a body, and do not pass where a link is cut, in one direction or both. Every message
 * goes through the codec that it goes through in production.
 */
import {
  defaultLimits,
  encodePeerMessage,
  type NodeId,
  type PeerMessage,
  parsePeerMessage,
} from '@coco/consensus';
import { type Agenda, nobody } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { FaultCounts } from './fault-counts.ts';

/** How bad the links are at present, in per cent of messages. */
export interface Weather {
  readonly dropPercent: number;
  readonly doublePercent: number;
  readonly delayPercent: number;
  readonly corruptPercent: number;
}

export const calm: Weather = {
  dropPercent: 0,
  doublePercent: 0,
  delayPercent: 0,
  corruptPercent: 0,
};

const transitMs = { low: 0.1, high: 2 };
/** A message that is delayed may overtake, or be overtaken by, many others. */
const delayedMsMax = 400;

export interface Receiver {
  /** What its beats would say: it should not take office. */
  readonly isShort: boolean;
  step(from: NodeId, message: PeerMessage, isIntact: boolean): void;
  unreachable(peer: NodeId): void;
}

export class SimulatedNetwork {
  weather: Weather = calm;
  /** Directed links that pass nothing: `from>to`. */
  readonly cut: Set<string> = new Set();
  readonly receivers: Map<NodeId, Receiver> = new Map();
  /** Whom each node's channel knows: nothing passes between two of which one does not. */
  readonly #known = new Map<NodeId, ReadonlySet<NodeId>>();
  /** What is sent in one does not arrive in another. */
  #era = 0;
  /** The newest message of each link that has arrived, by the order of sending. */
  readonly #arrived = new Map<string, number>();
  #sentCount = 0;
  readonly #agenda: Agenda;
  readonly #chance: Chance;
  readonly #counts: FaultCounts;
  readonly #onBytes: (bytes: Uint8Array) => void;

  constructor(parts: {
    readonly agenda: Agenda;
    readonly chance: Chance;
    readonly counts: FaultCounts;
    /** Sees everything that is sent, for the digest of the run. */
    readonly onBytes: (bytes: Uint8Array) => void;
  }) {
    this.#agenda = parts.agenda;
    this.#chance = parts.chance;
    this.#counts = parts.counts;
    this.#onBytes = parts.onBytes;
  }

  /** The other nodes that a node speaks with from now on. */
  setPeers(id: NodeId, peers: readonly NodeId[]): void {
    this.#known.set(id, new Set(peers));
  }

  /** Whether there is a link, as far as the ends go. */
  isLinked(one: NodeId, other: NodeId): boolean {
    const knows = (id: NodeId, peer: NodeId): boolean => this.#known.get(id)?.has(peer) ?? false;
    return knows(one, other) && knows(other, one);
  }

  /** Whether bytes pass now. */
  passes(from: NodeId, to: NodeId): boolean {
    return this.receivers.has(to) && !this.cut.has(`${from}>${to}`);
  }

  send(from: NodeId, to: NodeId, message: PeerMessage): void {
    if (!this.isLinked(from, to)) return;
    const { dropPercent, doublePercent } = this.weather;
    const [sent, isIntact] = this.#damage(message);
    const bytes = encodePeerMessage(sent).slice();
    this.#onBytes(bytes);
    if (this.#chance.percent(dropPercent)) {
      this.#counts.add('drop');
      return;
    }
    if (this.#chance.percent(doublePercent)) {
      this.#counts.add('duplicate');
      this.#transmit({ from, to, bytes, isIntact });
    }
    this.#transmit({ from, to, bytes, isIntact });
  }

  /** All nodes are gone, and what was on its way. */
  reset(): void {
    this.heal();
    this.receivers.clear();
    this.#known.clear();
    this.#era++;
  }

  /** Cuts the links from one group to another, one way. */
  block(from: readonly NodeId[], to: readonly NodeId[]): void {
    for (const source of from) for (const target of to) this.cut.add(`${source}>${target}`);
  }

  heal(): void {
    this.cut.clear();
  }

  #transmit(parcel: {
    readonly from: NodeId;
    readonly to: NodeId;
    readonly bytes: Uint8Array;
    readonly isIntact: boolean;
  }): void {
    const isDelayed = this.#chance.percent(this.weather.delayPercent);
    if (isDelayed) this.#counts.add('delay');
    const delay = this.#chance.between(transitMs.low, isDelayed ? delayedMsMax : transitMs.high);
    const [era, order] = [this.#era, this.#sentCount++];
    this.#agenda.after(delay, nobody, () => {
      const { from, to, bytes, isIntact } = parcel;
      if (era !== this.#era) return;
      this.#noteOrder(`${from}>${to}`, order);
      const receiver = this.receivers.get(to);
      if (!receiver || !this.passes(from, to)) {
        this.#counts.add('blocked message');
        this.receivers.get(from)?.unreachable(to);
        return;
      }
      // It may have been cut off on the way.
      if (!this.isLinked(from, to)) return;
      receiver.step(from, parsePeerMessage(bytes, defaultLimits), isIntact);
    });
  }

  #noteOrder(link: string, order: number): void {
    const newest = this.#arrived.get(link) ?? 0;
    if (order < newest) this.#counts.add('reorder');
    this.#arrived.set(link, Math.max(newest, order));
  }

  /** A body with another bit, as a host might send it: the handle is in Raft's own message. */
  #damage(message: PeerMessage): [PeerMessage, boolean] {
    if (!('bodies' in message) || message.bodies.length === 0) return [message, true];
    if (!this.#chance.percent(this.weather.corruptPercent)) return [message, true];
    this.#counts.add('corrupt body');
    const [first, ...rest] = message.bodies as [Uint8Array, ...Uint8Array[]];
    const body = first.slice();
    const at = this.#chance.below(body.length);
    body[at] = (body[at] as number) ^ (1 << this.#chance.below(8));
    return [{ ...message, bodies: [body, ...rest] }, false];
  }
}
