/**
 * A real node: `coco sandbox` as its own process, in a folder of its own, for suites that talk to
 * it as users do. The caller stops it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Hex } from 'viem';

const program = fileURLToPath(new URL('../../../program/cli/src/main.ts', import.meta.url));
const openMsMax = 120_000;
const pollMs = 20;

export const sandboxChainId = 2017;

export interface SandboxNode {
  /** JSON-RPC of each node, the first node's first. */
  readonly urls: readonly [string, ...string[]];
  /** Keys with ether. */
  readonly keys: readonly [Hex, Hex];
  /** Each node's process, in the order of `urls`. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** Resolves once the network is open. */
export async function startSandbox(nodeCount = 1): Promise<SandboxNode> {
  const folder = await mkdtemp(join(tmpdir(), 'coco-clients-'));
  const ports = ['--port', '0', '--rpc-port', '0'];
  const argv = ['sandbox', '--folder', folder, ...ports, '--nodes', String(nodeCount)];
  const child = spawn(process.execPath, [program, ...argv, '--no-replace'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part) => {
      said.text += part;
    });
  }
  await opened(child, said);
  const read = async (path: string): Promise<string> => await readFile(join(folder, path), 'utf8');
  const names: readonly string[] = JSON.parse(await read('nodes.json'));
  const urls = await Promise.all(
    names.map(async (name) => {
      const { ethereum } = JSON.parse(await read(`${name}/rpc_addresses.json`));
      return `http://${ethereum}`;
    }),
  );
  const pids = await Promise.all(names.map(async (name) => Number(await read(`${name}/node.pid`))));
  const accounts: { readonly privateKey: Hex }[] = JSON.parse(await read('members/accounts.json'));
  const [first, second] = accounts.map(({ privateKey }) => privateKey);
  const [url, ...others] = urls;
  assert.ok(first && second && url);
  return {
    urls: [url, ...others],
    keys: [first, second],
    pids,
    stop: async () => {
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGINT');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function opened(child: ChildProcess, said: { readonly text: string }): Promise<void> {
  const untilMs = performance.now() + openMsMax;
  while (!said.text.includes('Coco is open')) {
    assert.ok(child.exitCode === null && performance.now() < untilMs, said.text);
    await new Promise((done) => setTimeout(done, pollMs));
  }
}
