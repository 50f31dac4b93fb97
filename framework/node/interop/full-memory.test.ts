/** A whole node with little memory that is filled over HTTP: what it refuses, what goes on, and what frees. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Log } from '@coco/base';
import { utf8Decode } from '@coco/base';
import { type Answer, NodeHarness } from '../test/node-harness.ts';
import { createNotesAdapter } from '../test/notes-adapter.ts';

const noteBytes = 60_000;
/** Of what a node has on top of its heap and Raft at the start. */
const roomBytes = 40 * 1024 * 1024;

describe('a node whose memory fills up', () => {
  let harness: NodeHarness;
  let limits: Record<string, string>;
  const events: string[] = [];
  const log: Log = { write: (_level, event) => events.push(event) };

  before(async () => {
    harness = await NodeHarness.create(createNotesAdapter);
    await harness.start(undefined, { log });
    await harness.openService();
    const share = await memoryShare();
    const identity = await harness.keepIdentity();
    const pem = await readFile(join(harness.folder, 'node', 'service_cert.pem'), 'utf8');
    await harness.stop();
    limits = { memory: `${Math.ceil((share.usedBytes + roomBytes) / 1024)}KB` };
    await harness.start(identity, { log, limits });
    await harness.openService(pem);
  });
  after(() => harness.remove());

  /** What the node uses now, as it judges itself. */
  async function memoryShare(): Promise<{ usedBytes: number; level: number }> {
    const { json } = await harness.request('/node/metrics');
    const { memory_share, memory_heap_bytes, raft_memory_bytes, store_bytes, memory_level } =
      json as Record<string, number>;
    assert.ok(memory_share !== undefined && memory_level !== undefined);
    const usedBytes = (memory_heap_bytes ?? 0) + (raft_memory_bytes ?? 0) + (store_bytes ?? 0);
    return { usedBytes, level: memory_level };
  }

  const post = (name: string, bytes: number): Promise<Answer> =>
    harness.request(`/app/notes/${name}`, { method: 'POST', body: new Uint8Array(bytes).fill(65) });
  const remove = (name: string): Promise<Answer> =>
    harness.request(`/app/notes/${name}`, { method: 'DELETE' });
  const codeOf = ({ json }: Answer): string | undefined =>
    (json as { error?: { code: string } } | null)?.error?.code;
  const idOf = ({ json }: Answer): string => (json as { transactionId: string }).transactionId;

  test('warns, refuses what adds, reads, governs and deletes on, and takes writes again', async () => {
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
    assert.ok(events.includes('memory.low') && events.includes('memory.short'));
    assert.ok(names.length * noteBytes < roomBytes + 64 * 1024 * 1024, 'long before memory ends');
    assert.equal(await harness.decided(last), 'Committed');
    const read = await harness.request(`/app/notes/${names[0]}`);
    assert.equal(utf8Decode(read.bytes).length, noteBytes);
    const governed = await harness.decide([
      { name: 'remove_user', args: { user_id: '00'.repeat(32) } },
    ]);
    assert.equal(governed.status, 200, utf8Decode(governed.bytes));
    const kept = names.slice(0, 10);
    for (const name of names.slice(10)) assert.equal((await remove(name)).status, 200);
    for (;;) {
      const again = await post('again', 100);
      if (again.status === 200) break;
      assert.equal(codeOf(again), 'MemoryFull');
    }
    assert.ok(events.includes('memory.ample') || events.includes('memory.low'));
    for (const name of kept) {
      assert.equal((await harness.request(`/app/notes/${name}`)).status, 200);
    }
  });

  test('is recovered with what it held, and takes writes', async () => {
    const filled = await post('kept', noteBytes);
    assert.equal(await harness.decided(idOf(filled)), 'Committed');
    const identity = await harness.keepIdentity();
    const pem = await readFile(join(harness.folder, 'node', 'service_cert.pem'), 'utf8');
    await harness.stop();
    await harness.start(identity, { log, limits });
    await harness.openService(pem);
    const read = await harness.request('/app/notes/kept');
    assert.equal(utf8Decode(read.bytes).length, noteBytes);
    assert.equal((await post('after', 100)).status, 200);
  });
});
