/** Alarms of a network that really fire: a peer that is stopped under load, and no primary at all. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { present } from '@coco/base';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';

const noteBytes = 200_000;
/** Far more than a primary may keep for a peer that takes nothing. */
const loadBytes = 200_000_000;
const growthBytesMax = 150_000_000;

describe('alarms of three nodes in three processes', () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create({ processes: true });
    await network.start();
    await network.grow();
    await network.grow();
    await network.openService();
    for (const node of network.nodes) await node.untilLogged('peer.up');
  });
  after(() => network.remove());

  const measured = async (node: TestNode): Promise<Record<string, number | object>> =>
    (await node.ask('/node/metrics')).json as Record<string, number | object>;

  const post = (node: TestNode, name: string) =>
    node.ask(`/app/notes/${name}`, { method: 'POST', body: new Uint8Array(noteBytes).fill(66) });

  test('a stopped peer is told as lost, and costs the primary a bounded memory under load', {
    timeout: 300_000,
  }, async () => {
    const primary = await network.untilPrimary();
    const slow = present(
      network.running.find((node) => node !== primary),
      'there are three',
    );
    // What a node needs anyway is there after a first load.
    for (let note = 0; note < 100; note++) await post(primary, `warm${note % 8}`);
    const before = Number((await measured(primary)).memory_rss_bytes);
    slow.signal('SIGSTOP');
    let peak = 0;
    for (let written = 0; written < loadBytes; written += noteBytes) {
      const answer = await post(primary, `note${(written / noteBytes) % 8}`);
      assert.ok([200, 503].includes(answer.status), `${answer.status}`);
      if ((written / noteBytes) % 50 !== 0) continue;
      const { memory_rss_bytes, link_queued_bytes } = await measured(primary);
      peak = Math.max(peak, Number(memory_rss_bytes));
      for (const bytes of Object.values(link_queued_bytes ?? {})) {
        assert.ok(Number(bytes) <= 32 * 1024 * 1024, `${bytes} bytes are queued`);
      }
    }
    process.stdout.write(`# grew by ${Math.round((peak - before) / 1e6)} MB\n`);
    assert.ok(peak - before < growthBytesMax, `grew by ${peak - before} bytes`);
    await primary.untilLogged('peer.lost');
    await primary.untilLogged('network.lag');
    slow.signal('SIGCONT');
    await primary.untilLogged('network.lag.over');
    const { committed_seqno } = await measured(primary);
    for (;;) {
      const { applied_seqno } = await measured(slow);
      if (Number(applied_seqno) >= Number(committed_seqno)) break;
    }
  });

  test('a node that knows of no primary says so, and that there is one again', {
    timeout: 120_000,
  }, async () => {
    const primary = await network.untilPrimary();
    const others = network.running.filter((node) => node !== primary);
    const from = primary.events.length;
    for (const other of others) other.signal('SIGSTOP');
    await primary.untilLogged('network.noPrimary', {}, from);
    assert.ok(Object.keys((await measured(primary)).troubles ?? {}).includes('noPrimary'));
    const refused = await post(primary, 'refused');
    assert.notEqual(refused.status, 200);
    for (const other of others) other.signal('SIGCONT');
    await primary.untilLogged('network.noPrimary.over', {}, from);
  });
});
