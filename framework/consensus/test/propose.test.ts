/** What a leader may propose, and what becomes of it: design.md 5, rule A and the in-flight bound. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asSeqno, asView, BugError } from '@coco/base';
import type { BatchKind, Handle } from '../src/index.ts';
import { createConfiguration, createHandle, lastSeqnoOf } from '../src/index.ts';
import { Cluster } from './cluster.ts';

const body = new Uint8Array([1, 2, 3]);

function handleAt(kind: BatchKind, view: number, firstSeqno: number, entryCount = 1): Handle {
  const place = { kind, view: asView(view), firstSeqno: asSeqno(firstSeqno), entryCount };
  return createHandle(place, body);
}

async function oneNode(limits = {}): Promise<Cluster> {
  const cluster = new Cluster({ seed: 1, limits });
  cluster.start([1]);
  await cluster.settle();
  return cluster;
}

describe('a view', () => {
  it('is the Raft term, from the first one that the owner asks for', async () => {
    for (const view of [2, 9]) {
      const cluster = new Cluster({ seed: view });
      const node = cluster.add(1);
      node.start(createConfiguration([1]), view, 90);
      await cluster.settle();
      assert.deepEqual(node.replica.status().office, {
        role: 'leader',
        view,
        leaderId: 1,
        canExecute: true,
      });
      assert.equal(node.durable[0]?.handle.view, view);
      assert.equal(node.durable[0]?.handle.firstSeqno, 91);
    }
  });

  it('cannot be one before the first view, and a replica starts once', async () => {
    const node = new Cluster({ seed: 1 }).add(1);
    assert.throws(() => node.start(createConfiguration([1]), 1), BugError);
    const cluster = await oneNode();
    assert.throws(() => cluster.node(1).start(createConfiguration([1]), 2), BugError);
  });
});

describe('propose', () => {
  it('takes a batch only in its place of the view', async () => {
    const cluster = await oneNode();
    const { replica, committedSeqno } = cluster.node(1);
    assert.equal(committedSeqno, 2);
    const refused: readonly [Handle, string][] = [
      [handleAt('batch', 3, 3), 'NotLeaderInView'],
      [handleAt('batch', 2, 2), 'NotExtending'],
      [handleAt('batch', 2, 4), 'NotExtending'],
      [handleAt('genesis', 2, 3), 'NotExtending'],
      [handleAt('opening', 2, 3), 'NotExtending'],
    ];
    for (const [handle, code] of refused) {
      assert.throws(() => replica.propose(handle, body), { code }, handle.kind);
    }
    replica.propose(handleAt('batch', 2, 3), body);
    await cluster.settle();
    assert.equal(cluster.node(1).committedSeqno, 3);
  });

  it('opens a later view with a signature entry alone', async () => {
    const cluster = new Cluster({ seed: 1 });
    const node = cluster.add(1);
    node.opensViews = false;
    node.start(createConfiguration([1]), 2);
    await cluster.settle();
    node.replica.resign();
    await cluster.settle();
    const { replica } = node;
    const wrong = [
      handleAt('batch', 4, 1),
      handleAt('genesis', 4, 1),
      handleAt('opening', 4, 1, 2),
    ];
    for (const handle of wrong) {
      assert.throws(() => replica.propose(handle, body), { code: 'NotExtending' });
    }
    replica.propose(handleAt('opening', 4, 1), body);
    await cluster.settle();
    assert.equal(node.committedSeqno, 1);
  });

  it('refuses a body that is not its handle’s, or too large', async () => {
    const cluster = await oneNode({ bodyBytesMax: 100 });
    const { replica } = cluster.node(1);
    const handle = handleAt('batch', 2, 3);
    const other = new Uint8Array([1, 2, 4]);
    assert.throws(() => replica.propose(handle, other), { code: 'BodyMismatch' });
    assert.throws(() => replica.propose(handle, body.subarray(1)), { code: 'BodyMismatch' });
    const large = new Uint8Array(101);
    assert.throws(() => replica.propose(handle, large), { code: 'BatchTooLarge' });
  });

  it('stops the node when a refused batch comes back changed', async () => {
    const cluster = new Cluster({ seed: 7 });
    cluster.start([1, 2, 3]);
    const leader = await cluster.untilLeader();
    const other = leader.id === 1 ? 2 : 1;
    cluster.isolated.add(other);
    leader.replica.transferLeadership(other);
    const refused = leader.seal();
    const { replica } = leader;
    const again = () => replica.propose(refused.handle, refused.body);
    assert.throws(again, { code: 'ProposalDropped' });
    assert.throws(again, { code: 'ProposalDropped' });
    const changed = leader.seal();
    assert.throws(() => replica.propose(changed.handle, changed.body), BugError);
  });

  it('bounds what is in flight, in batches and in bytes', async () => {
    for (const limits of [{ inFlightBatchesMax: 4 }, { inFlightBytesMax: 4000 }]) {
      const cluster = await oneNode(limits);
      const node = cluster.node(1);
      node.isDiskHeld = true;
      for (let count = 1; count <= 4; count++) node.propose(node.seal(2, 1000));
      await cluster.settle();
      assert.equal(node.replica.status().inFlight.batches, 4);
      const next = node.seal(2, 1000);
      const propose = () => node.replica.propose(next.handle, next.body);
      assert.throws(propose, { code: 'TooManyInFlight' });
      node.isDiskHeld = false;
      node.releaseDisk();
      await cluster.settle();
      assert.deepEqual(node.replica.status().inFlight, { batches: 0, bytes: 0 });
      propose();
      await cluster.settle();
      assert.equal(node.committedSeqno, lastSeqnoOf(next.handle));
    }
  });

  it('bounds what waits for the disk', async () => {
    const cluster = await oneNode({
      bodyBytesMax: 1000,
      messageEntriesMax: 2,
      stagedBytesMax: 2000,
    });
    const node = cluster.node(1);
    node.isDiskHeld = true;
    node.propose(node.seal(2, 1000));
    await cluster.settle();
    node.propose(node.seal(2, 1000));
    node.propose(node.seal(2, 1000));
    const next = node.seal(2, 1000);
    const propose = () => node.replica.propose(next.handle, next.body);
    assert.throws(propose, { code: 'TooManyInFlight' });
  });
});
