import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { BugError, SeededRandom } from '@coco/base';
import { encodePeerMessage } from '@coco/consensus';
import { frameHeader } from '../src/peer-frames.ts';
import { createPeerKey, raft, TestNetwork, textOf } from './peer-harness.ts';

let network: TestNetwork;
beforeEach(() => {
  network = new TestNetwork();
});
afterEach(() => network.stop());

describe('the peer channel', () => {
  test('carries messages both ways, whole and in order', async () => {
    const [one, two] = await network.openPair();
    for (let at = 0; at < 50; at++) one.channel.send(2, raft(`to two ${at}`, at * 1000));
    two.channel.send(1, raft('to one'));
    two.channel.send(1, { kind: 'bodies', bodies: [new Uint8Array(3 << 20)] });
    await two.until(() => two.received.length === 50);
    assert.deepEqual(
      two.received.map(textOf),
      Array.from({ length: 50 }, (_, at) => `to two ${at}`),
    );
    assert.deepEqual(two.received[49], { from: 1, message: raft('to two 49', 49_000) });
    await one.until(() => one.received.length === 2);
    assert.deepEqual(one.received.map(textOf), ['to one', 'bodies']);
    assert.deepEqual([...one.channel.measures().keys()], [2]);
    assert.equal(one.channel.measures().get(2)?.dropped, 0);
  });

  test('carries the longest message that a replica makes', async () => {
    const [one, two] = await network.openPair();
    const body = new Uint8Array(16 << 20).fill(9);
    const message = { kind: 'raft', message: new Uint8Array(1 << 20), bodies: [body] } as const;
    one.channel.send(2, message);
    await two.until(() => two.received.length === 1);
    assert.deepEqual(two.received[0]?.message, message);
  });

  test('does not serve a node whose key it was not told of', async () => {
    const [one, stranger] = [await network.openPeer(1), await network.openPeer(3)];
    stranger.channel.setPeers([one.asPeer]);
    await one.until(() => one.codes('refused').length > 0);
    await stranger.until(() => stranger.codes('lost').length > 0);
    assert.deepEqual(one.codes('refused'), ['PeerNotTrusted']);
    assert.deepEqual(stranger.codes('lost'), ['PeerRefused']);
    assert.equal(stranger.upCount(1), 0);
    assert.deepEqual(one.received, []);
  });

  test('does not speak to a node that shows another key than its own', async () => {
    const [one, other] = [await network.openPeer(1), await network.openPeer(2)];
    const { id: keyId } = await createPeerKey();
    one.channel.setPeers([{ ...other.asPeer, keyId }]);
    await one.until(() => one.codes('lost').length > 0);
    assert.deepEqual(one.codes('lost'), ['PeerNotTrusted']);
    one.channel.send(2, raft('a secret'));
    await one.until(() => one.unreachable.length > 0);
    assert.deepEqual(other.received, []);
  });

  test('does not take itself for another node', async () => {
    const one = await network.openPeer(1);
    const { id: keyId } = await createPeerKey();
    one.channel.setPeers([{ id: 2, keyId, host: '127.0.0.1', port: one.port }]);
    await one.until(() => one.codes('lost').length > 0 && one.codes('refused').length > 0);
    assert.deepEqual(one.codes('lost'), ['PeerNotTrusted']);
    assert.equal(one.upCount(2), 0);
  });

  test('refuses a client without a certificate, without TLS, or of another protocol', async () => {
    const { victim, key } = await network.openHostile();
    const plain = createConnection({ host: '127.0.0.1', port: victim.port });
    plain.on('error', () => {});
    plain.write('GET / HTTP/1.1\r\n\r\n');
    await once(plain, 'close');
    const nameless = connect({
      host: '127.0.0.1',
      port: victim.port,
      rejectUnauthorized: false,
      ALPNProtocols: ['coco-peer/1'],
    });
    nameless.on('error', () => {});
    await once(nameless, 'close');
    await once(await network.dial(victim.port, key, []), 'close');
    await victim.until(() => victim.codes('refused').length === 3);
    const codes = ['PeerHandshakeFailed', 'PeerNotTrusted', 'PeerProtocolUnknown'];
    assert.deepEqual(victim.codes('refused'), codes);
  });

  test('does not take a server of another protocol for a node', async () => {
    const one = await network.openPeer(1);
    await network.serveAs(one, () => {}, []);
    await one.until(() => one.codes('lost').length > 0);
    assert.deepEqual(one.codes('lost'), ['PeerProtocolUnknown']);
  });

  test('strangers that begin handshakes and wait do not keep nodes out', async () => {
    const { victim, key } = await network.openHostile();
    const strangers: Socket[] = [];
    for (let at = 0; at < 70; at++) {
      const socket = createConnection({ host: '127.0.0.1', port: victim.port });
      socket.on('error', () => {});
      strangers.push(socket);
      network.add({ stop: () => socket.destroy() });
      await once(socket, 'connect');
    }
    await victim.until(() => victim.codes('refused').length >= 6);
    assert.equal(victim.codes('refused')[0], 'PeerHandshakeFailed');
    const socket = await network.dial(victim.port, key);
    const [welcome] = await once(socket, 'data');
    assert.deepEqual(Buffer.from(frameHeader(0)), welcome);
  });

  for (const [what, tamper] of [
    [
      'changes',
      (chunk: Buffer) => [Buffer.from(chunk.map((byte, at) => (at === 9 ? byte ^ 1 : byte)))],
    ],
    ['repeats', (chunk: Buffer) => [chunk, chunk]],
    ['leaves out', (chunk: Buffer) => [chunk.subarray(0, 7), chunk.subarray(8)]],
    ['forges', (chunk: Buffer) => [Buffer.alloc(chunk.length, 0x17), chunk]],
  ] as const) {
    test(`a host that ${what} bytes ends a connection, and nothing of it is heard`, async () => {
      const [one, two] = [await network.openPeer(1), await network.openPeer(2)];
      let isTampering = false;
      const relay = (chunk: Buffer) => (isTampering ? tamper(chunk) : [chunk]);
      const port = await network.relay(two.port, relay);
      two.channel.setPeers([one.asPeer]);
      one.channel.setPeers([{ ...two.asPeer, port }]);
      await one.untilUp(2);
      isTampering = true;
      one.channel.send(2, raft('pay 1'));
      // A record that lacks a byte is found out when the next one comes.
      network.clock.advance(1_000);
      await one.until(() => one.codes('lost').length > 0);
      await two.until(() => two.codes('left').length > 0);
      assert.deepEqual(two.codes('left'), ['PeerLost']);
      // Repeated bytes come behind the message that they repeat: it is heard once.
      assert.deepEqual(two.received.map(textOf), what === 'repeats' ? ['pay 1'] : []);
      isTampering = false;
      network.clock.advance(1_000);
      await one.untilUp(2, 2);
      one.channel.send(2, raft('pay 2'));
      await two.until(() => two.received.some((one) => textOf(one) === 'pay 2'));
    });
  }

  test('ends the connection of a node that announces too long a frame', async () => {
    const { victim, socket } = await network.openHostile();
    socket.write(frameHeader(0xffff_ffff));
    await victim.until(() => victim.codes('left').length > 0);
    assert.deepEqual(victim.codes('left'), ['PeerFrameTooLong']);
    await once(socket, 'close');
  });

  test('ends the connection of a node whose frame is no message', async () => {
    const { victim, socket } = await network.openHostile();
    socket.write(Buffer.concat([frameHeader(3), Buffer.from('abc')]));
    await victim.until(() => victim.codes('left').length > 0);
    assert.deepEqual(victim.codes('left'), ['InvalidPeerMessage']);
    assert.deepEqual(victim.received, []);
  });

  test('ends the connection of a node whose message the replica rejects', async () => {
    const { victim, socket } = await network.openHostile();
    const payload = encodePeerMessage(raft('x'));
    const frame = Buffer.concat([frameHeader(payload.length), payload]);
    victim.verdict = { kind: 'ignore', reason: 'late' };
    socket.write(frame);
    await victim.until(() => victim.received.length === 1);
    assert.deepEqual(victim.codes('left'), []);
    victim.verdict = { kind: 'reject', reason: 'against the protocol' };
    socket.write(Buffer.concat([frame, frame]));
    await victim.until(() => victim.codes('left').length > 0);
    assert.deepEqual(victim.codes('left'), ['PeerMessageRejected']);
    assert.equal(victim.received.length, 2, 'nothing after a rejected message is heard');
  });

  test('noise and broken frames of a trusted node end its connections, and harm nothing', async () => {
    const { victim, key, socket } = await network.openHostile();
    socket.destroy();
    const random = new SeededRandom(5);
    const below = (max: number): number => {
      const [high = 0, low = 0] = random.bytes(2);
      return ((high << 8) | low) % max;
    };
    const sound = encodePeerMessage(raft('sound', 300));
    const codes = new Set<string>();
    for (let round = 0; round < 40; round++) {
      const hostile = await network.dial(victim.port, key);
      await once(hostile, 'data');
      const ends = victim.codes('left').length;
      const payload = Uint8Array.from(sound);
      // The fields of a message stand at its begin: the lengths, the kind, the counts.
      for (let flips = 1 + below(3); flips > 0; flips--) payload[below(20)] = below(256);
      const cut = payload.subarray(0, below(payload.length + 1));
      const noise = random.bytes(8 + below(2000));
      hostile.write(Buffer.concat([frameHeader(cut.length), cut, noise]));
      await victim.until(() => victim.codes('left').length > ends);
      codes.add(String(victim.codes('left').at(-1)));
    }
    assert.deepEqual([...codes].sort(), ['InvalidPeerMessage', 'PeerFrameTooLong']);
    const honest = await network.dial(victim.port, key);
    const heard = victim.received.length;
    honest.write(Buffer.concat([frameHeader(sound.length), sound]));
    await victim.until(() => victim.received.length > heard);
    assert.deepEqual(victim.received.at(-1), { from: 2, message: raft('sound', 300) });
  });

  test('takes no message on the link that it dialled', async () => {
    const one = await network.openPeer(1);
    const payload = encodePeerMessage(raft('x'));
    await network.serveAs(one, (socket) => {
      socket.write(Buffer.concat([frameHeader(payload.length), payload]));
    });
    await one.until(() => one.codes('lost').length > 0);
    assert.deepEqual(one.codes('lost'), ['PeerMessageRejected']);
    assert.deepEqual(one.received, []);
  });

  test('a removed node is cut off both ways at once, and stays out', async () => {
    const [one, two] = await network.openPair();
    one.channel.setPeers([]);
    two.channel.send(1, raft('too late'));
    one.channel.send(2, raft('not for you'));
    await two.until(() => two.codes('lost').length > 0 && two.codes('left').length > 0);
    network.clock.advance(50);
    await one.until(() => one.codes('refused').includes('PeerNotTrusted'));
    assert.deepEqual([...one.received, ...two.received], []);
    assert.equal(one.channel.measures().size, 0);
  });

  test('the newest connection of a node replaces the older', async () => {
    const { victim, key, socket } = await network.openHostile();
    await once(socket, 'data');
    const newer = await network.dial(victim.port, key);
    await once(socket, 'close');
    const payload = encodePeerMessage(raft('from the newer'));
    newer.write(Buffer.concat([frameHeader(payload.length), payload]));
    await victim.until(() => victim.received.length > 0);
    assert.deepEqual(victim.received.map(textOf), ['from the newer']);
    assert.deepEqual(victim.codes('left'), []);
  });

  test('two nodes are never told of under one id or one key', async () => {
    const [one, two] = await network.openPair();
    const { asPeer } = two;
    assert.throws(() => one.channel.setPeers([asPeer, { ...asPeer, keyId: 'x' }]), BugError);
    assert.throws(() => one.channel.setPeers([asPeer, { ...asPeer, id: 3 }]), BugError);
  });

  test('says whose port it is that is taken', async () => {
    const one = await network.openPeer(1);
    await assert.rejects(network.openPeer(2, undefined, one.port), { code: 'AddressInUse' });
  });
});
