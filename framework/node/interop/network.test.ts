/**
 * Whole networks: nodes join one, before and after it is open, and it goes on without its primary.
 * Then the same with a process for each node, killed and stopped by the system.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { utf8Decode, utf8Encode } from '@coco/base';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';

async function write(node: TestNode, name: string): Promise<string> {
  const answer = await node.ask(`/app/notes/${name}`, { method: 'POST', body: utf8Encode(name) });
  assert.equal(answer.status, 200, utf8Decode(answer.bytes));
  return (answer.json as { transactionId: string }).transactionId;
}

describe('a network of nodes', () => {
  let network: TestNetwork;
  let first: TestNode;
  before(async () => {
    network = await TestNetwork.create();
    first = await network.start();
  });
  after(() => network.remove());

  /** Each running node has committed the id, and reads what it wrote. */
  async function everywhere(id: string, name: string): Promise<void> {
    for (const node of network.running) {
      await node.untilCommitted(id);
      assert.equal(utf8Decode((await node.ask(`/app/notes/${name}`)).bytes), name);
    }
  }

  test('a second node is a voter before the service is open', async () => {
    await network.grow();
    await first.untilLogged('consensus.configuration', { voters: 2, learners: 0 });
    await network.openService();
    await everywhere(await write(first, 'two'), 'two');
    await network.assertLedgersAgree();
  });

  test('a third one waits for the members, then is a voter', async () => {
    const third = await network.join();
    await third.untilLogged('join.pending');
    assert.ok(!third.events.some(({ event }) => event === 'node.started'));
    await network.trust(third);
    await third.untilServing();
    await first.untilLogged('consensus.configuration', { voters: 3, learners: 0 });
    await everywhere(await write(first, 'three'), 'three');
    await network.assertLedgersAgree();
  });

  test('goes on without its primary, with everything and everybody', async () => {
    const id = await write(first, 'before');
    await everywhere(id, 'before');
    await first.stop();
    const primary = await network.untilPrimary();
    const after = await write(primary, 'after');
    assert.ok(Number(after.split('.')[0]) > Number(id.split('.')[0]));
    await everywhere(after, 'after');
    // Governance and joining are the new primary's now; a backup points to it.
    const target = network.running.find((node) => node !== primary);
    assert.ok(target);
    const fourth = await network.join({ target });
    await network.retire(first);
    await network.trust(fourth);
    await fourth.untilServing();
    await everywhere(await write(primary, 'four'), 'four');
    await network.assertLedgersAgree();
  });

  test('gives who joins every secret there was, and takes new ones together', async () => {
    const rekey = { name: 'trigger_ledger_rekey' };
    await network.decide([rekey]);
    const primary = network.target;
    await everywhere(await write(primary, 'second-secret'), 'second-secret');
    const fifth = await network.grow();
    await network.decide([rekey]);
    await everywhere(await write(primary, 'third-secret'), 'third-secret');
    for (const name of ['two', 'four', 'second-secret', 'third-secret']) {
      assert.equal(utf8Decode((await fifth.ask(`/app/notes/${name}`)).bytes), name);
    }
    await network.assertLedgersAgree();
  });
});

describe('a network of processes', () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create({ processes: true });
    await network.start();
    await network.grow();
    await network.openService();
    const third = await network.grow();
    const { target } = network;
    await target.untilLogged('consensus.configuration', { voters: 3, learners: 0 });
    assert.ok(third.isRunning);
  });
  after(() => network.remove());

  test('loses nothing when its primary is killed, and takes a new node in its place', async () => {
    const killed = network.target;
    const id = await write(killed, 'killed');
    await killed.untilCommitted(id);
    await killed.kill();
    const primary = await network.untilPrimary();
    await primary.untilServing();
    assert.equal(utf8Decode((await primary.ask('/app/notes/killed')).bytes), 'killed');
    await primary.untilCommitted(await write(primary, 'after'));
    const from = primary.events.length;
    const fresh = await network.join({ target: primary });
    await network.retire(killed);
    await network.trust(fresh);
    await fresh.untilServing();
    const settled = { voters: 3, learners: 0 };
    await primary.untilLogged('consensus.configuration', settled, from);
    const last = await write(primary, 'last');
    for (const node of network.running) await node.untilCommitted(last);
    await network.assertLedgersAgree();
  });
});

describe('the standing permission node_replacement', () => {
  const minuteMs = 60_000;
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create();
    await network.start();
    await network.grow();
    await network.openService();
    await network.grow();
    await network.target.untilLogged('consensus.configuration', { voters: 3, learners: 0 });
    const rules = {
      format: 'coco-rules/1',
      version: 2,
      title: 'With replacement',
      rules: [{ name: 'Every action', actions: ['*'], thresholds: [{ more_than: '1/2' }] }],
      standing_permissions: { node_replacement: { silent_minutes: 10 } },
    };
    await network.decide([{ name: 'set_rules', args: { rules } }]);
  });
  after(() => network.remove());

  test('lets a node take the place of one that is gone for long, and of no other', async () => {
    const primary = network.target;
    const gone = network.running.find((node) => node !== primary);
    assert.ok(gone);
    const nodeToNode = gone.peerAddress;
    await gone.stop();
    await primary.untilLogged('peer.lost');
    const early = await network.join({ target: primary, nodeToNode });
    const { message } = await early.untilFailed();
    assert.match(message, /A node with the same published node address .* already exists/);
    await early.stop();
    network.skewMs += 10 * minuteMs;
    const from = primary.events.length;
    const fresh = await network.join({ target: primary, nodeToNode });
    await fresh.untilServing();
    const { fields } = await primary.untilLogged('join.trusted', {}, from);
    assert.equal(fields.replaced, gone.id);
    const settled = { voters: 3, learners: 0 };
    await primary.untilLogged('consensus.configuration', settled, from);
    const { json } = await primary.ask('/node/network/nodes');
    const { nodes } = json as { nodes: { node_id: string; status: string }[] };
    assert.equal(nodes.find(({ node_id }) => node_id === gone.id)?.status ?? 'gone', 'Retired');
    const id = await write(primary, 'replaced');
    for (const node of network.running) await node.untilCommitted(id);
    await network.assertLedgersAgree();
  });
});
