/**
 * A node stands still while the others go on, and wakes up: after a short while, and after one in
 * which they made snapshots and ended chunk files. It is sent what it lacks, votes again, answers
 * rightly, and holds the same files. (One that lacks more than Raft keeps is installed from files:
 * the simulator and replication's tests have that.)
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { utf8Decode, utf8Encode } from '@coco/base';

import { TestNetwork, type TestNode } from '../test/network-harness.ts';
import { Asker } from '../test/note-clients.ts';

const settled = { voters: 3, learners: 0 };
/** Fewer entries than Raft keeps in memory before its first snapshot. */
const shortWrites = 20;
/** So many that snapshots are made and chunk files end meanwhile. */
const longWrites = 600;
const notesRead = 100;

const countOf = ({ events }: TestNode, event: string): number =>
  events.filter((one) => one.event === event).length;

describe('a node that stands still while the others go on', () => {
  let network: TestNetwork;
  let [primary, other, sleeper]: readonly TestNode[] = [];
  before(async () => {
    network = await TestNetwork.create({ processes: true });
    const configure = (configuration: { [name: string]: unknown }): void => {
      configuration.ledger = { chunk_size: '50KB' };
      configuration.snapshots = { tx_count: 250 };
    };
    await network.start(configure);
    await network.grow({ configure });
    await network.openService();
    await network.grow({ configure });
    await network.target.untilLogged('consensus.configuration', settled);
    primary = await network.untilPrimary();
    [other, sleeper] = network.nodes.filter((node) => node !== primary);
  });
  after(() => network.remove());

  const nodes = (): readonly [TestNode, TestNode, TestNode] => {
    assert.ok(primary && other && sleeper);
    return [primary, other, sleeper];
  };

  async function note(node: TestNode, name: string): Promise<string> {
    const answer = await node.ask(`/app/notes/${name}`, { method: 'POST', body: utf8Encode(name) });
    assert.equal(answer.status, 200, utf8Decode(answer.bytes));
    return (answer.json as { transactionId: string }).transactionId;
  }

  /** Alone with one other it is half of a majority: what commits now, it has flushed. */
  async function assertVotes(name: string): Promise<void> {
    const [first, second, woken] = nodes();
    second.signal('SIGSTOP');
    try {
      const id = await note(first, name);
      await first.untilCommitted(id);
      await woken.untilCommitted(id);
    } finally {
      second.signal('SIGCONT');
    }
  }

  async function assertSame(
    written: readonly { readonly key: string; readonly value: string }[],
  ): Promise<void> {
    const [, , woken] = nodes();
    for (const { key, value } of written) {
      assert.equal(utf8Decode((await woken.ask(`/app/notes/${key}`)).bytes), value);
    }
    await network.assertLedgersAgree();
  }

  test('for a short while is sent what it lacks', async () => {
    const [first, , woken] = nodes();
    woken.signal('SIGSTOP');
    const names = Array.from({ length: shortWrites }, (_, at) => `short-${at}`);
    const ids: string[] = [];
    for (const name of names) ids.push(await note(first, name));
    const last = ids.at(-1) ?? '';
    await first.untilCommitted(last);
    const installed = countOf(woken, 'install.begun');
    woken.signal('SIGCONT');
    await woken.untilCommitted(last);
    assert.equal(countOf(woken, 'install.begun'), installed, 'nothing had to be installed');
    await assertVotes('short-vote');
    await assertSame(names.map((name) => ({ key: name, value: name })));
  });

  test('while snapshots are made and files end is sent all of that, too', async () => {
    const [first, , woken] = nodes();
    const snapshots = countOf(first, 'snapshot.made');
    woken.signal('SIGSTOP');
    const asker = new Asker(await readFile(join(first.folder, 'service_cert.pem'), 'utf8'));
    const headers = { 'x-coco-answer': 'committed' };
    const names = Array.from({ length: longWrites }, (_, at) => `long-${at}`);
    let last = '';
    for (const name of names) {
      const asked = { method: 'POST', body: name, headers };
      const { status, text } = await asker.ask(first.address, `/app/notes/${name}`, asked);
      assert.equal(status, 200, text);
      last = (JSON.parse(text) as { transactionId: string }).transactionId;
    }
    asker.close();
    assert.ok(countOf(first, 'snapshot.made') >= snapshots + 2, 'several snapshots were made');
    woken.signal('SIGCONT');
    await woken.untilCommitted(last);
    await assertVotes('long-vote');
    const some = names.filter((_, at) => at % Math.ceil(longWrites / notesRead) === 0);
    await assertSame(some.map((name) => ({ key: name, value: name })));
  });
});
