import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import {
  asSeqno,
  asView,
  type LedgerError,
  ManualClock,
  MemoryDisk,
  present,
  SeededRandom,
} from '@coco/base';
import {
  createConfiguration,
  loadRaftModule,
  type PeerMessage,
  raftModuleHashUrl,
  raftModuleUrl,
} from '@coco/consensus';
import { createLedgerFiles } from '@coco/ledger';
import { ReplicaHost } from '../src/replica-host.ts';
import type { ReplicaMessage } from '../src/replica-messages.ts';
import { BatchWriter } from './batch-writer.ts';

describe('the replica host', () => {
  let raftModule: WebAssembly.Module;
  before(async () => {
    const hash = await readFile(raftModuleHashUrl, 'utf8');
    raftModule = await loadRaftModule(await readFile(raftModuleUrl), hash);
  });

  /** Hosts on links that deliver at once, unless a message is dropped. */
  async function hosts(
    count: number,
    limits: { recentBytesMax?: number; keptEntries?: number } = {},
  ) {
    const failures: { id: number; error: unknown }[] = [];
    const ids = Array.from({ length: count }, (_, index) => index + 1);
    const said = new Map<number, ReplicaMessage[]>(ids.map((id) => [id, []]));
    const all = new Map<number, ReplicaHost>();
    const queue: { from: number; to: number; message: PeerMessage }[] = [];
    const cut = new Set<number>();
    for (const nodeId of ids) {
      const files = await createLedgerFiles({ disk: new MemoryDisk(), folder: 'ledger' });
      const host = new ReplicaHost({
        nodeId,
        raftModule,
        files,
        clock: new ManualClock(0),
        random: new SeededRandom(nodeId),
        limits,
        send: (to, message) => queue.push({ from: nodeId, to, message }),
        post: (message) => said.get(nodeId)?.push(message),
        onFailed: (error) => failures.push({ id: nodeId, error }),
      });
      all.set(nodeId, host);
      host.start({
        configuration: createConfiguration(ids),
        view: asView(3),
        seqno: asSeqno(0),
      });
    }
    const settle = async (): Promise<void> => {
      for (let round = 0; round < 50; round++) {
        await new Promise((done) => setImmediate(done));
        for (const { from, to, message } of queue.splice(0)) {
          if (!cut.has(from) && !cut.has(to)) all.get(to)?.step(from, message);
        }
      }
    };
    const primary = async (): Promise<number> => {
      for (let beat = 0; beat < 200; beat++) {
        for (const host of all.values()) host.tick();
        await settle();
        const found = ids.find((id) => {
          const last = said.get(id)?.findLast((message) => message.kind === 'role');
          return !cut.has(id) && last?.kind === 'role' && last.canExecute;
        });
        if (found !== undefined) return found;
      }
      return assert.fail('somebody leads');
    };
    const host = (id: number): ReplicaHost => present(all.get(id), 'the host exists');
    const heard = (id: number): readonly ReplicaMessage[] => said.get(id) ?? [];
    const viewOf = (id: number): number => host(id).status().office.view;
    return { ids, host, heard, cut, settle, primary, viewOf, all, failures };
  }

  type Network = Awaited<ReturnType<typeof hosts>>;

  /** Lets everybody learn of what committed. */
  async function beat(network: Network, count = 1): Promise<void> {
    for (let at = 0; at < count; at++) {
      for (const host of network.all.values()) host.tick();
      await network.settle();
    }
  }

  async function stop(network: Network): Promise<void> {
    for (const host of network.all.values()) await host.stop();
    assert.deepEqual(network.failures, []);
  }

  function told(network: Network, id: number): readonly string[] {
    return network
      .heard(id)
      .filter(({ kind }) => kind === 'committed' || kind === 'followed')
      .map((one) =>
        one.kind === 'followed'
          ? `followed ${one.batch.view}.${one.batch.firstSeqno} ${one.batch.body.length}`
          : `own ${one.kind === 'committed' && one.seqno}`,
      );
  }

  test('tells a primary of its own batches by seqno and the others with the body', async () => {
    const network = await hosts(3);
    const leader = await network.primary();
    const writer = new BatchWriter(network.viewOf(leader));
    const batches = [writer.open(), writer.next(5), writer.next(100_000, 7)];
    for (const batch of batches) network.host(leader).propose(batch);
    await network.settle();
    await beat(network);
    for (const id of network.ids) {
      const expected = batches.map(({ view, firstSeqno, entryCount, body }) =>
        id === leader
          ? `own ${firstSeqno + entryCount - 1}`
          : `followed ${view}.${firstSeqno} ${body.length}`,
      );
      assert.deepEqual(told(network, id), expected);
    }
    await stop(network);
  });

  test('drops a batch that comes after its office was lost, and never proposes it', async () => {
    const network = await hosts(3);
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
    await beat(network);
    for (const id of network.ids) {
      assert.equal(told(network, id).length, 2, 'the opening of either view and nothing else');
    }
    assert.throws(() => host.propose({ ...late, view: asView(99) }), { name: 'BugError' });
    await stop(network);
  });

  test('gives office up rather than keep a batch that Raft refuses', async () => {
    const network = await hosts(3);
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
    await stop(network);
  });

  test('hands office over, and says when that did not come about', async () => {
    const network = await hosts(3);
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
    while (!isOver) await beat(network);
    await failed;
    assert.equal(host.status().office.canExecute, true, 'it still leads');
    network.cut.clear();
    await beat(network, 3);
    const done = host.handOver(to);
    await network.settle();
    await done;
    assert.equal(await network.primary(), to);
    await stop(network);
  });

  test('serves a body from its files to a node that was away', async () => {
    const network = await hosts(3, { recentBytesMax: 5_000 });
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
      await beat(network);
    }
    network.cut.clear();
    await beat(network, 40);
    assert.equal(told(network, away).length, 13);
    await stop(network);
  });

  /** A network whose third node was away for so long that Raft's log no longer serves it. */
  async function farBehind() {
    const network = await hosts(3, { keptEntries: 2 });
    const leader = await network.primary();
    const host = network.host(leader);
    const away = present(
      network.ids.find((id) => id !== leader),
      'there are three',
    );
    const writer = new BatchWriter(network.viewOf(leader));
    const batches = [writer.open()];
    host.propose(present(batches[0], 'one'));
    await beat(network, 2);
    network.cut.add(away);
    for (let count = 0; count < 12; count++) {
      const batch = writer.next(5, 5);
      batches.push(batch);
      host.propose(batch);
      await beat(network);
    }
    network.cut.clear();
    await beat(network, 5);
    const order = network.heard(away).find((message) => message.kind === 'install');
    assert.ok(order?.kind === 'install', 'it is told what it lacks');
    return { network, host, writer, batches, order, away, awayHost: network.host(away) };
  }

  /** Why a node's files could not be made durable; taken out of the failures. */
  function failureOf(network: Network, id: number): LedgerError {
    const failure = present(network.failures.shift(), 'it fails');
    assert.equal(failure.id, id);
    const error = failure.error as LedgerError;
    assert.equal(error.code, 'PersistFailed');
    return error.cause as LedgerError;
  }

  test('has what a node that is far behind lacks fetched, and goes on from there', async () => {
    const { network, host, writer, batches, order, away, awayHost } = await farBehind();
    const { request, next, offer } = order;
    assert.equal(next, 2, 'it has the first batch');
    const lacking = batches.filter(({ firstSeqno }) => firstSeqno >= next);
    assert.equal(offer.lastBatch?.firstSeqno, lacking.at(-1)?.firstSeqno);
    assert.deepEqual(told(network, away), [
      `followed ${network.viewOf(away)}.1 ${batches[0]?.body.length}`,
    ]);
    await awayHost.installBatches(request, lacking.slice(0, 5));
    await awayHost.installBatches(request, lacking.slice(5));
    await awayHost.installed(request);
    await network.settle();
    assert.equal(told(network, away).length, 1, 'its main thread has the batches already');
    host.propose(writer.next(7));
    await beat(network, 3);
    assert.equal(told(network, away).length, 2, 'and follows from here on');
    assert.equal((await awayHost.readCovered(asSeqno(9))).entry.length > 0, true);
    await stop(network);
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
    assert.equal(failureOf(network, away).code, 'CatchUpMismatch');
    await stop(network);
  });

  test('ends when what it lacks cannot be had, and not when it was stopped before', async () => {
    const { network, order, away, awayHost } = await farBehind();
    const cause = { code: 'PeerUnreachable', message: 'Nobody serves the batches.' };
    awayHost.installFailed(order.request, cause);
    await network.settle();
    const { code, metadata } = failureOf(network, away);
    assert.deepEqual([code, metadata.code], ['CatchUpFailed', 'PeerUnreachable']);
    const other = await farBehind();
    await other.awayHost.stop();
    other.awayHost.installFailed(other.order.request, cause);
    await other.network.settle();
    for (const one of [network, other.network]) await stop(one);
  });

  test('tells the configuration that it begins with', async () => {
    const network = await hosts(3);
    assert.deepEqual(
      network.heard(2).find(({ kind }) => kind === 'configuration'),
      {
        kind: 'configuration',
        voters: [1, 2, 3],
        learners: [],
      },
    );
    await stop(network);
  });
});
