import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runBackup, runRestore } from '../src/backup-command.ts';
import type { Given } from '../src/command-line.ts';
import { inspectLedgers } from '../src/recovery-inspect-command.ts';
import type { Terminal } from '../src/steps.ts';

const vector = (name: string): string =>
  fileURLToPath(new URL(`./vectors/${name}`, import.meta.url));
const silent: Terminal = { isInteractive: false, write: () => assert.fail('nothing is drawn') };

function given(
  positionals: readonly string[],
  flags: Readonly<Record<string, string>> = {},
): Given {
  return {
    positionals,
    text: (flag) => flags[flag],
    isSet: () => false,
    inOrder: () => [],
  };
}

describe('coco backup and coco restore', () => {
  let scratch = '';
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'coco-backup-'));
    await cp(vector('ledger-of-three'), join(scratch, 'node', 'ledger'), { recursive: true });
  });
  after(() => rm(scratch, { recursive: true, force: true }));

  const at = (...names: string[]): string => join(scratch, ...names);

  test('keep a node’s ledger, and put it back where a recovery can be judged from it', async () => {
    await runBackup(given([at('node'), at('backup')]), silent);
    await runBackup(given([at('node'), at('backup')]), silent);
    await runRestore(given([at('backup'), at('other')]), silent);
    const isChunk = (name: string): boolean => name.startsWith('ledger_');
    const files = (await readdir(at('node', 'ledger'))).filter(isChunk);
    assert.deepEqual((await readdir(at('other', 'ledger'))).filter(isChunk), files);
    const inspected = await inspectLedgers([at('other')], silent);
    assert.ok(!inspected.isEnough);
    assert.match(inspected.text, /comes from a backup, so it counts for none/);
  });

  test('refuse what is not there, what is not empty, and a service that is not its own', async () => {
    const nowhere = given([at('nowhere'), at('never')]);
    await assert.rejects(runBackup(nowhere, silent), { code: 'WrongUsage' });
    await assert.rejects(runRestore(nowhere, silent), { code: 'WrongUsage' });
    await mkdir(at('full', 'ledger'), { recursive: true });
    await writeFile(at('full', 'ledger', 'something'), '');
    await assert.rejects(runRestore(given([at('backup'), at('full')]), silent), {
      code: 'RestoreTargetNotEmpty',
    });
    const own = { 'service-certificate': vector('ledger-of-three.pem') };
    await runRestore(given([at('backup'), at('own')], own), silent);
    const foreign = { 'service-certificate': at('foreign.pem') };
    await writeFile(at('foreign.pem'), 'no certificate');
    await assert.rejects(runRestore(given([at('backup'), at('next')], foreign), silent), {
      code: 'InvalidCertificate',
    });
  });
});
