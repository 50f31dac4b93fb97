/** Replicas of which one has no room on its disk. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno, present } from '@coco/base';
import { BatchWriter } from './batch-writer.ts';
import { HostNetwork } from './host-network.ts';

describe('a replica whose disk is full', () => {
  async function led(count: number) {
    const network = await HostNetwork.start(count);
    const leader = await network.primary();
    const writer = new BatchWriter(network.viewOf(leader));
    network.host(leader).propose(writer.open());
    await network.beat(2);
    return { network, leader, writer };
  }

  const committedOf = (network: HostNetwork, id: number): number =>
    network.host(id).status().committedSeqno;

  test('of a backup acknowledges nothing, and catches up when there is room', async () => {
    const { network, leader, writer } = await led(3);
    const full = present(
      network.ids.find((id) => id !== leader),
      'there are three',
    );
    const disk = network.disk(full);
    disk.spaceBytes = 30;
    for (let count = 0; count < 4; count++) {
      network.host(leader).propose(writer.next(500));
      await network.beat(2);
    }
    const last = committedOf(network, leader);
    assert.equal(last, 5, 'two of three are a majority');
    assert.ok(committedOf(network, full) < last);
    assert.deepEqual(network.levels(full), ['full']);
    const covered = await network
      .host(full)
      .readCovered(asSeqno(1))
      .catch((error) => error.code);
    assert.equal(covered, 'ReceiptUnavailable', 'reads are answered while the write waits');
    disk.spaceBytes = 1_000_000;
    await network.beat(30);
    assert.equal(committedOf(network, full), last);
    await network.stop();
  });

  test('of a primary passes office on, and the batch that was not saved is nobody’s', async () => {
    const { network, leader, writer } = await led(3);
    const disk = network.disk(leader);
    disk.spaceBytes = 30;
    network.host(leader).propose(writer.next(500));
    await network.settle();
    const lost = network.heard(leader).findLast(({ kind }) => kind === 'role');
    assert.equal(lost?.kind === 'role' && lost.canExecute, false);
    const next = await network.primary();
    assert.notEqual(next, leader);
    const onward = new BatchWriter(network.viewOf(next), 2);
    network.host(next).propose(onward.open());
    network.host(next).propose(onward.next(700));
    await network.beat(3);
    disk.spaceBytes = 1_000_000;
    await network.beat(30);
    for (const id of network.ids) assert.equal(committedOf(network, id), 3);
    await network.stop();
  });

  test('of a sole node keeps its office and commits the same bytes when there is room', async () => {
    const { network, leader, writer } = await led(1);
    const disk = network.disk(leader);
    disk.spaceBytes = 30;
    disk.failingFlushes = 1;
    network.host(leader).propose(writer.next(500));
    await network.beat(10);
    assert.equal(committedOf(network, leader), 1);
    assert.equal(network.host(leader).status().office.canExecute, true);
    await network.host(leader).readIndex();
    disk.spaceBytes = 1_000_000;
    await network.beat(10);
    assert.equal(committedOf(network, leader), 2);
    assert.deepEqual(network.levels(leader), [
      'full',
      'scarce',
      'ample',
      'full',
      'scarce',
      'ample',
    ]);
    await network.stop();
  });

  test('stops while it waits', async () => {
    const { network, leader, writer } = await led(1);
    network.disk(leader).spaceBytes = 30;
    network.host(leader).propose(writer.next(500));
    await network.beat(2);
    await network.stop();
    assert.equal(network.heard(leader).filter(({ kind }) => kind === 'committed').length, 1);
  });

  test('tells of the levels of room as it writes', async () => {
    const { network, leader, writer } = await led(1);
    network.disk(leader).spaceBytes = 2150;
    await network.beat(25);
    for (let count = 0; count < 3; count++) {
      network.host(leader).propose(writer.next(500));
      await network.beat(1);
    }
    assert.deepEqual(network.levels(leader), ['low', 'short', 'scarce']);
    await network.stop();
  });
});
