import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { MemoryDisk } from '@coco/base';
import { createIdentity } from '../../../framework/ledger/test/sample-writer.ts';
import {
  beginLate,
  createNode,
  folder,
  snapshots,
  Writer,
} from '../../../framework/recovery/test/copies-writer.ts';
import { inspectLedgers } from '../src/recovery-inspect-command.ts';
import type { Terminal } from '../src/steps.ts';

const silent: Terminal = { isInteractive: false, write: () => assert.fail('nothing is drawn') };

describe('coco recovery inspect', () => {
  let scratch = '';
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'coco-inspect-'));
  });
  after(() => rm(scratch, { recursive: true, force: true }));

  /** Files of a disk in memory, in the ledger folder of a node's folder. */
  async function save(name: string, disk: MemoryDisk): Promise<string> {
    const path = join(scratch, name, 'ledger');
    await mkdir(path, { recursive: true });
    for (const file of await disk.list(folder)) {
      await writeFile(join(path, file), await disk.readFile(`${folder}/${file}`, 1e8));
    }
    for (const file of await disk.list(snapshots)) {
      await mkdir(join(scratch, name, 'snapshots'), { recursive: true });
      const bytes = await disk.readFile(`${snapshots}/${file}`, 1e8);
      await writeFile(join(scratch, name, 'snapshots', file), bytes);
    }
    return join(scratch, name);
  }

  const nodes = [createNode(), createNode(), createNode()] as const;

  test('names the ledger to recover from, what another would lose, and who is missing', async () => {
    const writer = await Writer.create(await createIdentity(), nodes);
    await writer.write(1);
    const behind = await save('behind', await writer.copy(nodes[1]));
    await writer.write(2);
    const whole = join(await save('whole', await writer.copy(nodes[0])), 'ledger');
    const end = writer.service.sequencer.nextSeqno - 1;
    const both = await inspectLedgers([behind, whole], silent);
    assert.ok(both.isEnough);
    assert.match(both.text, /behind: recovering from it would lose 8 entries/);
    assert.match(both.text, new RegExp(`Recover from ${whole}, up to 2\\.${end}\\.`));
    assert.match(both.text, new RegExp(`${nodes[2].id.slice(0, 8)}.*: MISSING`));
    const { recoverFrom, isEnough } = both.document as Record<string, unknown>;
    assert.deepEqual([recoverFrom, isEnough], [whole, true]);
    const one = await inspectLedgers([behind], silent);
    assert.ok(!one.isEnough);
    assert.match(one.text, /NOT enough: other nodes.*\n.*one more node that voted/);
  });

  test('a ledger that begins with a snapshot is judged by the snapshot beside it', async () => {
    const writer = await Writer.create(await createIdentity(), nodes);
    await writer.snapshot();
    await writer.write(2);
    const late = await save('late', await beginLate(writer, nodes[0]));
    const whole = await save('full', await writer.copy(nodes[1]));
    const { text, document, isEnough } = await inspectLedgers([late, whole], silent);
    assert.ok(isEnough, text);
    assert.match(text, /begins with a snapshot: the entries up to seqno \d+ are not here/);
    const { ledgers } = document as { ledgers: readonly { beginsAfter: number }[] };
    assert.ok((ledgers[0]?.beginsAfter ?? 0) > 0);
    assert.equal(ledgers[1]?.beginsAfter, 0);
    // Elsewhere, it is named; without it the folder says what is missing.
    const elsewhere = join(scratch, 'elsewhere');
    await rename(join(late, 'snapshots'), elsewhere);
    const named = await inspectLedgers([late, whole], silent, [elsewhere]);
    assert.ok(named.isEnough);
    const without = await inspectLedgers([late, whole], silent);
    assert.match(without.text, /cannot be used: The files before ledger_/);
    await assert.rejects(inspectLedgers([late], silent, [join(scratch, 'nowhere')]), {
      code: 'WrongUsage',
    });
  });

  test('a damaged folder is told and left out; where no folder can be used, it says why', async () => {
    const writer = await Writer.create(await createIdentity(), nodes);
    const whole = await save('kept', await writer.copy(nodes[0]));
    const empty = join(scratch, 'empty');
    await mkdir(empty);
    const inspected = await inspectLedgers([whole, empty], silent);
    assert.match(inspected.text, /empty\n {4}cannot be used: It holds no signed ledger/);
    await assert.rejects(inspectLedgers([empty], silent), {
      code: 'WrongUsage',
      message: /no signed ledger/,
    });
    await assert.rejects(inspectLedgers([join(scratch, 'nowhere')], silent), {
      code: 'WrongUsage',
      message: /cannot be read/,
    });
  });

  test('ledgers of different services are refused', async () => {
    const [one, other] = [
      await Writer.create(await createIdentity(), nodes),
      await Writer.create(await createIdentity(), nodes),
    ];
    const folders = [await save('one', one.disk), await save('other', other.disk)];
    await assert.rejects(inspectLedgers(folders, silent), { code: 'LedgersUnrelated' });
  });
});
