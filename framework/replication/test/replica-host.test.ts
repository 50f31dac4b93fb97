import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno, asView, present } from '@coco/base';
import { BatchWriter } from './batch-writer.ts';
import { HostNetwork } from './host-network.ts';

describe('the replica host', () => {
  test('tells a primary of its own batches by seqno and the others with the body', async () => {
    const network = await HostNetwork.start(3);
    const leader = await network.primary();
    const writer = new BatchWriter(network.viewOf(leader));
    const batches = [writer.open(), writer.next(5), writer.next(100_000, 7)];
    for (const batch of batches) network.host(leader).propose(batch);
    await network.settle();
    await network.beat();
    for (const id of network.ids) {
      const expected = batches.map(({ view, firstSeqno, entryCount, body }) =>
        id === leader
          ? `own ${firstSeqno + entryCount - 1}`
          : `followed ${view}.${firstSeqno} ${body.length}`,
      );
      assert.deepEqual(network.told(id), expected);
    }
    await network.stop();
  });

  test('drops a batch that comes after its office was lost, and never proposes it', async () => {
    const network = await HostNetwork.start(3);
    const leader = await network.primary();
    const host = network.host(leader);
    const writer = new BatchWriter(network.viewOf(leader));
    host.propose(writer.open());
    await network.settle();
    const late = writer.next(5);
    host.resign();
    host.propose(late);
    await network.settle();
    assert.notEqual(network.heard(leader).at(-1)?.kind, 'failed');
    const next = await network.primary();
    network.host(next).propose(new BatchWriter(network.viewOf(next), 2).open());
    await network.settle();
    await network.beat();
    for (const id of network.ids) {
      assert.equal(network.told(id).length, 2, 'the opening of either view and nothing else');
    }
    assert.throws(() => host.propose({ ...late, view: asView(99) }), { name: 'BugError' });
    await network.stop();
  });

  test('gives office up rather than keep a batch that Raft refuses', async () => {
    const network = await HostNetwork.start(3);
    const leader = await network.primary();
    const host = network.host(leader);
    const writer = new BatchWriter(network.viewOf(leader));
    host.propose(writer.open());
    await network.settle();
    const to = present(
      network.ids.find((id) => id !== leader),
      'there are three',
    );
    // The other node hears nothing, so that Raft is in the middle of the transfer.
    network.cut.add(to);
    const ended = host.handOver(to);
    host.propose(writer.next(5));
    await ended;
    const last = network.heard(leader).findLast(({ kind }) => kind === 'role');
    assert.equal(last?.kind === 'role' && last.canExecute, false);
    await network.stop();
  });

  test('hands office over, and says when that did not come about', async () => {
    const network = await HostNetwork.start(3);
    const leader = await network.primary();
    const host = network.host(leader);
    host.propose(new BatchWriter(network.viewOf(leader)).open());
    await network.settle();
    const to = present(
      network.ids.find((id) => id !== leader),
      'there are three',
    );
    network.cut.add(to);
    let isOver = false;
    const failed = host.handOver(to).then(() => {
      isOver = true;
    });
    await assert.rejects(host.handOver(to), { code: 'HandOverPending' });
    while (!isOver) await network.beat();
    await failed;
    assert.equal(host.status().office.canExecute, true, 'it still leads');
    network.cut.clear();
    await network.beat(3);
    const done = host.handOver(to);
    await network.settle();
    await done;
    assert.equal(await network.primary(), to);
    await network.stop();
  });

  test('serves a body from its files to a node that was away', async () => {
    const network = await HostNetwork.start(3, { recentBytesMax: 5_000 });
    const leader = await network.primary();
    const host = network.host(leader);
    const away = present(
      network.ids.find((id) => id !== leader),
      'there are three',
    );
    const writer = new BatchWriter(network.viewOf(leader));
    host.propose(writer.open());
    await network.settle();
    network.cut.add(away);
    // More than the replica keeps in memory behind commit: the rest comes from the files.
    for (let count = 0; count < 12; count++) {
      host.propose(writer.next(1_000, 1_000));
      await network.beat();
    }
    network.cut.clear();
    await network.beat(40);
    assert.equal(network.told(away).length, 13);
    await network.stop();
  });

  /** A network whose third node was away for so long that Raft's log no longer serves it. */
  async function farBehind() {
    const network = await HostNetwork.start(3, { keptEntries: 2 });
    const leader = await network.primary();
    const host = network.host(leader);
    const away = present(
      network.ids.find((id) => id !== leader),
      'there are three',
    );
    const writer = new BatchWriter(network.viewOf(leader));
    const batches = [writer.open()];
    host.propose(present(batches[0], 'one'));
    await network.beat(2);
    network.cut.add(away);
    for (let count = 0; count < 12; count++) {
      const batch = writer.next(5, 5);
      batches.push(batch);
      host.propose(batch);
      await network.beat();
    }
    network.cut.clear();
    await network.beat(5);
    const order = network.heard(away).find((message) => message.kind === 'install');
    assert.ok(order?.kind === 'install', 'it is told what it lacks');
    return { network, host, writer, batches, order, away, awayHost: network.host(away) };
  }

  test('has what a node that is far behind lacks fetched, and goes on from there', async () => {
    const { network, host, writer, batches, order, away, awayHost } = await farBehind();
    const { request, next, offer } = order;
    assert.equal(next, 2, 'it has the first batch');
    const lacking = batches.filter(({ firstSeqno }) => firstSeqno >= next);
    assert.equal(offer.lastBatch?.firstSeqno, lacking.at(-1)?.firstSeqno);
    assert.deepEqual(network.told(away), [
      `followed ${network.viewOf(away)}.1 ${batches[0]?.body.length}`,
    ]);
    await awayHost.installBatches(request, lacking.slice(0, 5));
    await awayHost.installBatches(request, lacking.slice(5));
    await awayHost.installed(request);
    await network.settle();
    assert.equal(network.told(away).length, 1, 'its main thread has the batches already');
    host.propose(writer.next(7));
    await network.beat(3);
    assert.equal(network.told(away).length, 2, 'and follows from here on');
    assert.equal((await awayHost.readCovered(asSeqno(9))).entry.length > 0, true);
    await network.stop();
  });

  test('ends when what it was given is not what the primary named', async () => {
    const { network, batches, order, away, awayHost } = await farBehind();
    const forged = new BatchWriter(network.viewOf(away), order.next);
    const lacking = batches
      .slice(1)
      .map((_, at) => (at === 11 ? forged.next(6, 4) : forged.next(5, 5)));
    await awayHost.installBatches(order.request, lacking);
    await awayHost.installed(order.request);
    await network.settle();
    assert.equal(network.takeFailure(away).code, 'CatchUpMismatch');
    await network.stop();
  });

  test('ends when what it lacks cannot be had, and not when it was stopped before', async () => {
    const { network, order, away, awayHost } = await farBehind();
    const cause = { code: 'PeerUnreachable', message: 'Nobody serves the batches.' };
    awayHost.installFailed(order.request, cause);
    await network.settle();
    const { code, metadata } = network.takeFailure(away);
    assert.deepEqual([code, metadata.code], ['CatchUpFailed', 'PeerUnreachable']);
    const other = await farBehind();
    await other.awayHost.stop();
    other.awayHost.installFailed(other.order.request, cause);
    await other.network.settle();
    for (const one of [network, other.network]) await one.stop();
  });

  test('tells the configuration that it begins with', async () => {
    const network = await HostNetwork.start(3);
    assert.deepEqual(
      network.heard(2).find(({ kind }) => kind === 'configuration'),
      {
        kind: 'configuration',
        voters: [1, 2, 3],
        learners: [],
      },
    );
    await network.stop();
  });
});
