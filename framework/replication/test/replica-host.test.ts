import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { asSeqno, asView, ManualClock, MemoryDisk, present, SeededRandom } from '@coco/base';
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
  async function hosts(count: number, limits: { recentBytesMax?: number } = {}) {
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
        installSnapshot: async () => assert.fail('no snapshot is needed'),
        post: (message) => said.get(nodeId)?.push(message),
        onFailed: (error) => assert.fail(String(error)),
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
    return { ids, host, heard, cut, settle, primary, viewOf, all };
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
});
