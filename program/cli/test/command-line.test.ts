import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Command,
  type CommandEntry,
  type Given,
  parseDurationMs,
  parsePort,
  runCommand,
} from '../src/command-line.ts';

interface Ran {
  readonly printed: string;
  readonly command: string | undefined;
  readonly given: Given | undefined;
}

async function run(...argv: readonly string[]): Promise<Ran> {
  let ran: { command: string; given: Given } | undefined;
  const flagged = (name: string): Command => ({
    flags: {
      config: { type: 'string', short: 'c', value: 'FILE', meaning: 'a file' },
      fresh: { type: 'boolean', meaning: 'anew' },
      action: { type: 'string', isRepeatable: true, meaning: 'a step' },
      arg: { type: 'string', isRepeatable: true, meaning: 'of the step before' },
    },
    run: async (given) => {
      ran = { command: name, given };
    },
  });
  const command = (name: string, positionals: readonly string[]): CommandEntry => ({
    name,
    positionals,
    summary: `the summary of ${name}`,
    load: async () => flagged(name),
  });
  const printed: string[] = [];
  const commands = [
    command('receipt', []),
    command('receipt verify', ['<hash>']),
    command('node', []),
    command('show', ['<id>', '[file]']),
  ];
  await runCommand(commands, argv, (text) => printed.push(text));
  return { printed: printed.join('\n'), command: ran?.command, given: ran?.given };
}

function refused(argv: readonly string[], message: RegExp): Promise<void> {
  return assert.rejects(run(...argv), { code: 'WrongUsage', message });
}

describe('the command line', () => {
  test('without a word, or with --help, it lists the commands', async () => {
    for (const argv of [[], ['--help'], ['-h'], ['help'], ['nonsense', '--help']]) {
      const { printed, command } = await run(...argv);
      assert.match(printed, /^usage: coco <command> \[flags\]/);
      assert.match(printed, / {2}receipt verify <hash> {2}the summary of receipt verify/);
      assert.equal(command, undefined);
    }
  });

  test('flags that may stand several times keep their order', async () => {
    const argv = ['--action', 'a', '--arg', 'b', '--config', 'x', '--action=c', '--arg=d=e'];
    const { given } = await run('node', ...argv);
    assert.deepEqual(given?.inOrder(['action', 'arg']), [
      { flag: 'action', text: 'a' },
      { flag: 'arg', text: 'b' },
      { flag: 'action', text: 'c' },
      { flag: 'arg', text: 'd=e' },
    ]);
    assert.deepEqual(given?.inOrder(['fresh']), []);
  });

  test('what stands in brackets may be left out', async () => {
    assert.deepEqual((await run('show', '1')).given?.positionals, ['1']);
    assert.deepEqual((await run('show', '1', 'file')).given?.positionals, ['1', 'file']);
    await refused(['show'], /comes <id> \[file\]/);
    await refused(['show', '1', '2', '3'], /comes <id> \[file\]/);
  });

  test('the help of a command names its flags and runs nothing', async () => {
    const { printed, command } = await run('receipt', 'verify', '--help');
    assert.match(printed, /^usage: coco receipt verify <hash> \[flags\]/);
    assert.match(printed, / {2}-c, --config FILE {2}a file/);
    assert.match(printed, / {2}--fresh {12}anew/);
    assert.equal(command, undefined);
  });

  test('the longest name wins; flags and positionals may mix', async () => {
    const { command, given } = await run('receipt', 'verify', '--config', 'a.json', '0x12');
    assert.equal(command, 'receipt verify');
    assert.deepEqual(given?.positionals, ['0x12']);
    assert.equal(given?.text('config'), 'a.json');
    assert.equal(given?.isSet('fresh'), false);
    assert.equal((await run('receipt')).command, 'receipt');
  });

  test('short flags, and values after an equals sign', async () => {
    assert.equal((await run('node', '-c', 'b.json')).given?.text('config'), 'b.json');
    const { given } = await run('node', '--config=c.json', '--fresh');
    assert.equal(given?.text('config'), 'c.json');
    assert.equal(given?.isSet('fresh'), true);
    assert.equal((await run('node')).given?.text('config'), undefined);
  });

  test('what is wrong is refused with what to do', async () => {
    await refused(['nod'], /^There is no command "nod"; see "coco --help"\.$/);
    await refused(['node', '--confg', 'x'], /'--confg'; see "coco node --help"\.$/);
    await refused(['node', '--config'], /argument.*see "coco node --help"\.$/);
    await refused(['node', '--config', '-x'], /^[^\n]*ambiguous; see "coco node --help"\.$/);
    await refused(['node', '--fresh=yes'], /see "coco node --help"\.$/);
    await refused(['node', 'extra'], /^After "coco node" comes nothing; see/);
    await refused(['receipt', 'verify'], /^After "coco receipt verify" comes <hash>; see/);
    await refused(['receipt', 'verify', 'a', 'b'], /comes <hash>/);
  });

  test('ports are whole numbers of 0 to 65535', () => {
    assert.equal(parsePort(undefined, 8000), 8000);
    assert.equal(parsePort('0', 8000), 0);
    assert.equal(parsePort('65535', 8000), 65_535);
    for (const text of ['', '-1', '65536', '80a', ' 80', '1e3', '0x50', '100000']) {
      assert.throws(() => parsePort(text, 1), { code: 'WrongUsage', message: /not a port/ }, text);
    }
  });

  test('durations have a unit, or count seconds', () => {
    assert.equal(parseDurationMs(undefined, 7), 7);
    assert.equal(parseDurationMs('0', 7), 0);
    assert.equal(parseDurationMs('5', 7), 5000);
    assert.equal(parseDurationMs('500ms', 7), 500);
    assert.equal(parseDurationMs('2min', 7), 120_000);
    assert.equal(parseDurationMs('1h', 7), 3_600_000);
    for (const text of ['', 'soon', '-1s', '1.5s', '5 s', '5d', '1234567', 'toString']) {
      assert.throws(() => parseDurationMs(text, 1), { code: 'WrongUsage' }, text);
    }
  });
});
