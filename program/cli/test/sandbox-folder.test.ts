import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type SandboxAccount, SandboxFolder } from '../src/sandbox-folder.ts';

const account = (digit: string): SandboxAccount => ({
  address: `0x${digit.repeat(40)}`,
  privateKey: `0x${digit.repeat(64)}`,
});
const accounts = () => [account('1'), account('2')];

describe('the sandbox’s folder', () => {
  let path: string;
  let folder: SandboxFolder;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'coco-folder-'));
    folder = new SandboxFolder(join(path, 'sandbox'));
  });
  afterEach(() => rm(path, { recursive: true, force: true }));

  test('gets keys that only its owner reads, once', async () => {
    await folder.prepare(accounts);
    const members = await folder.members();
    assert.equal(members.length, 3);
    for (const [place, files] of members.entries()) {
      const { spki, subject } = await files.readCertificate();
      assert.equal(subject, `member${place}`);
      assert.deepEqual((await files.readSigningKey()).spki, spki);
      const { publicPem } = await files.readEncryptionKey();
      assert.equal(await files.readEncryptionPublicKey(), publicPem);
    }
    assert.deepEqual(await folder.readAccounts(), accounts());
    const root = await folder.readDevelopmentRoot();
    for (const name of await readdir(folder.member('.'))) {
      assert.equal((await stat(folder.member(name))).mode & 0o077, 0, name);
    }
    assert.equal((await stat(folder.member('.'))).mode & 0o077, 0);
    await folder.prepare(() => [account('3'), account('4')]);
    assert.deepEqual(await folder.readAccounts(), accounts());
    assert.equal((await folder.readDevelopmentRoot()).id, root.id);
  });

  test('keys that were not complete are made anew', async () => {
    await folder.prepare(accounts);
    const certificate = () => readFile(folder.member('member0_cert.pem'), 'utf8');
    const old = await certificate();
    await rm(folder.member('accounts.json'));
    await folder.prepare(accounts);
    assert.notEqual(await certificate(), old);
  });

  test('keeps the one member that a sandbox of the first version has', async () => {
    await folder.prepare(accounts);
    for (const name of await readdir(folder.member('.'))) {
      if (/^member[12]_/.test(name)) await rm(folder.member(name));
    }
    await folder.prepare(accounts);
    assert.deepEqual(
      (await folder.members()).map(({ prefix }) => prefix),
      [folder.member('member0')],
    );
  });

  test('does without a member whose keys are lost', async () => {
    await folder.prepare(accounts);
    await rm(folder.member('member0_cert.pem'));
    assert.deepEqual(
      (await folder.members()).map(({ name }) => name),
      ['member1', 'member2'],
    );
  });

  test('a file that is gone or damaged is named, with the remedy', async () => {
    await folder.prepare(accounts);
    for (const place of [0, 1, 2]) await rm(folder.member(`member${place}_cert.pem`));
    const gone = { code: 'SandboxBroken', message: /members\/member0_cert\.pem.*--fresh/ };
    await assert.rejects(folder.members(), gone);
    for (const text of ['{', '[]', '{}', JSON.stringify([account('1')]), '[{"address":1},{}]']) {
      await writeFile(folder.member('accounts.json'), text);
      await assert.rejects(folder.readAccounts(), { code: 'SandboxBroken' }, text);
    }
    await writeFile(folder.member('development_root_privk.pem'), 'no key');
    await assert.rejects(folder.readDevelopmentRoot(), { code: 'InvalidKey' });
  });

  test('knows a ledger by its chunk files', async () => {
    assert.equal(await folder.hasLedger(), false);
    await mkdir(folder.ledgerPath, { recursive: true });
    assert.equal(await folder.hasLedger(), false);
    await writeFile(join(folder.ledgerPath, 'ledger_1'), '');
    assert.equal(await folder.hasLedger(), true);
    await folder.removeLedger();
    assert.equal(await folder.hasLedger(), false);
  });

  test('tells the running node’s addresses, or that none ran', async () => {
    await assert.rejects(folder.addresses(), { code: 'SandboxUnreachable', message: /npm start/ });
    await folder.prepare(accounts);
    const file = folder.node('rpc_addresses.json');
    await writeFile(file, '{"https":"127.0.0.1:1","ethereum":"127.0.0.1:2"}');
    const found = { httpsUrl: 'https://127.0.0.1:1', rpcUrl: 'http://127.0.0.1:2' };
    assert.deepEqual(await folder.addresses(), found);
    for (const text of ['{', '{}', '{"https":"127.0.0.1:1"}']) {
      await writeFile(file, text);
      await assert.rejects(folder.addresses(), { code: 'SandboxBroken' }, text);
    }
  });

  test('knows the identity that is being opened before the one that was', async () => {
    await folder.prepare(accounts);
    assert.deepEqual(await folder.knownIdentities(), []);
    await folder.rememberOpening({ previous: undefined, next: 'first' });
    await folder.confirmIdentity();
    assert.deepEqual(await folder.knownIdentities(), ['first']);
    await folder.rememberOpening({ previous: 'first', next: 'second' });
    assert.deepEqual(await folder.knownIdentities(), ['second', 'first']);
    await folder.confirmIdentity();
    assert.deepEqual(await folder.knownIdentities(), ['second']);
    assert.equal(await readFile(folder.member('service_identity.pem'), 'utf8'), 'second');
  });

  test('forgets no identity that a ledger may be of, however often an opening is cut short', async () => {
    await folder.prepare(accounts);
    await folder.rememberOpening({ previous: undefined, next: 'first' });
    // Killed behind the opening of the first, before it was confirmed; then the ledger is of it.
    await folder.rememberOpening({ previous: 'first', next: 'second' });
    assert.deepEqual(await folder.knownIdentities(), ['second', 'first']);
    // Killed before the opening of the second: the ledger is still of the first.
    await folder.rememberOpening({ previous: 'first', next: 'third' });
    assert.deepEqual(await folder.knownIdentities(), ['third', 'first']);
    // Killed behind the opening of the third.
    await folder.rememberOpening({ previous: 'third', next: 'fourth' });
    assert.deepEqual(await folder.knownIdentities(), ['fourth', 'third']);
    assert.equal(await folder.hasOpened(), true);
  });
});
