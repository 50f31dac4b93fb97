/** A whole node with little memory that is filled over HTTP: what it refuses, what goes on, and what frees. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { JsonValue } from '@coco/base';
import type { Answer } from '../test/member-client.ts';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';

const noteBytes = 500_000;
const megabyte = 1024 * 1024;
/** A node with nothing in it takes half of it or more; the rest is filled in seconds. */
const limit = '450MB';
const limitBytes = 450 * megabyte;
/** What the process may take beyond its limit: garbage of the heap, and of requests' bodies. */
const slackBytes = 200 * megabyte;

function configure(configuration: { [name: string]: JsonValue }): void {
  configuration.coco = { ...(configuration.coco as object), limits: { memory: limit } };
}

const codeOf = ({ json }: Answer): string | undefined =>
  (json as { error?: { code: string } } | null)?.error?.code;
const idOf = ({ json }: Answer): string => (json as { transactionId: string }).transactionId;

describe('a node in a process of its own whose memory fills up', { timeout: 120_000 }, () => {
  let network: TestNetwork;
  let node: TestNode;
  before(async () => {
    network = await TestNetwork.create({ processes: true });
    node = await network.start(configure);
    await network.openService();
  });
  after(() => network.remove());

  const post = (name: string, bytes: number): Promise<Answer> =>
    node.ask(`/app/notes/${name}`, { method: 'POST', body: new Uint8Array(bytes).fill(65) });
  const remove = (name: string): Promise<Answer> =>
    node.ask(`/app/notes/${name}`, { method: 'DELETE' });
  const hasLogged = (event: string): boolean => node.events.some((one) => one.event === event);

  async function metric(name: string): Promise<number> {
    const { json } = await node.ask('/node/metrics');
    return (json as Record<string, number>)[name] ?? Number.NaN;
  }

  test('warns, refuses what adds, reads, governs and deletes on, and takes writes again', async () => {
    assert.equal(await metric('memory_limit_bytes'), limitBytes);
    const names: string[] = [];
    let refused: Answer | undefined;
    let last = '';
    while (!refused) {
      const name = `note${names.length}`;
      const answer = await post(name, noteBytes);
      if (answer.status === 200) {
        names.push(name);
        last = idOf(answer);
      } else if (codeOf(answer) !== 'TooManyPendingTransactions') refused = answer;
    }
    assert.deepEqual([refused.status, codeOf(refused)], [503, 'MemoryFull']);
    assert.ok(hasLogged('memory.low') && hasLogged('memory.short'));
    const rssBytes = await metric('memory_rss_bytes');
    process.stdout.write(`# ${names.length} notes, ${Math.round(rssBytes / megabyte)} MiB\n`);
    assert.ok(rssBytes < limitBytes + slackBytes, `${rssBytes} bytes are resident`);
    await node.untilCommitted(last);
    const read = await node.ask(`/app/notes/${names[0]}`);
    assert.equal(read.bytes.length, noteBytes);
    await network.decide([{ name: 'remove_user', args: { user_id: '00'.repeat(32) } }]);
    const kept = names.slice(0, 10);
    for (const name of names.slice(10)) assert.equal((await remove(name)).status, 200);
    for (;;) {
      const again = await post('again', 100);
      if (again.status === 200) break;
      assert.equal(codeOf(again), 'MemoryFull');
    }
    assert.ok((await metric('memory_level')) < 2);
    for (const name of kept) assert.equal((await node.ask(`/app/notes/${name}`)).status, 200);
  });

  test('is recovered with what it held, and takes writes', async () => {
    const filled = await post('kept', noteBytes);
    await node.untilCommitted(idOf(filled));
    const previous = await readFile(join(node.folder, 'service_cert.pem'), 'utf8');
    await node.stop();
    node = await network.recover(node, { configure });
    await network.openService(previous);
    const read = await node.ask('/app/notes/kept');
    assert.equal(read.bytes.length, noteBytes);
    assert.equal((await post('after', 100)).status, 200);
  });
});
