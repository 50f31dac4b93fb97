/** Nodes that speak through peer channels in one process, on real sockets and a clock of ours. */

import { EventEmitter, once } from 'node:events';
import { createConnection, createServer as createTcpServer } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { ManualClock, SeededRandom } from '@coco/base';
import type { NodeId, PeerMessage, Verdict } from '@coco/consensus';
import { createCertificate, SigningKey } from '@coco/crypto';
import { PeerChannel, type PeerEvent } from '../src/peer-channel.ts';
import type { Peer } from '../src/peer-link.ts';

export interface Received {
  readonly from: NodeId;
  readonly message: PeerMessage;
}

export interface PeerKey {
  readonly id: string;
  readonly identity: { readonly certificatePem: string; readonly privateKeyPem: string };
}

export async function createPeerKey(): Promise<PeerKey> {
  const key = SigningKey.generate('P-384');
  const certificatePem = await createCertificate({
    subject: 'node',
    key,
    isAuthority: false,
    // Long expired: only the key counts between nodes.
    notBeforeMs: 0,
    days: 1,
  });
  return { id: key.id, identity: { certificatePem, privateKeyPem: key.privatePem() } };
}

/** One node: its channel, and everything that happened to it. */
export class TestPeer {
  readonly id: NodeId;
  readonly key: PeerKey;
  readonly clock: ManualClock;
  readonly received: Received[] = [];
  readonly events: PeerEvent[] = [];
  readonly unreachable: NodeId[] = [];
  /** What becomes of the next messages. */
  verdict: Verdict = { kind: 'accept' };
  #channel: PeerChannel | undefined;
  readonly #changed = new EventEmitter();

  private constructor(id: NodeId, key: PeerKey, clock: ManualClock) {
    this.id = id;
    this.key = key;
    this.clock = clock;
  }

