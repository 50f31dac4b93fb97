/**
 * Messages between the replicas of a network: a listener and a link to each other node. Who the
 * others are is told from outside, as the ledger has them; a node that is told of no more is cut
 * off at once, both ways. Messages may be lost, never changed, repeated or reordered on one link.
 */

import { assert, type Clock, type LedgerError, type Random } from '@coco/base';
import {
  defaultLimits,
  encodePeerMessage,
  type NodeId,
  type PeerMessage,
  parsePeerMessage,
  peerMessageBytesMax,
  type Verdict,
} from '@coco/consensus';
import { peersError } from './errors.ts';
import { type LinkMeasures, type Peer, PeerLink } from './peer-link.ts';
import { PeerListener } from './peer-listener.ts';
import { type PeerTlsOptions, peerTlsOptions } from './peer-tls.ts';
import type { TlsIdentity } from './tls-identity.ts';

const frameBytesMax = peerMessageBytesMax(defaultLimits);

/** Where a node listens for others, and as whom. */
export interface PeerListen {
  readonly host: string;
  readonly port: number;
  readonly identity: TlsIdentity;
}

/** What happens on the way to another node, and from it. */
export type PeerEvent =
  | { readonly kind: 'up'; readonly id: NodeId }
  /** The link to the node, or an attempt at one, ended; it is dialled again. */
  | { readonly kind: 'lost'; readonly id: NodeId; readonly error: LedgerError }
  /** The node's own link to here ended. */
  | { readonly kind: 'left'; readonly id: NodeId; readonly error: LedgerError }
  /** Somebody at the interface was cut off. */
  | { readonly kind: 'refused'; readonly error: LedgerError };

export interface PeerChannelOptions {
  readonly listen: PeerListen;
  readonly clock: Clock;
  readonly random: Random;
  /** What this node tells its peers: its disk or its memory is short. */
  readonly isShort?: () => boolean;
  /** A message of an authenticated node. A rejection ends the node's connection. */
  readonly deliver: (from: NodeId, message: PeerMessage) => Verdict;
  /** Messages to the node were lost. */
  readonly onUnreachable: (id: NodeId) => void;
  readonly onEvent: (event: PeerEvent) => void;
}

export class PeerChannel {
  readonly #options: PeerChannelOptions;
  readonly #tls: PeerTlsOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #links = new Map<NodeId, PeerLink>();
  #listener: PeerListener | undefined;

  private constructor(options: PeerChannelOptions) {
    this.#options = options;
    this.#tls = peerTlsOptions(options.listen.identity);
  }

  /** Listens; it knows no other node yet. @throws AddressInUse */
  static async open(options: PeerChannelOptions): Promise<PeerChannel> {
    const channel = new PeerChannel(options);
    const { listen, clock, isShort = () => false, deliver, onEvent } = options;
    channel.#listener = await PeerListener.listen({
      ...listen,
      tls: channel.#tls,
      clock,
      frameBytesMax,
      isShort,
      findPeer: (keyId) => channel.#peers.get(keyId),
      onFrame: ({ id }, payload) => {
        const verdict = deliver(id, parsePeerMessage(payload, defaultLimits));
        if (verdict.kind !== 'reject') return;
        throw peersError('PeerMessageRejected', `A node’s message: ${verdict.reason}.`, { id });
      },
      onRefused: (error) => onEvent({ kind: 'refused', error }),
      onLost: ({ id }, error) => onEvent({ kind: 'left', id, error }),
    });
    return channel;
  }

  /** host:port with the real port. */
  get address(): string | undefined {
    return this.#listener?.address;
  }

  /** The other nodes from now on. Who is not among them is cut off before this returns. */
  setPeers(peers: readonly Peer[]): void {
    assert(new Set(peers.map(({ id }) => id)).size === peers.length, 'ids of nodes are unique');
    assert(new Set(peers.map(({ keyId }) => keyId)).size === peers.length, 'each has its own key');
    for (const old of [...this.#peers.values()]) {
      if (!peers.some((peer) => isSame(peer, old))) this.#remove(old);
    }
    for (const peer of peers) if (!this.#peers.has(peer.keyId)) this.#add(peer);
  }

  /** Sends, or drops: never waits, and keeps the order. Nodes it was not told of get nothing. */
  send(to: NodeId, message: PeerMessage): void {
    this.#links.get(to)?.send(() => encodePeerMessage(message));
  }

  measures(): ReadonlyMap<NodeId, LinkMeasures> {
    return new Map([...this.#links].map(([id, link]) => [id, link.measures()]));
  }

  async stop(): Promise<void> {
    this.setPeers([]);
    await this.#listener?.stop();
  }

  #add(peer: Peer): void {
    const { clock, random, isShort = () => false, onUnreachable, onEvent } = this.#options;
    const { id, keyId } = peer;
    this.#peers.set(keyId, peer);
    const link = new PeerLink({
      peer,
      tls: this.#tls,
      clock,
      random,
      frameBytesMax,
      isShort,
      onUnreachable: () => onUnreachable(id),
      onUp: () => onEvent({ kind: 'up', id }),
      onLost: (error) => onEvent({ kind: 'lost', id, error }),
    });
    this.#links.set(id, link);
  }

  #remove({ id, keyId }: Peer): void {
    this.#peers.delete(keyId);
    this.#links.get(id)?.stop();
    this.#links.delete(id);
    this.#listener?.cut(keyId);
  }
}

function isSame(one: Peer, other: Peer): boolean {
  const { id, keyId, host, port } = other;
  return one.id === id && one.keyId === keyId && one.host === host && one.port === port;
}
