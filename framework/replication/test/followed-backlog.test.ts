import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno, present } from '@coco/base';
import { FollowedBacklog } from '../src/followed-backlog.ts';
import { BatchWriter } from './batch-writer.ts';
import { HostNetwork } from './host-network.ts';

test('a backlog is full above its bound, and has room again when half of it is applied', () => {
  const said: boolean[] = [];
  const backlog = new FollowedBacklog(100, (isFull) => said.push(isFull));
  backlog.handed(asSeqno(5), 60);
  backlog.handed(asSeqno(7), 40);
  assert.deepEqual(said, []);
  backlog.handed(asSeqno(9), 1);
  backlog.handed(asSeqno(12), 50);
  assert.deepEqual([said, backlog.bytes], [[true], 151]);
  backlog.applied(asSeqno(6));
  assert.deepEqual([said, backlog.bytes], [[true], 91]);
  backlog.applied(asSeqno(7));
  assert.deepEqual([said, backlog.bytes], [[true], 51]);
  backlog.applied(asSeqno(9));
  assert.deepEqual([said, backlog.bytes], [[true, false], 50]);
  backlog.applied(asSeqno(12));
  assert.deepEqual([said, backlog.bytes], [[true, false], 0]);
});

describe('a backup whose main thread applies nothing', () => {
  test('holds what its bound allows, answers heartbeats, and catches up when it applies', async () => {
    const bound = 12_000;
    const network = await HostNetwork.start(3, {}, { backlogBytesMax: bound });
    const leader = await network.primary();
    const [slow = 0, other = 0] = network.ids.filter((id) => id !== leader);
    /** Everybody else applies at once. */
    const handed = new Map<number, number>();
    network.onMessage = (id, message) => {
      if (message.kind !== 'followed') return;
      const { firstSeqno, entryCount } = message.batch;
      handed.set(id, asSeqno(firstSeqno + entryCount - 1));
      if (id !== slow) network.host(id).applied(asSeqno(firstSeqno + entryCount - 1));
    };
    const writer = new BatchWriter(network.viewOf(leader));
    network.host(leader).propose(writer.open());
    const view = network.viewOf(leader);
    for (let count = 0; count < 12; count++) {
      network.host(leader).propose(writer.next(5_000));
      await network.beat();
      const backlog = network.host(slow).measures()?.backlogBytes ?? 0;
      assert.ok(backlog <= bound + 20_000, `${backlog} bytes wait`);
    }
    const committed = network.host(leader).status().committedSeqno;
    assert.equal(network.host(other).status().committedSeqno, committed);
    assert.ok(network.host(slow).status().committedSeqno < committed, 'it took no more');
    assert.equal(network.viewOf(slow), view, 'no election came of it');
    assert.equal(
      network
        .host(leader)
        .measures()
        ?.peers.find(({ id }) => id === slow)?.isActive,
      true,
    );
    // It applies again, batch after batch.
    network.onMessage = (id, message) => {
      if (message.kind !== 'followed') return;
      const { firstSeqno, entryCount } = message.batch;
      network.host(id).applied(asSeqno(firstSeqno + entryCount - 1));
    };
    network.host(slow).applied(asSeqno(present(handed.get(slow), 'some were handed over')));
    await network.beat(20);
    assert.equal(network.host(slow).status().committedSeqno, committed);
    assert.equal(network.host(slow).measures()?.backlogBytes, 0);
    await network.stop();
  });
});
