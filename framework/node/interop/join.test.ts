/** Nodes that join a network by the votes of its members, or do not, and one that is removed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { utf8Decode } from '@coco/base';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';

type Json = Record<string, unknown>;

async function state(node: TestNode): Promise<Json> {
  const network = await node.ask('/node/state', { isUnverified: true });
  return network.json as Json;
}

describe('a node that joins an open service', () => {
  let network: TestNetwork;
  let first: TestNode;
  before(async () => {
    network = await TestNetwork.create();
    first = await network.start();
    await network.openService();
  });
  after(() => network.remove());

  async function rowOf(id: string): Promise<Json | undefined> {
    const { json } = await first.ask('/node/network/nodes');
    return (json as { nodes: Json[] }).nodes.find(({ node_id }) => node_id === id);
  }

  test('is Pending with its real addresses, and serves nothing', async () => {
    const node = await network.join();
    const { fields } = await node.untilLogged('join.pending');
    assert.equal(fields.node, node.id);
    const row = await rowOf(node.id);
    assert.equal(row?.status, 'Pending');
    const interfaces = row?.rpc_interfaces as Record<string, Json>;
    assert.equal(interfaces.main?.published_address, node.address);
    const { state: named, node_id } = await state(node);
    assert.deepEqual([named, node_id], ['Pending', node.id]);
    for (const path of ['/node/network', '/node/snapshot', '/app/notes/a', '/gov/service/info']) {
      const answer = await node.ask(path, { isUnverified: true });
      assert.equal(answer.status, 503, path);
      assert.match(utf8Decode(answer.bytes), /NodeCannotHandleRequest/);
    }
    await node.stop();
    await network.retire(node);
    assert.equal(await rowOf(node.id), undefined);
  });

  test('is a voter that holds the same ledger when the members trust it', async () => {
    const node = await network.join();
    await network.trust(node);
    await node.untilServing();
    await first.untilLogged('consensus.configuration', { voters: 2, learners: 0 });
    const note = { method: 'POST', body: new Uint8Array(9) };
    const { json } = await first.ask('/app/notes/shared', note);
    const id = String((json as Json).transactionId);
    for (const each of network.running) await each.untilCommitted(id);
    assert.deepEqual((await node.ask('/app/notes/shared')).bytes, Buffer.alloc(9));
    await network.assertLedgersAgree();
    const { state: named } = await state(node);
    assert.equal(named, 'PartOfNetwork');
    // Its vote is needed from here on: it stays until the end.
  });

  test('ends when the members remove it, and may not come back under its key', async () => {
    const node = await network.join();
    await node.untilLogged('join.pending');
    await network.retire(node);
    const failure = await node.untilFailed();
    assert.equal(failure.code, 'JoinRefused');
    assert.match(failure.message, /not in expected state \(removed\)/);
    await node.stop();
  });

  test('ends with the reason when its code is not what the members accept', async () => {
    const { length } = first.events;
    const other = await network.join({ measurement: '33'.repeat(32) });
    const failure = await other.untilFailed();
    assert.deepEqual(failure, {
      code: 'JoinRefused',
      message: 'The network refuses this node: Quote does not contain known enclave measurement',
    });
    const { fields } = await first.untilLogged('join.refused', { code: 'InvalidQuote' }, length);
    assert.equal(fields.reason, 'Quote does not contain known enclave measurement');
    await other.stop();
    const host = await network.join({ hostData: '44'.repeat(32) });
    assert.match((await host.untilFailed()).message, /Quote host data is not authorised/);
    await host.stop();
  });

  test('is refused with the address of a node that is there', async () => {
    const node = await network.join();
    await node.untilLogged('join.pending');
    const taken = await network.join({
      configure: (configuration) => {
        const { network: part } = configuration as { network: Json };
        const published_address = node.peerAddress;
        part.node_to_node_interface = { bind_address: '127.0.0.1:0', published_address };
      },
    });
    const failure = await taken.untilFailed();
    assert.match(failure.message, /A node with the same published node address .* already exists/);
    await Promise.all([node.stop(), taken.stop()]);
    await network.retire(node);
  });

  test('is nobody without a certificate of its own', async () => {
    const answer = await first.ask('/node/join', { method: 'POST', body: new Uint8Array(0) });
    assert.equal(answer.status, 400);
    const big = await first.ask('/node/join', { method: 'POST', body: new Uint8Array(70_000) });
    assert.equal(big.status, 413);
  });
});

describe('a node that the members remove', () => {
  test('ends with a clear message, and the others go on', async () => {
    const network = await TestNetwork.create();
    try {
      const first = await network.start();
      const second = await network.grow();
      const third = await network.grow();
      await network.openService();
      await network.untilPrimary((node) => {
        const last = node.events.findLast(({ event }) => event === 'consensus.configuration');
        return last?.fields.voters === 3;
      });
      const removed = [first, second, third].find((node) => node !== network.primary);
      assert.ok(removed);
      await network.retire(removed);
      const failure = await removed.untilFailed();
      assert.equal(failure.code, 'NodeRemoved');
      await network.untilPrimary((node) => {
        const last = node.events.findLast(({ event }) => event === 'consensus.configuration');
        return last?.fields.voters === 2;
      });
    } finally {
      await network.remove();
    }
  });
});
