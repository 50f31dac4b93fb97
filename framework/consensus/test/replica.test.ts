/** Reads, membership, compaction and failure, as far as transcripts do not show them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asSeqno, asView, BugError, SeededRandom } from '@coco/base';
import type { ReplicaPorts } from '../src/index.ts';
import { createConfiguration, createHandle, Replica } from '../src/index.ts';
import { Cluster, microtasks } from './cluster.ts';
import { raftModule } from './raft-module.ts';

const digest = new Uint8Array(32);

async function threeNodes(limits = {}): Promise<Cluster> {
  const cluster = new Cluster({ seed: 7, limits });
  cluster.start([1, 2, 3]);
  await cluster.untilLeader();
  await cluster.tick(2);
  return cluster;
}

describe('readIndex', () => {
  it('serves many readers with one round, on leader and backup', async () => {
    const cluster = await threeNodes();
    for (const node of cluster.nodes.values()) {
      cluster.queue = [];
      const reads = Array.from({ length: 50 }, () => node.replica.readIndex());
      await microtasks();
      assert.ok(cluster.queue.length <= 2, 'one round is on its way');
      await cluster.tick(3);
      await Promise.all(reads);
    }
  });

  it('is refused when no quorum answers within the limit', async () => {
    const cluster = await threeNodes({ readTicksMax: 8 });
    const leader = cluster.leader();
    assert.ok(leader);
    cluster.isolated.add(leader.id);
    const read = assert.rejects(leader.replica.readIndex(), { code: 'ReadIndexUnavailable' });
    await cluster.tick(10);
    await read;
  });

  it('is refused when too many wait', async () => {
    const cluster = await threeNodes({ waitingReadersMax: 2 });
    const { replica } = cluster.node(1);
    const reads = [replica.readIndex(), replica.readIndex()];
    await assert.rejects(replica.readIndex(), { code: 'TooManyInFlight' });
    await cluster.tick(3);
    await Promise.all(reads);
  });
});

describe('membership', () => {
  it('allows one change at a time, by an executing leader only', async () => {
    const cluster = await threeNodes();
    const leader = cluster.leader();
    assert.ok(leader);
    const backup = cluster.node(leader.id === 1 ? 2 : 1);
    const add = { kind: 'addLearner', id: 9 } as const;
    await assert.rejects(backup.replica.proposeMembership(add), { code: 'NotLeaderInView' });
    const first = leader.replica.proposeMembership(add);
    const second = leader.replica.proposeMembership({ kind: 'addLearner', id: 10 });
    const refused = assert.rejects(second, { code: 'MembershipPending' });
    await cluster.tick(3);
    await refused;
    assert.deepEqual((await first).learners, [9]);
  });

  it('refuses what does not fit the configuration', async () => {
    const cluster = new Cluster({ seed: 1 });
    cluster.start([1]);
    await cluster.settle();
    const { replica } = cluster.node(1);
    const changes = [
      { kind: 'addLearner', id: 1 },
      { kind: 'promote', id: 5 },
      { kind: 'remove', id: 1 },
      { kind: 'remove', id: 5 },
      { kind: 'replace', added: 5, removed: 1 },
    ] as const;
    for (const change of changes) {
      const outcome = assert.rejects(replica.proposeMembership(change), {
        code: 'InvalidMembershipChange',
      });
      await cluster.settle();
      await outcome;
    }
  });

  it('is dropped with the office of its leader', async () => {
    const cluster = await threeNodes();
    const leader = cluster.leader();
    assert.ok(leader);
    cluster.isolated.add(leader.id);
    const change = leader.replica.proposeMembership({ kind: 'addLearner', id: 9 });
    const dropped = assert.rejects(change, { code: 'MembershipDropped' });
    await cluster.tick(25);
    await dropped;
  });
});

describe('offerSnapshot', () => {
  it('refuses a snapshot of what is not committed', async () => {
    const cluster = await threeNodes();
    const { replica } = cluster.node(1);
    const snapshot = { name: 'snapshot_99', digest };
    const offer = () => replica.offerSnapshot(snapshot, asSeqno(99));
    assert.throws(offer, { code: 'NothingToOffer' });
  });
});

describe('the log', () => {
  it('stays short while a service runs on', async () => {
    const cluster = new Cluster({ seed: 1, limits: { keptEntries: 10 } });
    cluster.start([1]);
    await cluster.settle();
    const node = cluster.node(1);
    for (let count = 0; count < 100; count++) {
      node.propose(node.seal());
      await cluster.settle();
      const { firstIndex, lastIndex } = node.replica.status().raft;
      assert.ok(lastIndex - firstIndex < 20, `${firstIndex} to ${lastIndex}`);
    }
    assert.ok(node.replica.status().raft.firstIndex > 80);
  });
});

describe('transferLeadership', () => {
  it('goes to a voter only, from the leader only', async () => {
    const cluster = await threeNodes();
    const leader = cluster.leader();
    assert.ok(leader);
    const backup = cluster.node(leader.id === 1 ? 2 : 1);
    const fromBackup = () => backup.replica.transferLeadership(leader.id);
    assert.throws(fromBackup, { code: 'NotLeaderInView' });
    assert.throws(() => leader.replica.transferLeadership(9), { code: 'NotVoter' });
    leader.propose(leader.seal());
    const inFlight = () => leader.replica.transferLeadership(backup.id);
    assert.throws(inFlight, { code: 'BatchesInFlight' });
    assert.throws(() => backup.replica.resign(), { code: 'NotLeaderInView' });
  });
});

describe('a failure', () => {
  function replicaWith(ports: Partial<ReplicaPorts>, onFailed: (error: unknown) => void): Replica {
    return new Replica({
      id: 1,
      module: raftModule,
      random: new SeededRandom(1),
      ports: {
        persist: async () => {},
        send: () => {},
        readBody: async () => undefined,
        installSnapshot: async () => {},
        ...ports,
      },
      events: {
        onRole: () => {},
        onCommitted: () => {},
        onConfiguration: () => {},
        onRemoved: () => {},
        onFailed,
      },
    });
  }

  it('to persist stops the replica before anything is delivered', async () => {
    const failures: unknown[] = [];
    const fault = new TypeError('the disk is gone');
    const replica = replicaWith({ persist: () => Promise.reject(fault) }, (error) =>
      failures.push(error),
    );
    const view = asView(2);
    replica.start({ configuration: createConfiguration([1]), view, seqno: asSeqno(0) });
    await microtasks();
    const body = new Uint8Array([1]);
    const place = { kind: 'genesis', view, firstSeqno: asSeqno(1), entryCount: 1 } as const;
    replica.propose(createHandle(place, body), body);
    await microtasks();
    assert.equal(failures.length, 1);
    assert.ok(failures[0] instanceof Error && failures[0].cause === fault);
    assert.equal((failures[0] as { code?: string }).code, 'PersistFailed');
    assert.throws(() => replica.status(), { code: 'ReplicaStopped' });
  });

  it('inside the module is a bug, and the replica refuses everything afterwards', async () => {
    const failures: unknown[] = [];
    const replica = replicaWith({}, (error) => failures.push(error));
    // Raft's own configuration check: no id 0.
    const zero = new Replica({
      id: 0,
      module: raftModule,
      random: new SeededRandom(1),
      ports: {
        persist: async () => {},
        send: () => {},
        readBody: async () => undefined,
        installSnapshot: async () => {},
      },
      events: {
        onRole: () => {},
        onCommitted: () => {},
        onConfiguration: () => {},
        onRemoved: () => {},
        onFailed: () => {},
      },
    });
    const start = { configuration: createConfiguration([1]), view: asView(2), seqno: asSeqno(0) };
    assert.throws(() => zero.start(start), BugError);
    assert.throws(() => zero.status());
    replica.start(start);
    await microtasks();
    assert.equal(failures.length, 0);
  });
});
