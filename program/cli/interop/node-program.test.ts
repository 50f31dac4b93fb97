/**
 * `coco node` as a program, by what operators and CCF's infrastructure expect of CCF's: flags,
 * output files, signals, what goes to stdout and stderr, and where it may be started from.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { writeConfiguration } from '../src/node-configuration.ts';
import type { NodeFolder } from '../src/node-folder.ts';
import { launcherPath } from '../src/program.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { prepareKeys } from '../src/sandbox-keys.ts';
import { pause } from './sandbox-process.ts';

const pollMs = 20;
const startMsMax = 60_000;
const signalMsMax = 10_000;

class Program {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(
    argv: readonly string[],
    place: { cwd?: string; launcher?: string; env?: NodeJS.ProcessEnv } = {},
  ) {
    const { launcher = launcherPath, ...options } = place;
    const child = spawn(process.execPath, [launcher, ...argv], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdout.on('data', (part) => {
      this.stdout += part;
    });
    child.stderr.on('data', (part) => {
      this.stderr += part;
    });
    this.ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  }

  get lastLine(): string {
    return this.stdout.trimEnd().split('\n').at(-1) ?? '';
  }

  async saysBefore(text: string): Promise<void> {
    const untilMs = performance.now() + startMsMax;
    while (!this.stdout.includes(text)) {
      const isOver = this.#child.exitCode !== null || performance.now() > untilMs;
      assert.ok(!isOver, `"${text}" never came:\n${this.stdout}${this.stderr}`);
      await pause(pollMs);
    }
  }

  /** The exit code after a signal, or undefined when the program outlives its time. */
  async signalled(signal: NodeJS.Signals): Promise<number | null | undefined> {
    this.#child.kill(signal);
    return Promise.race([this.ended, pause(signalMsMax).then(() => undefined)]);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

describe('coco node', () => {
  let path: string;
  let node: NodeFolder;
  let config: string;
  const programs: Program[] = [];

  const run = (...given: ConstructorParameters<typeof Program>): Program => {
    const program = new Program(...given);
    programs.push(program);
    return program;
  };

  const changeConfiguration = async (change: (value: Record<string, object>) => void) => {
    const value = JSON.parse(await readFile(config, 'utf8')) as Record<string, object>;
    change(value);
    await writeFile(config, JSON.stringify(value));
  };

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'coco-program-'));
    const folder = new SandboxFolder(path);
    node = folder.nodeFolder('node0');
    const privateKey = generatePrivateKey();
    const accounts = [{ privateKey, address: privateKeyToAccount(privateKey).address }];
    await prepareKeys(folder, () => accounts);
    const ports = { https: 0, rpc: 0 };
    const beginning = { kind: 'start' } as const;
    await writeConfiguration(folder, node, { ports, chainId: 7, accounts, beginning });
    config = node.file('config.json');
  });
  afterEach(async () => {
    for (const program of programs.splice(0)) await program.kill();
    await rm(path, { recursive: true, force: true });
  });

  test('runs from any folder, through a link, without an environment; SIGTERM ends it', async () => {
    const link = join(path, 'coco-link.ts');
    await symlink(launcherPath, link);
    const program = run(['node', '-c', config], { cwd: tmpdir(), launcher: link, env: {} });
    await program.saysBefore('node.started');
    for (const file of ['node_cert.pem', 'service_cert.pem']) {
      assert.match(await readFile(node.file(file), 'utf8'), /^-----BEGIN CERTIFICATE-----/);
    }
    assert.match(await readFile(node.file('node.pid'), 'utf8'), /^\d+$/);
    const addresses = JSON.parse(await readFile(node.file('rpc_addresses.json'), 'utf8'));
    assert.deepEqual(Object.keys(addresses).sort(), ['ethereum', 'https']);
    for (const address of Object.values(addresses)) {
      assert.match(String(address), /^127\.0\.0\.1:[1-9]\d*$/);
    }
    const [host, port] = String(addresses.https).split(':');
    const ca = await readFile(node.file('service_cert.pem'), 'utf8');
    const status = await new Promise((resolve, reject) => {
      const asked = request({ host, port, ca, path: '/node/state', agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject);
      asked.end();
    });
    assert.equal(status, 200);
    assert.equal(await program.signalled('SIGTERM'), 0);
    assert.equal(program.stderr, '');
    const line = /^\d{4}-\d\d-\d\dT[\d:.]+Z \d+ +\[(info|fail|debug) ?\] [\w. :]+ \|( .*)?$/;
    for (const text of program.stdout.trimEnd().split('\n')) assert.match(text, line);
    await assert.rejects(access(node.file('node.pid')), 'the pid file is gone');
  });

  test('SIGHUP says "Hangup: " and ends it; the Json log is one object a line', async () => {
    await changeConfiguration((value) => {
      value.logging = { format: 'Json' };
    });
    const program = run(['node', '--config', config]);
    await program.saysBefore('node.started');
    assert.equal(await program.signalled('SIGHUP'), 0);
    assert.match(program.stdout, /Hangup: /);
    assert.equal(program.stderr, '');
    for (const text of program.stdout.trimEnd().split('\n')) {
      const { time, level, event } = JSON.parse(text) as Record<string, string>;
      assert.ok(time && level && event, text);
    }
  });

  test('a signal during the start ends it, too', async () => {
    const program = run(['node', '--config', config]);
    while (!(await readdir(node.path)).includes('node.pid')) await pause(pollMs);
    const code = await program.signalled('SIGTERM');
    assert.equal(code, 0);
    assert.equal(program.stderr, '');
  });

  test('a pid file of a running process is respected; one of a dead process is not', async () => {
    await writeFile(node.file('node.pid'), `${process.pid}`);
    const refused = run(['node', '--config', config]);
    assert.equal(await refused.ended, 1);
    assert.match(refused.lastLine, /PID file node\.pid already exists\. Exiting\.$/);
    assert.equal(await readFile(node.file('node.pid'), 'utf8'), `${process.pid}`);
    const dead = run(['node', '--version']);
    await dead.ended;
    await writeFile(node.file('node.pid'), '4194303');
    const program = run(['node', '--config', config]);
    await program.saysBefore('node.started');
    assert.equal(await program.signalled('SIGINT'), 0);
  });

  test('--check judges the configuration and touches nothing', async () => {
    const before = await readdir(node.path);
    const good = run(['node', '--config', config, '--check']);
    assert.equal(await good.ended, 0);
    assert.equal(good.stdout, 'The configuration is in order.\n');
    assert.deepEqual(await readdir(node.path), before);
    await changeConfiguration((value) => {
      value.ledger = { chunk_size: 'large' };
    });
    const bad = run(['node', '--config', config, '--check']);
    assert.equal(await bad.ended, 1);
    const sentence = 'coco: "ledger.chunk_size" must be a size such as "5MB".';
    assert.equal(bad.stderr, `${sentence} (InvalidConfiguration)\n`);
  });

  test('--version, -v, and wrong flags', async () => {
    for (const flag of ['--version', '-v']) {
      const program = run(['node', flag]);
      assert.equal(await program.ended, 0);
      assert.match(program.stdout, /^\d+\.\d+\.\d+\n$/);
    }
    const wrong = run(['node', '--config', config, '--log-level', 'loud']);
    assert.equal(await wrong.ended, 2);
    assert.match(wrong.stderr, /^coco: --log-level is one of .*\(WrongUsage\)\n$/);
  });

  test('--config-timeout waits for a configuration that parses, but not for ever', async () => {
    const late = node.file('late.json');
    await writeFile(late, '{"network":');
    const patient = run(['node', '--config', late, '--config-timeout', '30s', '--check']);
    await pause(1_000);
    await writeFile(late, await readFile(config));
    assert.equal(await patient.ended, 0);
    const absent = node.file('absent.json');
    const impatient = run(['node', '--config', absent, '--config-timeout', '300ms', '--check']);
    assert.equal(await impatient.ended, 2);
    assert.match(impatient.stderr, /absent\.json cannot be read/);
  });

  test('a file that the configuration names and that is not there is one sentence', async () => {
    await rm(join(path, 'members', 'member0_cert.pem'));
    const program = run(['node', '--config', config]);
    assert.equal(await program.ended, 1);
    assert.match(
      program.lastLine,
      /code=InvalidConfiguration .*member0_cert\.pem".*cannot be read/,
    );
    await assert.rejects(access(node.file('node.pid')));
  });
});
