/**
 * Networks of several nodes on this machine, each node a process of its own, and the load program
 * beside them: ERC-20 transfers and committed writes as the number of nodes grows; memory, catching
 * up and recovery as the state grows. Nothing is printed before it was checked: receipts, events
 * and balances by the load program, rows of the grown state on every node.
 *
 * `node program/cli/bench/network.bench.ts [--json] [--nodes=1,3,5] [--transfers=10000]
 * [--keys=10000,100000,1000000] [--to=all|primary]`
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, present } from '@coco/base';
import type { Hex } from 'viem';
import { openSandbox, type Sandbox } from '../src/sandbox.ts';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';
import { watchNodes } from '../src/sandbox-watch.ts';
import { fillState, lastSlotOf } from './load/fill-state.ts';
import { Rpc } from './load/rpc.ts';
import { type LoadFigures, spawnLoad } from './load/spawn-load.ts';

const isJson = process.argv.includes('--json');
const quiet = { isInteractive: false, write: () => {} };
const option = (name: string): string | undefined =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const numbers = (text: string): readonly number[] => text.split(',').map(Number);
const nodeCounts = numbers(option('nodes') ?? '1,3,5');
const keyCounts = numbers(option('keys') ?? '10000,100000,1000000');
const transfers = Number(option('transfers') ?? 10_000);
/** Whether the load goes to every node alike, or to the one that executes. */
const isToPrimary = option('to') === 'primary';
const stateNodes = 3;
/** A node that was killed is replaced, and the new one has caught up. */
const catchUpMsMax = 120_000;
const pollMs = 20;

interface Row {
  readonly name: string;
  readonly [column: string]: string | number;
}

function show(row: Row): void {
  if (isJson) {
    console.log(JSON.stringify(row));
    return;
  }
  const { name, ...columns } = row;
  const parts = Object.entries(columns).map(([column, value]) => `${column} ${value}`);
  console.log(`${name.padEnd(46)} ${parts.join(', ')}`);
}

async function withSandbox<Result>(
  folder: string,
  nodeCount: number,
  act: (sandbox: Sandbox) => Promise<Result>,
): Promise<Result> {
  const { chainId } = sandboxDefaults;
  const options = { folder, httpsPort: 0, rpcPort: 0, chainId, nodeCount };
  const sandbox = await openSandbox(options, quiet);
  try {
    return await act(sandbox);
  } finally {
    sandbox.client.close();
    sandbox.visits.close();
    await sandbox.network.stop();
  }
}

async function keyOf(sandbox: Sandbox): Promise<Hex> {
  const [account] = await sandbox.folder.readAccounts();
  return present(account, 'a sandbox has accounts').privateKey;
}

/** Rates and latencies of one network. */
async function loads(sandbox: Sandbox): Promise<void> {
  const { nodes, first } = sandbox.network;
  // In a new network the node that began the service is the primary.
  const targets = isToPrimary ? [first] : nodes;
  const key = await keyOf(sandbox);
  const rpc = targets.map(({ rpcUrl }) => rpcUrl);
  const https = targets.map(({ httpsUrl }) => `${httpsUrl}/ethereum`);
  const pids = nodes.flatMap(({ pid }) => ['--pid', `${pid}`]);
  const idle = ['--sync', '--connections', '1', '--senders', '1', '--transfers', '200'];
  const few = ['--transfers', `${transfers / 2}`];
  const all = ['--transfers', `${transfers}`];
  const plans: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['ERC-20, one per request, 16 connections', rpc, all],
    ['ERC-20, batches of 20, 16 connections', rpc, [...all, '--batch', '20']],
    [
      'ERC-20, batches of 20, 1,800 due each second',
      rpc,
      [...all, '--batch', '20', '--rate', '1800'],
    ],
    ['committed writes over HTTPS, 16 connections', https, [...few, '--sync']],
    ['a committed write over HTTPS, idle network', https, [...idle, '--warmup', '200']],
  ];
  for (const [name, urls, words] of plans) {
    const places = urls.flatMap((url) => ['--url', url]);
    const figures = await spawnLoad([...places, '--key', key, ...pids, ...words]);
    show({ name: `${nodes.length} nodes: ${name}`, ...columnsOf(figures) });
  }
}

