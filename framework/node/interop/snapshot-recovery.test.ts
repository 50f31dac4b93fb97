/**
 * A network is lost whose nodes keep no older ledger files: it comes back from a snapshot and the
 * files behind it, from files that were moved away, and from nothing that was tampered with.
 */

import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { utf8Decode, utf8Encode } from '@coco/base';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';

const settled = { voters: 3, learners: 0 };
const api = 'api-version=2024-07-01';
const snapshotEntries = 80;

interface Note {
  readonly name: string;
  readonly id: string;
}

/** Complete files that end at or before `last`. */
async function olderFiles(node: TestNode, last: number): Promise<readonly string[]> {
  return (await readdir(node.ledgerFolder)).filter((name) => {
    const end = /^ledger_\d+-(\d+)\.committed$/.exec(name)?.[1];
    return end !== undefined && Number(end) <= last;
  });
}

async function newestSnapshot(node: TestNode): Promise<{ name: string; seqno: number }> {
  const found = (await readdir(join(node.folder, 'snapshots')))
    .filter((name) => name.endsWith('.committed'))
    .map((name) => ({ name, seqno: Number(name.split('_')[1]) }))
    .sort((left, right) => right.seqno - left.seqno);
  assert.ok(found[0], 'the node has a snapshot');
  return found[0];
}

describe('a network whose older ledger files are gone', () => {
  let network: TestNetwork;
  let nodes: readonly TestNode[] = [];
  const notes: Note[] = [];
  let begin = 0;
  before(async () => {
    network = await TestNetwork.create({ processes: true });
    const first = await network.start((configuration) => {
      configuration.ledger = { chunk_size: '20KB' };
      configuration.snapshots = { tx_count: snapshotEntries };
    });
    await network.grow();
    await network.openService();
    await network.grow();
    await first.untilLogged('consensus.configuration', settled);
    while (first.events.filter(({ event }) => event === 'snapshot.made').length < 4) {
      await note(`n${notes.length}`);
    }
    for (let at = 0; at < 5; at++) await note(`after ${at}`);
    nodes = network.nodes.slice();
    for (const node of nodes) await node.untilCommitted(notes.at(-1)?.id ?? '');
    const newest = await newestSnapshot(first);
    for (const node of nodes) {
      await node.untilLogged(node === first ? 'snapshot.made' : 'snapshot.kept', {
        name: newest.name,
      });
    }
    await Promise.all(nodes.map((node) => node.kill()));
    begin = newest.seqno;
    for (const node of nodes) {
      await mkdir(join(node.folder, 'moved'));
      for (const name of await olderFiles(node, begin)) {
        await rename(join(node.ledgerFolder, name), join(node.folder, 'moved', name));
      }
      // Of older snapshots none is left either.
      for (const name of await readdir(join(node.folder, 'snapshots'))) {
        if (name !== newest.name) await rm(join(node.folder, 'snapshots', name));
      }
    }
  });
  after(() => network.remove());

  async function note(name: string): Promise<void> {
    const body = utf8Encode(`${name} `.repeat(20));
    const answer = await network.target.ask(`/app/notes/${encodeURIComponent(name)}`, {
      method: 'POST',
      body,
    });
    assert.equal(answer.status, 200, utf8Decode(answer.bytes));
    notes.push({ name, id: (answer.json as { transactionId: string }).transactionId });
  }

  async function assertNotes(node: TestNode): Promise<void> {
    for (const { name, id } of notes) {
      const { status } = (await node.ask(`/node/tx?transaction_id=${id}`)).json as {
        status: string;
      };
      assert.equal(status, 'Committed', id);
      const answer = await node.ask(`/app/notes/${encodeURIComponent(name)}`);
      assert.equal(utf8Decode(answer.bytes), `${name} `.repeat(20));
    }
  }

  const [isOld, isNew] = [
    ({ id }: Note) => Number(id.split('.')[1]) <= begin,
    ({ id }: Note) => Number(id.split('.')[1]) > begin,
  ];

  test('a snapshot that was changed brings nothing back', async () => {
    const [from, other] = nodes as [TestNode, TestNode];
    const path = join(from.folder, 'snapshots', (await newestSnapshot(from)).name);
    const bytes = await readFile(path);
    const changed = Buffer.from(bytes);
    changed[300] = (changed[300] ?? 0) ^ 1;
    await writeFile(path, changed);
    // The other's is left out as well, so that nothing else stands for the missing files.
    await assert.rejects(network.recover(from), { code: 'LedgerDamaged' });
    // A sound one beside another ledger serves as well.
    const node = await network.recover(from, { others: [other] });
    await node.untilLogged('recovery.snapshot', { seqno: begin });
    await node.kill();
    await writeFile(path, bytes);
  });

  test('is recovered from a snapshot and the files behind it, private state included', async () => {
    const [from, ...others] = nodes as [TestNode, ...TestNode[]];
    const node = await network.recover(from, { others });
    await node.untilLogged('recovery.snapshot', { seqno: begin });
    const record = (await node.ask(`/gov/service/recovery?${api}`)).json as Record<string, unknown>;
    assert.deepEqual([record.mayLackCommits, record.beginsAfter], [false, begin]);
    await network.openService(await readFile(join(from.folder, 'service_cert.pem'), 'utf8'));
    await assertNotes(node);
    await note('after the recovery');
    await node.untilCommitted(notes.at(-1)?.id ?? '');
    for (const { id } of [notes.findLast(isNew), notes.at(-1)] as Note[]) {
      const receipt = await node.ask(`/app/receipt/cose?transaction_id=${id}`);
      assert.equal(receipt.status, 200, id);
    }
    const old = notes.find(isOld);
    const gone = await node.ask(`/app/receipt/cose?transaction_id=${old?.id}`);
    assert.equal(gone.status, 202, 'what is not here cannot be proven here');
  });

  test('the recovered service grows, and its nodes do not look for what nobody has', async () => {
    const joined = await network.grow({ target: network.target });
    await joined.untilLogged('install.snapshot');
    await joined.untilLogged('older.unavailable', { beginsAfter: begin });
    await assertNotes(joined);
    await network.assertLedgersAgree();
    await Promise.all(network.running.map((node) => node.kill()));
  });

  test('files that were moved away are taken from a read-only directory', async () => {
    const [from, ...others] = nodes as [TestNode, ...TestNode[]];
    const node = await network.recover(from, {
      others,
      configure: (configuration) => {
        const { folder } = from;
        configuration.ledger = { read_only_directories: [join(folder, 'moved')] };
      },
    });
    const files = await node.ledger();
    assert.ok([...files.keys()].some((name) => name.startsWith('ledger_1-')));
    assert.ok(!node.events.some(({ event }) => event === 'recovery.snapshot'));
    await network.openService(await readFile(join(from.folder, 'service_cert.pem'), 'utf8'));
    const old = notes.find(isOld);
    const receipt = await node.ask(`/app/receipt/cose?transaction_id=${old?.id}`);
    assert.equal(receipt.status, 200, 'everything is here again');
  });
});
