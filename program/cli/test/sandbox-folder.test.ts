import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type SandboxAccount, SandboxFolder } from '../src/sandbox-folder.ts';
import {
  confirmIdentity,
  createNodeFolders,
  prepareKeys,
  rememberNodes,
  rememberOpening,
  sandboxMembers,
} from '../src/sandbox-keys.ts';

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
    await prepareKeys(folder, accounts);
    const members = await sandboxMembers(folder);
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
    await prepareKeys(folder, () => [account('3'), account('4')]);
    assert.deepEqual(await folder.readAccounts(), accounts());
    assert.equal((await folder.readDevelopmentRoot()).id, root.id);
  });

  test('keys that were not complete are made anew', async () => {
    await prepareKeys(folder, accounts);
    const certificate = () => readFile(folder.member('member0_cert.pem'), 'utf8');
    const old = await certificate();
    await rm(folder.member('accounts.json'));
    await prepareKeys(folder, accounts);
    assert.notEqual(await certificate(), old);
  });

  test('keeps the one member that a sandbox of the first version has', async () => {
    await prepareKeys(folder, accounts);
    for (const name of await readdir(folder.member('.'))) {
      if (/^member[12]_/.test(name)) await rm(folder.member(name));
    }
    await prepareKeys(folder, accounts);
    assert.deepEqual(
      (await sandboxMembers(folder)).map(({ prefix }) => prefix),
      [folder.member('member0')],
    );
  });

  test('does without a member whose keys are lost', async () => {
    await prepareKeys(folder, accounts);
    await rm(folder.member('member0_cert.pem'));
    assert.deepEqual(
      (await sandboxMembers(folder)).map(({ name }) => name),
      ['member1', 'member2'],
    );
  });

  test('a file that is gone or damaged is named, with the remedy', async () => {
    await prepareKeys(folder, accounts);
    for (const place of [0, 1, 2]) await rm(folder.member(`member${place}_cert.pem`));
    const gone = { code: 'SandboxBroken', message: /members\/member0_cert\.pem.*--fresh/ };
    await assert.rejects(sandboxMembers(folder), gone);
    for (const text of ['{', '[]', '{}', JSON.stringify([account('1')]), '[{"address":1},{}]']) {
      await writeFile(folder.member('accounts.json'), text);
      await assert.rejects(folder.readAccounts(), { code: 'SandboxBroken' }, text);
    }
    await writeFile(folder.member('development_root_privk.pem'), 'no key');
    await assert.rejects(folder.readDevelopmentRoot(), { code: 'InvalidKey' });
  });

  test('knows a ledger by its chunk files', async () => {
    const node = folder.nodeFolder('node0');
    assert.equal(await node.hasLedger(), false);
    await mkdir(node.ledgerPath, { recursive: true });
    assert.equal(await node.hasLedger(), false);
    await writeFile(join(node.ledgerPath, 'ledger_10-19.committed'), '');
    assert.deepEqual([await node.hasLedger(), await node.hasWholeLedger()], [true, false]);
    await writeFile(join(node.ledgerPath, 'ledger_1-9.committed'), '');
    assert.deepEqual([await node.hasLedger(), await node.hasWholeLedger()], [true, true]);
  });

  test('gives no number of a node twice, and knows which nodes the network has', async () => {
    const names = (nodes: readonly { name: string }[]) => nodes.map(({ name }) => name);
    assert.deepEqual(names(await folder.nodes()), ['node0']);
    await prepareKeys(folder, accounts);
    assert.deepEqual(names(await createNodeFolders(folder, 2)), ['node0', 'node1']);
    const [third, ...none] = await createNodeFolders(folder, 1);
    assert.ok(third && none.length === 0);
    assert.equal(third.name, 'node2');
    await rememberNodes(folder, [third, folder.nodeFolder('node0')]);
    assert.deepEqual(names(await folder.nodes()), ['node2', 'node0']);
    assert.deepEqual(names(await folder.allNodes()).sort(), ['node0', 'node1', 'node2']);
    for (const text of ['{', '{}', '[]', '["../members"]']) {
      await writeFile(folder.nodesPath, text);
      await assert.rejects(folder.nodes(), { code: 'SandboxBroken' }, text);
    }
  });

  test('is removed with all of its nodes, and nothing else', async () => {
    await prepareKeys(folder, accounts);
    const nodes = await createNodeFolders(folder, 3);
    await rememberNodes(folder, nodes);
    await writeFile(join(folder.path, 'notes.txt'), '');
    await folder.remove();
    assert.deepEqual(await readdir(folder.path), ['notes.txt']);
  });

  test('tells the addresses of its nodes, those that run first, or that none ran', async () => {
    await assert.rejects(folder.addresses(), { code: 'SandboxUnreachable', message: /npm start/ });
    await prepareKeys(folder, accounts);
    const nodes = await createNodeFolders(folder, 3);
    await rememberNodes(folder, nodes);
    const [first, , third] = nodes;
    assert.ok(first && third);
    const texts = [first, third].map(
      (_, at) => `{"https":"127.0.0.1:${at + 1}","ethereum":"127.0.0.1:${at + 11}"}`,
    );
    await writeFile(first.file('rpc_addresses.json'), texts[0] ?? '');
    await writeFile(third.file('rpc_addresses.json'), texts[1] ?? '');
    const urls = async () => (await folder.addresses()).map(({ httpsUrl }) => httpsUrl);
    assert.deepEqual(await urls(), ['https://127.0.0.1:1', 'https://127.0.0.1:2']);
    await writeFile(third.file('node.pid'), String(process.pid));
    assert.deepEqual(await urls(), ['https://127.0.0.1:2', 'https://127.0.0.1:1']);
    const [{ name, rpcUrl }] = await folder.addresses();
    assert.deepEqual([name, rpcUrl], ['node2', 'http://127.0.0.1:12']);
    for (const text of ['{', '{}', '{"https":"127.0.0.1:1"}']) {
      await writeFile(first.file('rpc_addresses.json'), text);
      await assert.rejects(folder.addresses(), { code: 'SandboxBroken' }, text);
    }
  });

  test('knows the identity that is being opened before the one that was', async () => {
    await prepareKeys(folder, accounts);
    assert.deepEqual(await folder.knownIdentities(), []);
    await rememberOpening(folder, { previous: undefined, next: 'first' });
    await confirmIdentity(folder);
    assert.deepEqual(await folder.knownIdentities(), ['first']);
    await rememberOpening(folder, { previous: 'first', next: 'second' });
    assert.deepEqual(await folder.knownIdentities(), ['second', 'first']);
    await confirmIdentity(folder);
    assert.deepEqual(await folder.knownIdentities(), ['second']);
    assert.equal(await readFile(folder.member('service_identity.pem'), 'utf8'), 'second');
  });

  test('forgets no identity that a ledger may be of, however often an opening is cut short', async () => {
    await prepareKeys(folder, accounts);
    await rememberOpening(folder, { previous: undefined, next: 'first' });
    // Killed behind the opening of the first, before it was confirmed; then the ledger is of it.
    await rememberOpening(folder, { previous: 'first', next: 'second' });
    assert.deepEqual(await folder.knownIdentities(), ['second', 'first']);
    // Killed before the opening of the second: the ledger is still of the first.
    await rememberOpening(folder, { previous: 'first', next: 'third' });
    assert.deepEqual(await folder.knownIdentities(), ['third', 'first']);
    // Killed behind the opening of the third.
    await rememberOpening(folder, { previous: 'third', next: 'fourth' });
    assert.deepEqual(await folder.knownIdentities(), ['fourth', 'third']);
    assert.equal(await folder.hasOpened(), true);
  });
});
