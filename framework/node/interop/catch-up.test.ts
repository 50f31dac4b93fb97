/**
 * Nodes that join a network under load: from the first entry, and from a snapshot. What they hold
 * afterwards is what the others hold.
 */

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { utf8Encode } from '@coco/base';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';

/** Notes that are written again and again. */
const noteCount = 40;

class Load {
  readonly #node: TestNode;
  #isWriting = true;
  count = 0;
  readonly ended: Promise<void>;

  constructor(node: TestNode) {
    this.#node = node;
    this.ended = this.#write();
    this.ended.catch(() => undefined);
  }

  /** Resolves with the id of the last write. */
  async end(): Promise<string> {
    this.#isWriting = false;
    await this.ended;
    return this.#lastId;
  }

  #lastId = '';

  async #write(): Promise<void> {
    while (this.#isWriting) {
      const path = `/app/notes/n${this.count % noteCount}`;
      const body = utf8Encode(`note ${this.count} `.repeat(20));
      const answer = await this.#node.ask(path, { method: 'POST', body });
      assert.equal(answer.status, 200, Buffer.from(answer.bytes).toString());
      this.#lastId = (answer.json as { transactionId: string }).transactionId;
      this.count++;
    }
  }
}

const committed = (names: readonly string[]): string[] =>
  names.filter((name) => name.endsWith('.committed'));

describe('nodes that join under load', () => {
  let network: TestNetwork;
  let first: TestNode;
  before(async () => {
    network = await TestNetwork.create({ processes: true });
    first = await network.start((configuration) => {
      configuration.ledger = { chunk_size: '20KB' };
    });
  });
  after(() => network.remove());

  test('hold what the others hold, from the first entry and from a snapshot', async () => {
    const second = await network.grow();
    const begun = await second.untilLogged('install.begun');
    assert.equal(begun.fields.seqno, 0);
    assert.ok(!second.events.some(({ event }) => event === 'install.snapshot'));
    await network.openService();
    const load = new Load(first);
    const made = await first.untilLogged('snapshot.made');
    await second.untilLogged('snapshot.kept', { name: made.fields.name });
    const third = await network.grow();
    const from = await third.untilLogged('install.snapshot');
    assert.equal(from.fields.name, made.fields.name);
    const last = await load.end();
    assert.ok(load.count > noteCount, `${load.count}`);
    for (const node of [second, third]) {
      await node.askUntil(`/node/tx?transaction_id=${last}`, ({ json }) => {
        return (json as { status?: string }).status === 'Committed';
      });
      for (let at = 0; at < noteCount; at++) {
        const [own, other] = await Promise.all(
          [node, first].map((one) => one.ask(`/app/notes/n${at}`)),
        );
        assert.deepEqual(own?.bytes, other?.bytes);
      }
      const receipt = await node.ask(`/app/receipt/cose?transaction_id=${last}`);
      assert.equal(receipt.status, 200);
    }
    assert.deepEqual(await readdir(join(third.folder, 'snapshots')), [made.fields.name]);
    await third.untilLogged('older.done');
    for (const node of [second, third]) {
      const [files, own] = [await node.ledger(), await first.ledger()];
      const chunks = committed([...files.keys()]);
      assert.ok(chunks.length > 2 && chunks[0]?.startsWith('ledger_1-'), `${chunks}`);
      for (const name of chunks) assert.deepEqual(files.get(name), own.get(name), name);
    }
    const { json: opened } = await third.ask('/node/network');
    const created = (opened as { current_service_create_txid: string }).current_service_create_txid;
    const oldest = await third.ask(`/app/receipt/cose?transaction_id=${created}`);
    assert.equal(oldest.status, 200, 'a receipt of the very first transaction');
    const { json } = await third.ask('/node/state');
    assert.equal((json as { startup_seqno: number }).startup_seqno, from.fields.seqno);
  });

  test('make and keep a snapshot each that governance asks for', async () => {
    const lines = network.nodes.map(({ events }) => events.length);
    await network.decide([{ name: 'trigger_snapshot' }]);
    // Whoever is the primary then makes it.
    const made = await Promise.race(
      network.nodes.map(async (node, at) => {
        const { fields } = await node.untilLogged('snapshot.made', {}, lines[at]);
        return { maker: node, name: String(fields.name) };
      }),
    );
    for (const [at, node] of network.nodes.entries()) {
      const { name, maker } = made;
      if (node !== maker) await node.untilLogged('snapshot.kept', { name }, lines[at]);
      assert.ok((await readdir(join(node.folder, 'snapshots'))).includes(name));
    }
  });
});
