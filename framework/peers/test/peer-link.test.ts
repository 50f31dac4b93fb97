import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { frameHeader } from '../src/peer-frames.ts';
import { createPeerKey, raft, TestNetwork, textOf } from './peer-harness.ts';

let network: TestNetwork;
beforeEach(() => {
  network = new TestNetwork();
});
afterEach(() => network.stop());

describe('the link to another node', () => {
  test('a node that does not read costs a bounded memory, and loses the oldest', async () => {
    const one = await network.openPeer(1);
    await network.serveAs(one, (deaf) => {
      deaf.pause();
      deaf.write(frameHeader(0));
    });
    await one.untilUp(2);
    let peakBytes = 0;
    for (let at = 0; at < 200; at++) {
      one.channel.send(2, raft(`${at}`, 1 << 20));
      peakBytes = Math.max(peakBytes, one.channel.measures().get(2)?.queuedBytes ?? 0);
    }
    assert.ok(peakBytes <= 32 << 20, `${peakBytes} bytes are queued`);
    const dropped = one.channel.measures().get(2)?.dropped ?? 0;
    assert.ok(dropped >= 160, `${dropped} were dropped`);
    await one.until(() => one.unreachable.length > 0);
    assert.deepEqual(one.unreachable, [2], 'Raft is told once');
    for (let at = 0; at < 2000; at++) one.channel.send(2, raft('small'));
    assert.ok(
      (one.channel.measures().get(2)?.queuedBytes ?? 0) < 1 << 20,
      'counted, not only weighed',
    );
    assert.deepEqual(one.codes('lost'), []);
    network.clock.advance(5_000);
    assert.deepEqual(one.codes('lost'), [], 'a beat may be late');
    network.clock.advance(1_000);
    assert.deepEqual(one.codes('lost'), ['PeerSilent']);
    assert.equal(one.channel.measures().get(2)?.queuedBytes, 0);
  });

  test('a node that falls silent is cut off, one that beats is not', async () => {
    const [one, two] = await network.openPair();
    const { victim, socket } = await network.openHostile();
    await once(socket, 'data');
    await network.standFor(6, one, two);
    await victim.until(() => victim.codes('left').length > 0);
    assert.deepEqual(victim.codes('left'), ['PeerSilent']);
    assert.deepEqual([...one.codes('left'), ...two.codes('left')], []);
  });

  test('a lost link comes back after a delay, and what was to go meanwhile is dropped', async () => {
    const [one, two] = await network.openPair();
    const { port, key } = two;
    await two.channel.stop();
    await one.until(() => one.codes('lost').length > 0);
    assert.equal(one.codes('lost').at(-1), 'PeerLost');
    one.channel.send(2, raft('nobody hears this'));
    await one.until(() => one.unreachable.includes(2));
    const seen = one.codes('lost').length;
    network.clock.advance(50);
    await one.until(() => one.codes('lost').length > seen);
    assert.equal(one.codes('lost').at(-1), 'PeerUnreachable');
    const again = await network.openPeer(2, key, port);
    again.channel.setPeers([one.asPeer]);
    network.clock.advance(1_000);
    await one.untilUp(2, 2);
    one.channel.send(2, raft('back'));
    await again.until(() => again.received.length > 0);
    assert.deepEqual(again.received.map(textOf), ['back']);
  });

  test('dials less and less often, at jittered intervals', async () => {
    const one = await network.openPeer(1);
    const key = await createPeerKey();
    const absent = { id: 2, keyId: key.id, host: '127.0.0.1', port: one.port };
    one.channel.setPeers([absent]);
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 10; attempt++) {
      await one.until(() => one.codes('refused').length === attempt);
      await one.until(() => one.codes('lost').length === attempt);
      const refused = one.codes('refused').length;
      let waitedMs = 0;
      // The next attempt is dialled when a timer of the clock has run.
      while (!one.channel.measures().get(2)?.isDialling) {
        network.clock.advance(1);
        waitedMs++;
      }
      assert.equal(one.codes('refused').length, refused);
      waits.push(waitedMs);
    }
    for (const [at, waitedMs] of waits.entries()) {
      const delayMs = Math.min(50 * 2 ** at, 1_000);
      assert.ok(waitedMs >= delayMs / 2 && waitedMs <= delayMs + 1, `${at}: ${waitedMs} ms`);
    }
    assert.ok(new Set(waits.slice(5)).size > 1, 'the delays are jittered');
  });

  test('dials at once after a link that stood long, not after one that did not', async () => {
    const one = await network.openPeer(1);
    const first = await network.openPeer(2);
    const { asPeer, key, port } = first;
    await first.channel.stop();
    one.channel.setPeers([asPeer]);
    for (let attempt = 1; attempt <= 6; attempt++) {
      await one.until(() => one.codes('lost').length === attempt);
      network.clock.advance(1_000);
    }
    const isDialling = (): boolean => one.channel.measures().get(2)?.isDialling === true;
    const loseAfter = async (seconds: number, upCount: number): Promise<void> => {
      await one.until(() => !isDialling());
      const two = await network.openPeer(2, key, port);
      two.channel.setPeers([one.asPeer]);
      network.clock.advance(1_000);
      await one.untilUp(2, upCount);
      await two.untilUp(1);
      await network.standFor(seconds, one, two);
      const lostCount = one.codes('lost').length;
      await two.channel.stop();
      await one.until(() => one.codes('lost').length > lostCount);
    };
    await loseAfter(1, 1);
    network.clock.advance(499);
    assert.equal(isDialling(), false);
    await loseAfter(6, 2);
    network.clock.advance(50);
    assert.equal(isDialling(), true);
  });

  test('an attempt that gets no answer is given up', async () => {
    const [one, key] = [await network.openPeer(1), await createPeerKey()];
    const silent = createTcpServer((socket) => network.add({ stop: () => socket.destroy() }));
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    network.add({ stop: () => silent.close() });
    const { port } = silent.address() as { port: number };
    one.channel.setPeers([{ id: 2, keyId: key.id, host: '127.0.0.1', port }]);
    network.clock.advance(2_999);
    assert.deepEqual(one.codes('lost'), []);
    network.clock.advance(1);
    assert.deepEqual(one.codes('lost'), ['PeerUnreachable']);
  });
});
