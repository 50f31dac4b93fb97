/** A node before its service is open, one that is started again on its files, and one whose files cannot be written. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { toBase64, utf8Decode, utf8Encode } from '@coco/base';
import { verifyReceipt } from '@coco/receipt';
import { NodeHarness } from '../test/node-harness.ts';
import { createNotesAdapter } from '../test/notes-adapter.ts';

type Json = Record<string, unknown>;

async function write(harness: NodeHarness, name: string, text: string): Promise<string> {
  const answer = await harness.request(`/app/notes/${name}`, {
    method: 'POST',
    body: utf8Encode(text),
  });
  assert.equal(answer.status, 200, utf8Decode(answer.bytes));
  return (answer.json as { transactionId: string }).transactionId;
}

test('a new node serves /node and /gov before the service is open, and nothing else', async () => {
  const harness = await NodeHarness.create(createNotesAdapter);
  await harness.start();
  const state = (await harness.request('/node/state')).json as Json;
  assert.equal(state.state, 'PartOfNetwork');
  const early = await harness.request('/app/notes/a');
  assert.equal(early.status, 404);
  assert.equal((early.json as { error: Json }).error.code, 'FrontendNotOpen');
  assert.equal((await harness.request('/node/ready/gov')).status, 204);
  assert.equal((await harness.request('/node/ready/app')).status, 503);
  await harness.remove();
});

// Each has a node and a folder of its own; half of their time is waiting for disk and worker.
describe('a node that comes back', { concurrency: 3 }, () => {
  test('recovers everything by its member, and old receipts verify', async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      await harness.start(undefined, { chunkSize: '2KB' });
      await harness.openService();
      const ids: string[] = [];
      for (let at = 0; at < 20; at++) ids.push(await write(harness, `note${at}`, `text ${at}`));
      for (const id of ids) assert.equal(await harness.decided(id), 'Committed');
      const old = (await harness.request('/node/network')).json as Json;
      const previous = await harness.keepIdentity();
      await harness.stop();
      const names = await readdir(harness.ledgerFolder);
      assert.ok(names.some((name) => name.endsWith('.committed')));

      // The operator keeps old files elsewhere.
      await mkdir(join(harness.folder, 'archive'));
      for (const name of names.filter((one) => one.endsWith('.committed'))) {
        await rename(join(harness.ledgerFolder, name), join(harness.folder, 'archive', name));
      }
      const node = await harness.start(previous, {
        chunkSize: '2KB',
        readOnlyLedger: '../archive',
      });
      assert.equal(node.state(), 'PartOfPublicNetwork');
      assert.ok(Number(node.recoveredSeqno) >= 25);
      const early = await harness.request('/app/notes/note1');
      assert.equal((early.json as { error: Json }).error.code, 'FrontendNotOpen');
      await harness.openService(String(old.service_certificate));
      for (let at = 0; at < 20; at++) {
        const note = await harness.request(`/app/notes/note${at}`);
        assert.equal(utf8Decode(note.bytes), `text ${at}`);
      }
      for (const id of ids) assert.equal(await harness.decided(id), 'Committed');
      const network = (await harness.request('/node/network')).json as Json;
      assert.equal(network.current_view, 4);
      assert.equal(network.recovery_count, 1);
      const receipt = await harness.request(`/app/receipt/cose?transaction_id=${ids[3]}`);
      const identity = (await harness.request('/node/service/previous_identity')).json as {
        endorsements: { endorsement: string }[];
      };
      const verified = await verifyReceipt({
        receipt: receipt.bytes,
        serviceIdentity: String(network.service_certificate),
        endorsements: identity.endorsements.map(({ endorsement }) =>
          Buffer.from(endorsement, 'base64'),
        ),
      });
      assert.equal(verified.isCurrentIdentity, false);
      const files = await readdir(harness.ledgerFolder);
      assert.ok(files.every((name) => !name.endsWith('.recovery')));
    } finally {
      await harness.remove();
    }
  });

  test('nothing private is readable in any file', async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      await harness.start();
      await harness.openService();
      const secret = 'marker-5fd1c0ffee-of-a-secret-note';
      await harness.decided(await write(harness, secret, secret));
      await harness.stop();
      const folder = join(harness.folder, 'node');
      const files = await readdir(folder, { recursive: true, withFileTypes: true });
      const forms = [secret, toBase64(utf8Encode(secret)), Buffer.from(secret).toString('hex')];
      let searched = 0;
      for (const file of files.filter((one) => one.isFile())) {
        const content = await readFile(join(file.parentPath, file.name), 'latin1');
        searched++;
        for (const form of forms) assert.ok(!content.includes(form.slice(0, 12)), file.name);
      }
      assert.ok(searched >= 3);
    } finally {
      await harness.remove();
    }
  });
});

describe('a node whose ledger cannot be written', () => {
  test('does not start, says why, and leaves nothing behind', { timeout: 20_000 }, async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      // A folder in the place of the first chunk file: the disk refuses to make it.
      await mkdir(join(harness.ledgerFolder, 'ledger_1'), { recursive: true });
      await assert.rejects(harness.start(), {
        code: 'ReplicaFailed',
        message: 'The ledger could not be made durable. The disk refused to open.',
      });
      await assert.rejects(readFile(join(harness.folder, 'node', 'node.pid')), { code: 'ENOENT' });
    } finally {
      await harness.remove();
    }
  });

  test('acknowledges nothing when the disk fails, and stops', { timeout: 20_000 }, async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      const node = await harness.start(undefined, { chunkSize: '1B' });
      await harness.openService();
      const names = (await readdir(harness.ledgerFolder)).map((name) =>
        Number(/-(\d+)/.exec(name)?.[1] ?? 0),
      );
      await mkdir(join(harness.ledgerFolder, `ledger_${Math.max(...names) + 1}`));
      const id = await write(harness, 'a', 'never durable');
      await assert.rejects(node.failed, { code: 'ReplicaFailed' });
      const { json } = await harness.request(`/node/tx?transaction_id=${id}`);
      assert.equal((json as Json).status, 'Pending');
      await harness.stop();
    } finally {
      await harness.remove();
    }
  });
});
