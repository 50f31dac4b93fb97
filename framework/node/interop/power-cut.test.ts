/**
 * All nodes of a network lose power at once, under load. The service comes back from their ledgers
 * with everything that was acknowledged, and grows again; from too few ledgers it declares a loss.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { utf8Decode, utf8Encode } from '@coco/base';
import { judgeCopies, surveyCopy } from '@coco/recovery';
import { ReadOnlyDisk } from '../src/index.ts';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';
import { Asker, NoteClients, type Written } from '../test/note-clients.ts';
import { until } from '../test/test-node.ts';

const clientCount = 4;
/** So many commits before the power goes. */
const writtenMin = 120;
const settled = { voters: 3, learners: 0 };
const api = 'api-version=2024-07-01';

/** Two nodes joined the first one, and the ledger says that they vote. */
async function untilVotersRecorded(nodes: readonly TestNode[]): Promise<void> {
  await until(() => {
    const recorded = nodes.flatMap(({ events }) =>
      events.filter(({ event }) => event === 'membership.recorded'),
    );
    return recorded.reduce((sum, { fields }) => sum + Number(fields.voting), 0) >= 2;
  });
}

/** The node to recover from, by the files that are left. */
async function bestOf(nodes: readonly TestNode[]): Promise<TestNode> {
  const copies = await Promise.all(
    nodes.map(async ({ name, folder }) => {
      const found = await surveyCopy({ disk: new ReadOnlyDisk(folder), folder: 'ledger', name });
      if (found.kind === 'copy') return found;
      return assert.fail(`${name}: ${found.reason}`);
    }),
  );
  const { best, isEnough } = judgeCopies(copies);
  assert.ok(isEnough);
  const node = nodes.find(({ name }) => name === best.name);
  assert.ok(node);
  return node;
}

describe('a power cut of all nodes', () => {
  let network: TestNetwork;
  let written: readonly Written[] = [];
  let answered: readonly string[] = [];
  before(async () => {
    network = await TestNetwork.create({ processes: true });
    await network.start();
    await network.grow();
    await network.openService();
    await network.grow();
    await network.target.untilLogged('consensus.configuration', settled);
    // Every voter has its row on the ledger: who recovers knows who voted.
    await untilVotersRecorded(network.nodes);
  });
  after(() => network.remove());

  async function cutPowerUnderLoad(nodes: readonly TestNode[]): Promise<void> {
    const ca = await readFile(join(network.folder, 'node0', 'service_cert.pem'), 'utf8');
    const asker = new Asker(ca);
    const addresses = nodes.map(({ address }) => address);
    const clients = new NoteClients({ asker, count: clientCount, addresses: () => addresses });
    while (clients.written.length < writtenMin) await clients.firstSince(performance.now());
    await Promise.all(nodes.map((node) => node.kill()));
    await clients.stop();
    asker.close();
    ({ written, answered } = clients);
  }

  test('is recovered from the right ledger, with nothing lost that was acknowledged', async () => {
    const nodes = network.nodes.slice(0, 3);
    await cutPowerUnderLoad(nodes);
    const from = await bestOf(nodes);
    const others = nodes.filter((node) => node !== from);
    // One ledger alone is refused: the other two may have committed more.
    await assert.rejects(network.recover(from), { code: 'TooFewLedgers' });
    const node = await network.recover(from, { others: others.slice(0, 1) });
    const record = (await node.ask(`/gov/service/recovery?${api}`)).json as Record<string, unknown>;
    assert.deepEqual([record.mayLackCommits, (record.lookedAt as string[]).length], [false, 2]);
    const state = (await node.ask('/node/state')).json as Record<string, unknown>;
    assert.ok(Number(state.recovery_target_seqno) > writtenMin);
    await network.openService(await readFile(join(from.folder, 'service_cert.pem'), 'utf8'));
    for (const { key, value, id } of written) {
      const status = (await node.ask(`/node/tx?transaction_id=${id}`)).json as { status: string };
      assert.equal(status.status, 'Committed', id);
      assert.equal(utf8Decode((await node.ask(`/app/notes/${key}`)).bytes), value);
    }
    // What was on its way is decided, too: nothing stays pending.
    for (const id of answered) {
      const { status } = (await node.ask(`/node/tx?transaction_id=${id}`)).json as {
        status: string;
      };
      assert.ok(status === 'Committed' || status === 'Invalid', `${id} is ${status}`);
    }
  });

  test('the recovered service grows to three nodes again, which hold the whole ledger', async () => {
    const recovered = network.target;
    await network.grow({ target: recovered });
    await network.grow({ target: recovered });
    await recovered.untilLogged('consensus.configuration', settled);
    const answer = await recovered.ask('/app/notes/again', {
      method: 'POST',
      body: utf8Encode('again'),
    });
    const { transactionId } = answer.json as { transactionId: string };
    const [one] = written;
    assert.ok(one);
    for (const node of network.running) {
      await node.untilCommitted(transactionId);
      assert.equal(utf8Decode((await node.ask(`/app/notes/${one.key}`)).bytes), one.value);
    }
    await network.assertLedgersAgree();
  });

  test('from fewer ledgers it is recovered by a flag alone, and says so', async () => {
    const [first, ...others] = network.running;
    assert.ok(first);
    await untilVotersRecorded(network.running);
    await Promise.all([first, ...others].map((node) => node.kill()));
    const node = await network.recover(first, { isLossAccepted: true });
    await network.openService(await readFile(join(first.folder, 'service_cert.pem'), 'utf8'));
    const { json } = await node.ask('/node/network');
    assert.equal((json as { may_lack_commits?: boolean }).may_lack_commits, true);
  });
});
