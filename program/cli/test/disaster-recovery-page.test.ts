/** docs/operations/disaster-recovery.md: its commands are commands, and those on files are run. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createIdentity } from '../../../framework/ledger/test/sample-writer.ts';
import { createNode, folder, Writer } from '../../../framework/recovery/test/copies-writer.ts';
import { type CommandEntry, parseCommand } from '../src/command-line.ts';
import { commands } from '../src/commands.ts';

const page = new URL('../../../docs/operations/disaster-recovery.md', import.meta.url);
const lines = (await readFile(page, 'utf8')).split('\n').filter((line) => line.startsWith('$ '));
const argvs = lines.map((line) => line.slice(2).split(' '));
const ofFiles = ['backup', 'restore', 'recovery inspect', 'cp'];

function entryOf(argv: readonly string[]): CommandEntry | undefined {
  return commands
    .filter(({ name }) => `${argv.slice(1).join(' ')} `.startsWith(`${name} `))
    .sort((one, other) => other.name.length - one.name.length)[0];
}

describe('the page on the loss of nodes', () => {
  let scratch = '';
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'coco-page-'));
    const nodes = [createNode(), createNode(), createNode()] as const;
    const writer = await Writer.create(await createIdentity(), nodes);
    for (const at of [0, 2, 1] as const) {
      await writer.write(1);
      const disk = await writer.copy(nodes[at]);
      const path = join(scratch, `node${at + 1}`);
      await mkdir(join(path, 'ledger'), { recursive: true });
      for (const name of await disk.list(folder)) {
        await writeFile(join(path, 'ledger', name), await disk.readFile(`${folder}/${name}`, 1e8));
      }
      await writeFile(join(path, 'service_cert.pem'), writer.service.identity.certificatePem);
    }
    await mkdir(join(scratch, 'node2', 'snapshots'));
    await mkdir(join(scratch, 'node4'));
  });
  after(() => rm(scratch, { recursive: true, force: true }));

  test('every command exists, with the flags and words that it is given', async () => {
    const ours = argvs.filter(([program]) => program === 'coco');
    assert.ok(ours.length >= 10);
    for (const argv of ours) {
      const entry = entryOf(argv);
      assert.ok(entry, argv.join(' '));
      parseCommand(entry, await entry.load(), argv.slice(1 + entry.name.split(' ').length));
    }
  });

  test('what works on files alone does what the page says, in its order', async () => {
    const printed: string[] = [];
    const { log } = console;
    console.log = (text: string) => void printed.push(text);
    try {
      for (const argv of argvs) await runOnFiles(argv);
    } finally {
      console.log = log;
    }
    const said = printed.join('\n');
    assert.match(said, /Recover from .*node2, up to/);
    assert.match(said, /backup1 holds .* verified/);
    assert.match(said, /is restored up to/);
    assert.match(said, /NOT enough/);
  });

  async function runOnFiles(argv: readonly string[]): Promise<void> {
    const entry = entryOf(argv);
    if (!ofFiles.includes(entry?.name ?? argv[0] ?? '')) return;
    const at = (word: string): string => join(scratch, word);
    if (!entry) {
      const [from = '', to = ''] = argv.slice(-2);
      return cp(at(from), at(to), { recursive: true });
    }
    const command = await entry.load();
    const words = argv.slice(1 + entry.name.split(' ').length).map(at);
    await command.run(parseCommand(entry, command, words));
    process.exitCode = undefined;
  }
});
