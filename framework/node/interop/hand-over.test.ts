/** A primary that is told to end hands its office over: no request fails, and none is lost. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { utf8Decode } from '@coco/base';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';
import { Asker } from '../test/note-clients.ts';

/** Longer than an election, so that a request that waits for one is not taken for a failed one. */
const waitMs = 10_000;
const writersPerNode = 4;

describe('a primary that is stopped', () => {
  let network: TestNetwork;
  let asker: Asker;

  before(async () => {
    network = await TestNetwork.create({ processes: true });
    const first = await network.start();
    await network.grow();
    await network.grow();
    await network.openService();
    await network.untilPrimary((node) => {
      const last = node.events.findLast(({ event }) => event === 'consensus.configuration');
      return last?.fields.voters === 3;
    });
    asker = new Asker(await readFile(join(first.folder, 'service_cert.pem'), 'utf8'), {
      keepAlive: false,
    });
  });
  after(async () => {
    asker.close();
    await network.remove();
  });

  test('hands over, and no request to the others fails', { timeout: 120_000 }, async () => {
    const primary = await network.untilPrimary();
    const others = network.nodes.filter((node) => node !== primary);
    let isWriting = true;
    const written = new Map<string, string>();
    const failed: string[] = [];
    const write = async (node: TestNode, writer: number): Promise<void> => {
      for (let count = 0; isWriting; count++) {
        const key = `${node.name}-${writer}-${count}`;
        const { status, text } = await asker.ask(node.address, `/app/notes/${key}`, {
          method: 'POST',
          body: key,
          waitMs,
        });
        if (status !== 200) failed.push(text);
        else written.set(key, (JSON.parse(text) as { transactionId: string }).transactionId);
      }
    };
    const writers = others.flatMap((node) =>
      Array.from({ length: writersPerNode }, (_, writer) => write(node, writer)),
    );
    const before = written.size;
    await primary.stop();
    const { fields } = await primary.untilLogged('office.handedOver');
    const next = await network.untilPrimary((node) => node !== primary);
    assert.ok(others.includes(next), String(fields.to));
    const enough = written.size + 50;
    while (written.size < enough) await asker.ask(next.address, '/node/commit', { waitMs });
    isWriting = false;
    await Promise.all(writers);
    assert.deepEqual(failed, []);
    assert.ok(written.size > before);
    for (const [key, id] of written) {
      assert.equal(await network.member.decided(id), 'Committed', key);
      const answer = await next.ask(`/app/notes/${key}`);
      assert.equal(utf8Decode(answer.bytes), key);
    }
    assert.equal(next.failure, undefined);
  });
});
