import assert from 'node:assert/strict';
import { test } from 'node:test';
import { present } from '@coco/base';
import type { ReplicaMeasures } from '../src/host-measures.ts';
import { BatchWriter } from './batch-writer.ts';
import { HostNetwork } from './host-network.ts';

const measuresOf = (network: HostNetwork, id: number): ReplicaMeasures =>
  present(network.host(id).measures(), 'it has not ended');

test('a primary tells how far each other node is, and nobody else does', async () => {
  const network = await HostNetwork.start(3);
  const leader = await network.primary();
  const [cut = 0, backup = 0] = network.ids.filter((id) => id !== leader);
  network.cut.add(cut);
  const batches = new BatchWriter(network.viewOf(leader));
  for (const batch of [batches.open(), batches.next(10), batches.next(10)]) {
    network.host(leader).propose(batch);
    await network.beat(1);
  }
  const { role, view, leaderId, peers, flushSeconds } = measuresOf(network, leader);
  assert.deepEqual([role, view, leaderId], ['leader', network.viewOf(leader), leader]);
  const lags = new Map(peers.map(({ id, entries }) => [id, entries]));
  assert.deepEqual([...lags.keys()].sort(), [cut, backup].sort());
  assert.equal(lags.get(backup), 0);
  assert.ok((lags.get(cut) ?? 0) >= 3, 'one entry for each batch that it lacks');
  assert.ok(flushSeconds.count >= 3);
  const behind = measuresOf(network, backup);
  assert.deepEqual([behind.role, behind.leaderId, behind.peers], ['follower', leader, []]);
  await network.stop();
});

test('a node counts its campaigns, and the leaders that it has heard of', async () => {
  const network = await HostNetwork.start(3);
  const first = await network.primary();
  const campaigns = network.ids.map((id) => measuresOf(network, id).elections);
  assert.equal(
    campaigns.reduce((sum, count) => sum + count),
    1,
  );
  network.cut.add(first);
  const next = await network.primary();
  assert.notEqual(next, first);
  assert.ok(measuresOf(network, next).elections >= 1);
  assert.equal(measuresOf(network, next).leaderChanges, 2);
  await network.stop();
  assert.equal(network.host(next).measures(), undefined);
});
