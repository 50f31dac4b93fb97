/** A whole node on a real disk that fills up: what it refuses, what it goes on doing, and how it resumes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Log, LogFields } from '@coco/base';
import { utf8Decode } from '@coco/base';
import { type Answer, NodeHarness } from '../test/node-harness.ts';
import { createNotesAdapter } from '../test/notes-adapter.ts';
import { SmallDisk } from './small-disk.ts';

const megabyte = 1024 * 1024;
const limits = { disk_warning: '4MB', disk_reserve: '2MB' };

describe('a node whose disk fills up', () => {
  let harness: NodeHarness;
  let disk: SmallDisk;
  const events: { event: string; fields: LogFields }[] = [];
  const log: Log = { write: (_level, event, fields = {}) => events.push({ event, fields }) };

  before(async () => {
    harness = await NodeHarness.create(createNotesAdapter);
    disk = await SmallDisk.mount(harness.ledgerFolder, 8 * megabyte);
    await harness.start(undefined, { limits, log });
    await harness.openService();
  });
  after(async () => {
    disk.free();
    await harness.stop();
    disk.unmount();
    await harness.remove();
  });

  const write = (name: string, bytes = 100): Promise<Answer> =>
    harness.request(`/app/notes/${name}`, { method: 'POST', body: new Uint8Array(bytes).fill(65) });

  const codeOf = ({ json }: Answer): string | undefined =>
    (json as { error?: { code: string } } | null)?.error?.code;

  const idOf = ({ json }: Answer): string => (json as { transactionId: string }).transactionId;

  /** Writes until the answer is another than it was. */
  async function until(status: number): Promise<Answer> {
    for (;;) {
      const answer = await write('probe');
      if (answer.status === status) return answer;
    }
  }

  async function said(event: string): Promise<LogFields> {
    for (;;) {
      const found = events.find((one) => one.event === event);
      if (found) return found.fields;
      await harness.request('/node/state');
    }
  }

  test('warns, then refuses applications, reads and governs on, and resumes by itself', async () => {
    const first = idOf(await write('first'));
    disk.leave(3 * megabyte);
    await said('disk.low');
    assert.equal((await write('low')).status, 200);
    disk.leave(1.5 * megabyte);
    const refused = await until(503);
    assert.equal(codeOf(refused), 'StorageFull');
    assert.equal((await harness.request('/app/notes/first')).status, 200);
    assert.equal(await harness.decided(first), 'Committed');
    assert.equal((await receipt(first)).status, 200);
    const removed = await harness.decide([
      { name: 'remove_user', args: { user_id: '00'.repeat(32) } },
    ]);
    assert.equal(removed.status, 200, utf8Decode(removed.bytes));
    disk.free();
    const again = await until(200);
    assert.equal(await harness.decided(idOf(again)), 'Committed');
    await said('disk.short');
    await said('disk.ample');
  });

  test('waits with a write that has no room at all, and commits it when there is some', async () => {
    const before = idOf(await write('before'));
    assert.equal(await harness.decided(before), 'Committed');
    // Between two measures, so that nothing is refused in time.
    disk.leave(0);
    const executed: string[] = [];
    for (;;) {
      const answer = await write(`late${executed.length}`, 40_000);
      if (answer.status !== 200) break;
      executed.push(idOf(answer));
    }
    await said('disk.full');
    assert.ok(executed.length > 0, 'some were executed before the node knew');
    const [last = ''] = executed.slice(-1);
    const status = await harness.request(`/node/tx?transaction_id=${last}`);
    assert.equal((status.json as { status: string }).status, 'Pending');
    assert.equal((await harness.request('/app/notes/before')).status, 200);
    assert.equal((await receipt(before)).status, 200, 'files are read while a write waits');
    const refused = await write('more');
    assert.deepEqual([refused.status, codeOf(refused)], [503, 'StorageFull']);
    disk.free();
    for (const id of executed) assert.equal(await harness.decided(id), 'Committed');
    await until(200);
  });

  test('is recovered from the disk that was full, with all that was acknowledged', async () => {
    const kept = await write('kept', 5000);
    assert.equal(await harness.decided(idOf(kept)), 'Committed');
    const identity = await readFile(join(harness.folder, 'node', 'service_cert.pem'), 'utf8');
    const previous = await harness.keepIdentity();
    disk.leave(0);
    for (let count = 0; ; count++) {
      if ((await write(`lost${count}`, 40_000)).status !== 200) break;
    }
    await harness.stop();
    await assert.rejects(harness.start(previous, { limits, log }), { code: 'StorageFull' });
    disk.free();
    await harness.start(previous, { limits, log });
    await harness.openService(identity);
    const read = await harness.request('/app/notes/kept');
    assert.equal(utf8Decode(read.bytes), 'A'.repeat(5000));
    assert.equal((await write('after')).status, 200);
  });

  async function receipt(id: string): Promise<Answer> {
    for (;;) {
      const answer = await harness.request(`/app/receipt/cose?transaction_id=${id}`);
      if (answer.status !== 202) return answer;
    }
  }
});
