/**
 * Recoveries that are cut short, refused or forced: whole nodes on real files, several lives each,
 * and so too slow for the room's own tests.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { present, utf8Decode, utf8Encode } from '@coco/base';
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

/** Where the entries of an open chunk begin. */
function entryPositions(chunk: Buffer): readonly number[] {
  const positions: number[] = [];
  for (let at = 8; at < chunk.length; at += 8 + chunk.readUInt32LE(at + 2)) positions.push(at);
  return positions;
}

describe('a node that comes back', { concurrency: true }, () => {
  test('damage in the newest file stops a recovery until the operator accepts the loss', async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      await harness.start();
      await harness.openService();
      // The opening's snapshot writes its evidence: what is damaged below stands behind it.
      while ((await harness.request('/node/snapshot')).status !== 308);
      await harness.decided(await write(harness, 'kept', 'safe'));
      const damagedFrom = await write(harness, 'lost', 'gone');
      await harness.decided(damagedFrom);
      const old = (await harness.request('/node/network')).json as Json;
      const previous = await harness.keepIdentity();
      await harness.stop();
      // The chunk that is still written to.
      const open = (await readdir(harness.ledgerFolder)).find((name) => /^ledger_\d+$/.test(name));
      const newest = join(harness.ledgerFolder, present(open, 'a chunk is open'));
      const bytes = await readFile(newest);
      // The entry before the last signature: a whole signature stands behind the damage.
      const damaged = (entryPositions(bytes).at(-2) ?? 0) + 100;
      bytes.fill(0, damaged, damaged + 4);
      await writeFile(newest, bytes);
      await assert.rejects(harness.start(previous), { code: 'LedgerDamaged' });
      await harness.start(previous, { acceptTailLoss: true });
      await harness.openService(String(old.service_certificate));
      assert.equal(utf8Decode((await harness.request('/app/notes/kept')).bytes), 'safe');
      assert.equal((await harness.request('/app/notes/lost')).status, 404);
    } finally {
      await harness.remove();
    }
  });

  test('an unfinished recovery is discarded and the next one works', async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      await harness.start();
      await harness.openService();
      const id = await write(harness, 'kept', 'safe');
      await harness.decided(id);
      const old = (await harness.request('/node/network')).json as Json;
      const previous = await harness.keepIdentity();
      await harness.stop();
      await harness.start(previous);
      for (let tries = 0; ; tries++) {
        const files = await readdir(harness.ledgerFolder);
        if (files.some((name) => name.endsWith('.recovery'))) break;
        assert.ok(tries < 1000, 'the recovery writes files of its own');
        await harness.request('/node/state');
      }
      await harness.stop();
      await harness.start(previous);
      await harness.openService(String(old.service_certificate));
      assert.equal(utf8Decode((await harness.request('/app/notes/kept')).bytes), 'safe');
    } finally {
      await harness.remove();
    }
  });

  test('refuses a foreign identity, and a service that never opened', async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    const other = await NodeHarness.create(createNotesAdapter);
    try {
      await harness.start();
      const own = await harness.keepIdentity();
      await harness.stop();
      await assert.rejects(harness.start(own), { code: 'ServiceNeverOpened' });
      await assert.rejects(harness.start(), { code: 'LedgerNotEmpty' });
      await other.start();
      await other.openService();
      await other.stop();
      await writeFile(
        join(other.folder, 'foreign.pem'),
        await readFile(join(harness.folder, 'previous.pem')),
      );
      await assert.rejects(other.start('../foreign.pem'), { code: 'PreviousIdentityMismatch' });
    } finally {
      await harness.remove();
      await other.remove();
    }
  });
});
