/** A replica whose disk has no room: `persist` waits, and to the others it is as if stopped. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { present } from '@coco/base';
import { Cluster } from './cluster.ts';
import type { TestNode } from './test-node.ts';

async function threeNodes(): Promise<{ cluster: Cluster; leader: TestNode; backups: TestNode[] }> {
  const cluster = new Cluster({ seed: 11 });
  cluster.start([1, 2, 3]);
  const leader = await cluster.untilLeader();
  await cluster.tick(2);
  const backups = [...cluster.nodes.values()].filter((node) => node !== leader);
  return { cluster, leader, backups };
}

function fill(node: TestNode): void {
  node.isDiskHeld = true;
  node.replica.stall();
}

function free(node: TestNode): void {
  node.isDiskHeld = false;
  node.releaseDisk();
  node.replica.resume();
}

async function commit(cluster: Cluster, leader: TestNode): Promise<number> {
  leader.propose(leader.seal());
  await cluster.tick(2);
  return leader.committedSeqno;
}

describe('a stalled replica', () => {
  it('acknowledges nothing, lets the others commit, and catches up when there is room', async () => {
    const { cluster, leader, backups } = await threeNodes();
    const full = present(backups[0], 'there are two backups');
    const before = full.durable.length;
    fill(full);
    for (let batch = 0; batch < 5; batch++) await commit(cluster, leader);
    const { committedSeqno } = leader;
    assert.equal(full.durable.length, before);
    assert.ok(full.committedSeqno < committedSeqno, 'it has not heard of what it does not hold');
    free(full);
    await cluster.tick(20);
    assert.equal(full.committedSeqno, committedSeqno);
  });

  it('piles nothing up however long it waits', async () => {
    const { cluster, leader, backups } = await threeNodes();
    const full = present(backups[0], 'there are two backups');
    fill(full);
    await commit(cluster, leader);
    const { stagedBytes } = full.replica.status();
    await cluster.tick(2000);
    assert.equal(full.replica.status().stagedBytes, stagedBytes);
    free(full);
    await cluster.work();
    const sent = cluster.queue.length;
    assert.ok(sent < 10, `${sent} messages were held back`);
    await cluster.tick(20);
    assert.equal(full.committedSeqno, leader.committedSeqno);
  });

  it('hears who leads meanwhile, and casts no vote', async () => {
    const { cluster, leader, backups } = await threeNodes();
    const [full, other] = [present(backups[0], 'two'), present(backups[1], 'two')];
    fill(full);
    await commit(cluster, leader);
    leader.replica.transferLeadership(other.id);
    await cluster.tick(3);
    assert.equal(cluster.leader()?.id, other.id, 'the two others elect');
    assert.equal(full.office?.leaderId, other.id);
    cluster.isolated.add(leader.id);
    await cluster.tick(60);
    assert.equal(other.canExecute, false, 'one of three is no quorum, and the full one is none');
    cluster.isolated.delete(leader.id);
    await cluster.untilLeader();
    free(full);
    const next = present(cluster.leader(), 'somebody leads');
    await commit(cluster, next);
    await cluster.tick(20);
    assert.equal(full.committedSeqno, next.committedSeqno);
  });

  it('that led resigns, and what it could not persist is replaced', async () => {
    const { cluster, leader } = await threeNodes();
    fill(leader);
    leader.propose(leader.seal());
    await cluster.work();
    leader.replica.resign();
    assert.equal(leader.canExecute, false);
    const next = await cluster.untilLeader();
    assert.notEqual(next.id, leader.id);
    await commit(cluster, next);
    free(leader);
    await cluster.tick(20);
    assert.equal(leader.committedSeqno, next.committedSeqno);
    assert.deepEqual(
      leader.durable.map(({ handle }) => handle.digest),
      next.durable.map(({ handle }) => handle.digest),
    );
  });

  it('refuses current reads, unless it is alone', async () => {
    const { cluster, backups } = await threeNodes();
    const full = present(backups[0], 'two');
    const waiting = full.replica.readIndex();
    const refused = assert.rejects(waiting, { code: 'ReadIndexUnavailable' });
    fill(full);
    await refused;
    await assert.rejects(full.replica.readIndex(), { code: 'ReadIndexUnavailable' });
    free(full);
    await cluster.tick();
    const read = full.replica.readIndex();
    await cluster.tick(2);
    await read;
    const alone = new Cluster({ seed: 1 });
    alone.start([1]);
    await alone.settle();
    fill(alone.node(1));
    await alone.node(1).replica.readIndex();
  });
});
