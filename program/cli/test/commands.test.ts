import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCommand } from '../src/command-line.ts';
import { commands } from '../src/commands.ts';

/** A folder in which no sandbox ever ran. */
const nowhere = '/nonexistent/sandbox';

async function run(...argv: readonly string[]): Promise<string> {
  const printed: string[] = [];
  await runCommand(commands, argv, (text) => printed.push(text));
  return printed.join('\n');
}

describe('the commands of coco', () => {
  test('each has a help with every flag, and a line in the overview', async () => {
    assert.ok(commands.length >= 18);
    const overview = await run('--help');
    for (const { name, summary, load } of commands) {
      const { flags } = await load();
      assert.ok(overview.includes(summary), name);
      const help = await run(...name.split(' '), '--help');
      for (const flag of Object.keys(flags))
        assert.ok(help.includes(`--${flag}`), `${name} ${flag}`);
      const shorts = Object.values(flags).flatMap(({ short }) => short ?? []);
      assert.equal(new Set(shorts).size, shorts.length, name);
    }
  });

  test('values that are wrong are refused before anything is done', async () => {
    const wrong: readonly (readonly [RegExp, ...string[]])[] = [
      [/not a port/, 'sandbox', '--port', 'x', '--folder', nowhere],
      [/not a port/, 'demo', '--rpc-port', '70000'],
      [/not a chain id/, 'sandbox', '--chain-id', '0', '--folder', nowhere],
      [/not a chain id/, 'sandbox', '--chain-id', '1.5', '--folder', nowhere],
      [/not a number of nodes/, 'sandbox', '--nodes', '8', '--folder', nowhere],
      [/not a number of nodes/, 'sandbox', '--nodes', '0', '--folder', nowhere],
      [/not an amount/, 'transfer', '--amount=-1', '--folder', nowhere],
      [/needs --config/, 'node'],
      [/cannot be read/, 'node', '--config', `${nowhere}.json`],
      [/not a time/, 'node', '--config', `${nowhere}.json`, '--config-timeout', 'soon'],
      [/cannot be read/, 'receipt', 'verify', `${nowhere}.json`],
      [/needs --name/, 'member', 'create'],
      [/no folder/, 'member', 'create', '--name', 'a', '--out', nowhere],
      [/not a curve/, 'member', 'create', '--name', 'a', '--curve', 'P-521'],
      [/not an address/, 'member', 'list', '--network', 'http://127.0.0.1:1'],
      [/whom to trust/, 'member', 'list', '--network', 'https://127.0.0.1:1'],
    ];
    for (const [message, ...argv] of wrong) {
      await assert.rejects(run(...argv), { code: 'WrongUsage', message }, argv.join(' '));
    }
  });

  test('without a sandbox, its tools say to start one', async () => {
    const message = /start (one|the sandbox).*npm start/;
    const hash = `0x${'11'.repeat(32)}`;
    const unreachable = { code: 'SandboxUnreachable', message };
    await assert.rejects(run('transfer', '--folder', nowhere), unreachable);
    await assert.rejects(run('receipt', 'verify', hash, '--folder', nowhere), unreachable);
    for (const words of ['member list', 'proposal list', 'proposal create', 'governance show']) {
      await assert.rejects(run(...words.split(' '), '--folder', nowhere), unreachable, words);
    }
    await assert.rejects(run('ballot', 'submit', 'ababab', '--folder', nowhere), unreachable);
    const broken = { code: 'SandboxBroken', message };
    await assert.rejects(run('operator-view', '--folder', nowhere), broken);
  });
});