  static async open(id: NodeId, clock: ManualClock, key?: PeerKey, port = 0): Promise<TestPeer> {
    const peer = new TestPeer(id, key ?? (await createPeerKey()), clock);
    peer.#channel = await PeerChannel.open({
      listen: { host: '127.0.0.1', port, identity: peer.key.identity },
      clock,
      random: new SeededRandom(id),
      deliver: (from, message) => {
        peer.received.push({ from, message });
        peer.#changed.emit('change');
        return peer.verdict;
      },
      onUnreachable: (lost) => {
        peer.unreachable.push(lost);
        peer.#changed.emit('change');
      },
      onEvent: (event) => {
        peer.events.push(event);
        peer.#changed.emit('change');
      },
    });
    return peer;
  }

  get channel(): PeerChannel {
    if (!this.#channel) throw new TypeError('the channel is open');
    return this.#channel;
  }

  get port(): number {
    return Number(this.channel.address?.split(':').at(-1));
  }

  /** This node as others are told of it. */
  get asPeer(): Peer {
    return { id: this.id, keyId: this.key.id, host: '127.0.0.1', port: this.port };
  }

  /** The codes of what went wrong, by kind of event. */
  codes(kind: 'lost' | 'left' | 'refused'): readonly string[] {
    return this.events.flatMap((event) =>
      event.kind !== 'up' && event.kind === kind ? [event.error.code] : [],
    );
  }

  /** Resolves once `isSo`, looking again at each thing that happens here. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await once(this.#changed, 'change');
  }

  upCount(id: NodeId): number {
    return this.events.filter((event) => event.kind === 'up' && event.id === id).length;
  }

  async untilUp(id: NodeId, count = 1): Promise<void> {
    await this.until(() => this.upCount(id) >= count);
  }
}

/** A message whose Raft part is this text. */
export function raft(text: string, bodyBytes = 0): PeerMessage {
  const bodies = bodyBytes > 0 ? [new Uint8Array(bodyBytes).fill(7)] : [];
  return { kind: 'raft', message: new TextEncoder().encode(text), bodies };
}

export function textOf({ message }: Received): string {
  return message.kind === 'raft' ? new TextDecoder().decode(message.message) : message.kind;
}

/** Channels and sockets of one test, on one clock. */
export class TestNetwork {
  readonly clock: ManualClock = new ManualClock(1_000_000);
  readonly #open: { stop(): unknown }[] = [];

  /** Stops it with the network. */
  add(one: { stop(): unknown }): void {
    this.#open.push(one);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#open.map((one) => one.stop()));
  }

  async openPeer(id: number, key?: PeerKey, port?: number): Promise<TestPeer> {
    const peer = await TestPeer.open(id, this.clock, key, port);
    this.add(peer.channel);
    return peer;
  }

  /** Nodes 1 and 2, each with a link to the other. */
  async openPair(): Promise<[TestPeer, TestPeer]> {
    const pair: [TestPeer, TestPeer] = [await this.openPeer(1), await this.openPeer(2)];
    const [one, two] = pair;
    one.channel.setPeers([two.asPeer]);
    two.channel.setPeers([one.asPeer]);
    // Who dialled before the other knew it was refused: the next attempt is welcomed.
    for (const peer of pair) {
      const other = peer === one ? 2 : 1;
      await peer.until(() => peer.events.some(({ kind }) => kind === 'up' || kind === 'lost'));
      if (peer.upCount(other) === 0) this.clock.advance(50);
      await peer.untilUp(other);
    }
    return pair;
  }

  /** Seconds pass; each hears the other's beats in each of them. */
  async standFor(seconds: number, one: TestPeer, two: TestPeer): Promise<void> {
    for (let at = 0; at < seconds; at++) {
      this.clock.advance(1_000);
      const counts = [one.received.length, two.received.length] as const;
      one.channel.send(two.id, raft('after the beat'));
      two.channel.send(one.id, raft('after the beat'));
      await one.until(() => one.received.length > counts[0]);
      await two.until(() => two.received.length > counts[1]);
    }
  }

  /** A TLS client with the key, whose bytes are the test's. */
  async dial(
    port: number,
    key: PeerKey,
    protocols: string[] = ['coco-peer/1'],
  ): Promise<TLSSocket> {
    const { certificatePem: cert, privateKeyPem } = key.identity;
    const socket = connect({
      host: '127.0.0.1',
      port,
      cert,
      key: privateKeyPem,
      rejectUnauthorized: false,
      ...(protocols.length > 0 && { ALPNProtocols: protocols }),
    });
    socket.on('error', () => {});
    this.add({ stop: () => socket.destroy() });
    await once(socket, 'secureConnect');
    return socket;
  }

  /** A TLS server with the key, as node 2 of `one`; `serve` has its connections. */
  async serveAs(
    one: TestPeer,
    serve: (socket: TLSSocket) => void,
    protocols: string[] = ['coco-peer/1'],
  ): Promise<void> {
    const key = await createPeerKey();
    const { certificatePem: cert, privateKeyPem } = key.identity;
    const server = createServer({
      cert,
      key: privateKeyPem,
      requestCert: true,
      rejectUnauthorized: false,
      ...(protocols.length > 0 && { ALPNProtocols: protocols }),
    });
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      serve(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    this.add({ stop: () => server.close() });
    const { port } = server.address() as { port: number };
    one.channel.setPeers([{ id: 2, keyId: key.id, host: '127.0.0.1', port }]);
  }

  /**
   * A host between nodes: passes bytes to `port` on, as `tamper` makes them anew. Returns its own
   * port.
   */
  async relay(port: number, tamper: (chunk: Buffer) => readonly Buffer[]): Promise<number> {
    const server = createTcpServer((near) => {
      const far = createConnection({ host: '127.0.0.1', port });
      near.on('data', (chunk: Buffer) => {
        for (const part of tamper(chunk)) far.write(part);
      });
      far.on('data', (chunk) => near.write(chunk));
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        socket.on('error', () => {});
        socket.on('close', () => other.destroy());
        this.add({ stop: () => socket.destroy() });
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    this.add({ stop: () => server.close() });
    return (server.address() as { port: number }).port;
  }

  /** A node, and a connection to it by one that it trusts and whose bytes are the test's. */
  async openHostile(): Promise<{ victim: TestPeer; key: PeerKey; socket: TLSSocket }> {
    const victim = await this.openPeer(1);
    const key = await createPeerKey();
    // Nobody listens at its address; only its link to here counts.
    victim.channel.setPeers([{ id: 2, keyId: key.id, host: '127.0.0.1', port: 1 }]);
    return { victim, key, socket: await this.dial(victim.port, key) };
  }
}
