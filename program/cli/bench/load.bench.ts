/**
 * ERC-20 transfers over HTTP on a sandbox of one node, the load program beside it on the same
 * processors: throughput, time from sending to commit, CPU time by thread. Nothing is printed
 * before every receipt, event and balance was checked.
 *
 * `node program/cli/bench/load.bench.ts [--json] [--transfers=20000]`
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { present } from '@coco/base';
import { openSandbox } from '../src/sandbox.ts';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';
import { type LoadFigures, spawnLoad } from './load/spawn-load.ts';

const isJson = process.argv.includes('--json');
const given = process.argv.find((word) => word.startsWith('--transfers='));
const transfers = Number(given?.slice('--transfers='.length) ?? 20_000);
const quiet = { isInteractive: false, write: () => {} };

const loads: readonly (readonly [name: string, words: readonly string[]])[] = [
  ['one per request, 16 connections', ['--transfers', `${transfers}`]],
  ['batches of 20, 16 connections', ['--transfers', `${transfers}`, '--batch', '20']],
  ['sendRawTransactionSync, 16', ['--transfers', `${transfers / 2}`, '--sync']],
  [
    'sendRawTransactionSync, 1',
    ['--transfers', '500', '--sync', '--connections', '1', '--senders', '1'],
  ],
];

function show(name: string, figures: LoadFigures): void {
  const { perSecond, p50Ms, p99Ms, generatorCpuUs, threads } = figures;
  if (isJson) {
    console.log(JSON.stringify({ name, ...figures }));
    return;
  }
  const rate = `${perSecond.toFixed(0).padStart(6)}/s`;
  const times = `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
  const cpu = Object.entries({ ...threads?.[0], generator: Math.round(generatorCpuUs) });
  console.log(`${name.padEnd(34)} ${rate}  ${times}`);
  console.log(`  CPU, µs each: ${cpu.map(([thread, us]) => `${thread} ${us}`).join(', ')}`);
}

const folder = await mkdtemp(join(tmpdir(), 'coco-bench-'));
try {
  const options = {
    folder,
    httpsPort: 0,
    rpcPort: 0,
    chainId: sandboxDefaults.chainId,
    nodeCount: 1,
  };
  const sandbox = await openSandbox(options, quiet);
  const [account] = await sandbox.folder.readAccounts();
  const { rpcUrl, pid } = sandbox.network.first;
  const key = present(account, 'a sandbox has accounts').privateKey;
  for (const [name, words] of loads) {
    show(name, await spawnLoad(['--url', rpcUrl, '--key', key, '--pid', `${pid}`, ...words]));
  }
  sandbox.client.close();
  await sandbox.network.stop();
} finally {
  await rm(folder, { recursive: true, force: true });
}
