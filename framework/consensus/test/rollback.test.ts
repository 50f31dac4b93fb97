/** Rollback at every in-flight depth: what an isolated leader wrote is cut, no more and no less. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cluster } from './cluster.ts';
import type { TestNode } from './test-node.ts';
import { formatHandle } from './test-node.ts';

const inFlightBatchesMax = 4;

function ledgerOf(node: TestNode): string {
  return node.durable.map(({ handle }) => formatHandle(handle)).join(' ');
}

/** A leader is cut off with `depth` batches in flight, overthrown, and comes back. */
async function overthrow(depth: number, options: { readonly isFlushed: boolean }): Promise<void> {
  const cluster = new Cluster({ seed: depth, limits: { inFlightBatchesMax } });
  cluster.start([1, 2, 3]);
  const old = await cluster.untilLeader();
  await cluster.tick(2);
  const { committedSeqno } = old;
  cluster.isolated.add(old.id);
  old.isDiskHeld = !options.isFlushed;
  for (let count = 0; count < depth; count++) {
    old.propose(old.seal());
    await cluster.settle();
  }
  assert.equal(old.replica.status().inFlight.batches, depth);
  const oldView = old.office?.view ?? 0;
  for (let beat = 0; beat < 100 && (cluster.leader()?.office?.view ?? 0) <= oldView; beat++) {
    await cluster.tick();
  }
  const next = cluster.leader();
  assert.ok(next && next !== old && (next.office?.view ?? 0) > oldView, 'another one leads');
  next.propose(next.seal());
  await cluster.settle();
  cluster.isolated.clear();
  old.isDiskHeld = false;
  old.releaseDisk();
  await cluster.tick(5);
  assert.equal(ledgerOf(old), ledgerOf(next));
  assert.equal(old.committedSeqno, next.committedSeqno);
  const cut = `${old.id} cuts from ${committedSeqno + 1}`;
  assert.ok(cluster.takeLines().includes(cut), `${cut}, at depth ${depth}`);
  // It can lead again and go on from the common ledger.
  next.replica.transferLeadership(old.id);
  await cluster.tick(4);
  assert.ok(old.canExecute, 'the old leader executes again');
  old.propose(old.seal());
  await cluster.tick(2);
  assert.equal(ledgerOf(next), ledgerOf(old));
}

describe('rollback', () => {
  for (const isFlushed of [true, false]) {
    const state = isFlushed ? 'flushed' : 'waiting for the disk';
    it(`cuts 1 to ${inFlightBatchesMax} batches that were ${state}`, async () => {
      for (let depth = 1; depth <= inFlightBatchesMax; depth++)
        await overthrow(depth, { isFlushed });
    });
  }
});