function columnsOf({ perSecond, p50Ms, p99Ms, generatorCpuUs, threads = [] }: LoadFigures) {
  const cpu = threads.map((one) => Object.values(one).reduce((sum, us) => sum + us, 0));
  return {
    per_second: Math.round(perSecond),
    p50_ms: Number(p50Ms.toFixed(1)),
    p99_ms: Number(p99Ms.toFixed(1)),
    cpu_us_by_node: cpu.join(' + '),
    cpu_us_generator: Math.round(generatorCpuUs),
  };
}

const memoryMib = (pid: number): number => {
  const [, kib = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Math.round(Number(kib) / 1024);
};

/** Grows the state to `keys` rows, replaces a node, and stops; gives the contract with the rows. */
async function grow(sandbox: Sandbox, keys: number): Promise<Hex> {
  const { network, visits } = sandbox;
  const rpc = await Rpc.open(network.first.rpcUrl);
  const startedMs = performance.now();
  const contract = await fillState(rpc, await keyOf(sandbox), keys);
  const fillMs = performance.now() - startedMs;
  rpc.close();
  const memory = network.nodes.map(({ pid }) => memoryMib(pid));
  const watch = watchNodes({ network, visits, tell: () => {} }, { isReplacing: true });
  const catchUpMs = await replaceLast(sandbox, contract, keys);
  watch.stop();
  show({
    name: `state of ${keys.toLocaleString('en-US')} keys, ${network.nodes.length} nodes`,
    fill_s: Number((fillMs / 1000).toFixed(1)),
    memory_mib: memory.join(' / '),
    replaced_and_caught_up_s: Number((catchUpMs / 1000).toFixed(1)),
  });
  return contract;
}

/** Kills the last node; how long until the one in its place has all of the state. */
async function replaceLast({ network }: Sandbox, contract: Hex, keys: number): Promise<number> {
  const killed = present(network.nodes.at(-1), 'a network has nodes');
  const startedMs = performance.now();
  killed.kill('SIGKILL');
  for (;;) {
    const spentMs = performance.now() - startedMs;
    assert(spentMs < catchUpMsMax, 'a killed node is replaced');
    const node = present(network.nodes.at(-1), 'a network has nodes');
    if (node !== killed && (await hasRows(node.rpcUrl, contract, keys))) return spentMs;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function hasRows(url: string, contract: Hex, keys: number): Promise<boolean> {
  const rpc = await Rpc.open(url).catch(() => undefined);
  if (!rpc) return false;
  const value = await lastSlotOf(rpc, contract, keys).catch(() => 0);
  rpc.close();
  return value === keys;
}

async function recover(folder: string, contract: Hex, keys: number): Promise<void> {
  const startedMs = performance.now();
  await withSandbox(folder, stateNodes, async ({ network }) => {
    const seconds = (performance.now() - startedMs) / 1000;
    for (const { rpcUrl } of network.nodes) {
      assert(await hasRows(rpcUrl, contract, keys), 'every node has the rows after recovery');
    }
    show({
      name: `recovery with ${keys.toLocaleString('en-US')} keys, ${stateNodes} nodes`,
      seconds: Number(seconds.toFixed(1)),
      memory_mib: network.nodes.map(({ pid }) => memoryMib(pid)).join(' / '),
    });
  });
}

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coco-bench-'));
  try {
    await act(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

for (const count of nodeCounts) await inFolder((folder) => withSandbox(folder, count, loads));
for (const keys of keyCounts) {
  await inFolder(async (folder) => {
    const contract = await withSandbox(folder, stateNodes, (sandbox) => grow(sandbox, keys));
    await recover(folder, contract, keys);
  });
}
