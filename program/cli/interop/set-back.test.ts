/**
 * A sandbox whose files were set back, or lost in part, is refused before its member opens
 * anything, and what is left of it stays, so that it can be restored.
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { asSeqno, present } from '@coco/base';
import { encodeMemory, parseMemory } from '@coco/sdk';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { prepareKeys } from '../src/sandbox-keys.ts';
import { SandboxProcess } from './sandbox-process.ts';

describe('a sandbox that was set back', () => {
  let folder: string;
  const member = (name: string) => join(folder, 'members', name);
  const ledger = () => join(folder, 'node0', 'ledger');

  async function once(...flags: string[]): Promise<{ code: number | null; output: string }> {
    const sandbox = SandboxProcess.spawn(folder, ['--once', ...flags]);
    const code = await sandbox.ended;
    return { code, output: sandbox.output };
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-set-back-'));
    assert.equal((await once()).code, 0);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('is not opened on a ledger that lacks what was seen committed', async () => {
    const file = member('client_memory.json');
    const seen = await readFile(file, 'utf8');
    const memory = parseMemory(seen);
    const { view, seqno } = present(memory.committed, 'a client saw a commit');
    const later = { view, seqno: asSeqno(seqno + 1000) };
    await writeFile(file, encodeMemory({ ...memory, committed: later }));
    const { code, output } = await once();
    assert.equal(code, 1, output);
    assert.match(output, new RegExp(`The ledger ends before transaction ${view}\\.${later.seqno}`));
    assert.match(output, /restore the folders of its nodes \(node0/);
    await writeFile(file, seen);
    assert.equal((await once()).code, 0);
  });

  test('keeps its ledger when its member lost the identity of the service', async () => {
    const file = member('service_identity.pem');
    await rename(file, `${file}.lost`);
    const names = await readdir(ledger());
    const { code, output } = await once();
    assert.equal(code, 1, output);
    assert.match(output, /of another service/);
    assert.deepEqual(await readdir(ledger()), names);
    await rename(`${file}.lost`, file);
    assert.equal((await once()).code, 0);
  });

  test('does not begin anew when its ledger is gone', async () => {
    await rename(ledger(), `${ledger()}.lost`);
    const { code, output } = await once();
    assert.equal(code, 1, output);
    assert.match(output, /The ledger of this sandbox is gone/);
    await rename(`${ledger()}.lost`, ledger());
    assert.equal((await once()).code, 0);
  });

  test('opens again with two of its three members', async () => {
    const files = ['member0_cert.pem', 'member0_privk.pem', 'member0_enc_privk.pem'];
    for (const name of files) await rename(member(name), member(`${name}.lost`));
    const { code, output } = await once();
    assert.equal(code, 0, output);
    for (const name of files) await rename(member(`${name}.lost`), member(name));
  });

  test('begins anew with --fresh, which deletes nothing but the sandbox', async () => {
    await cp(member('accounts.json'), join(folder, 'other.json'));
    assert.equal((await once('--fresh')).code, 0);
    const other = await readFile(join(folder, 'other.json'), 'utf8');
    assert.notEqual(await readFile(member('accounts.json'), 'utf8'), other);
  });

  test('of one member, as the first version made it, opens and opens again', async () => {
    await rm(folder, { recursive: true });
    const account = { address: `0x${'1'.repeat(40)}`, privateKey: `0x${'1'.repeat(64)}` } as const;
    await prepareKeys(new SandboxFolder(folder), () => [account, account]);
    for (const name of await readdir(member('.'))) {
      if (/^member[12]_/.test(name)) await rm(member(name));
    }
    for (const _ of ['a new network', 'recovered']) {
      const { code, output } = await once();
      assert.equal(code, 0, output);
    }
  });
});
