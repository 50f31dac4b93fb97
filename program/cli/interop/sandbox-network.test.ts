/**
 * What `npm start` promises of a network: three nodes open, their primary is killed with SIGKILL
 * under load and replaced, nothing acknowledged is lost, Ctrl-C ends all, and the next start has
 * everything. One node and five nodes do, too.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { callRpc } from '../src/json-rpc-client.ts';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { coco } from './coco-process.ts';
import { FailoverLoad } from './failover-load.ts';
import { isRunning, pause, SandboxProcess } from './sandbox-process.ts';
import { missing } from './transfer-load.ts';

const loadMs = 1_500;

interface Status {
  readonly health: string;
  readonly primary: string;
  readonly trustedCount: number;
  readonly warnings: readonly { readonly code: string }[];
  readonly nodes: readonly {
    readonly nodeId: string;
    readonly status: string;
    readonly url: string;
  }[];
}

async function statusOf(folder: string): Promise<Status & { readonly exitCode: number | null }> {
  const { code, stdout, stderr } = await coco('status', '--json', '--folder', folder);
  assert.notEqual(stdout, '', stderr);
  return { ...(JSON.parse(stdout) as Status), exitCode: code };
}

/** The name of the node that leads. */
async function primaryOf(folder: string): Promise<string> {
  const { nodes, primary } = await statusOf(folder);
  const url = nodes.find(({ nodeId }) => nodeId === primary)?.url;
  const found = (await new SandboxFolder(folder).addresses()).find(
    ({ httpsUrl }) => httpsUrl === url,
  );
  assert.ok(found, 'the primary is a node of the sandbox');
  return found.name;
}

describe('a sandbox of three nodes', () => {
  let folder: string;
  let place: SandboxFolder;
  let sandbox: SandboxProcess;
  let load: FailoverLoad;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-network-'));
    place = new SandboxFolder(folder);
    sandbox = SandboxProcess.spawn(folder, ['--nodes', '3']);
    await sandbox.opened();
    load = new FailoverLoad(place, sandboxDefaults.chainId);
  });
  after(async () => {
    await sandbox.kill();
    await rm(folder, { recursive: true, force: true });
  });

  /** Everything acknowledged, asked of every node. */
  const assertNothingMissing = async () => {
    const running = await sandbox.pids();
    // The ledger of a node that was replaced stays until the ledger says that it has no vote.
    const addresses = (await place.addresses()).filter(({ name }) => running.has(name));
    assert.equal(addresses.length, 3);
    for (const { name, rpcUrl } of addresses) {
      assert.deepEqual(await missing(rpcUrl, load.acknowledged), [], name);
    }
  };

  test('opens: three processes, one service, Ethereum on each', async (context) => {
    const opened = /Coco is open \(([\d.]+) s, new network\)/.exec(sandbox.output)?.[1];
    context.diagnostic(`open after ${opened} s`);
    const { health, trustedCount, exitCode } = await statusOf(folder);
    assert.deepEqual([health, trustedCount, exitCode], ['healthy', 3, 0]);
    assert.equal((await sandbox.pids()).size, 3);
    for (const { rpcUrl } of await place.addresses()) {
      assert.equal(Number(await callRpc(rpcUrl, 'eth_chainId', [])), sandboxDefaults.chainId);
    }
  });

  test('its primary is killed under load: nothing is lost, and a new node replaces it', async (context) => {
    const killed = await primaryOf(folder);
    let isOver = false;
    const running = load.run(() => isOver);
    await pause(loadMs);
    const before = load.acknowledged.length;
    assert.ok(before > 0, 'there was load');
    process.kill((await sandbox.pids()).get(killed) ?? 0, 'SIGKILL');
    const sent = await coco('transfer', '--folder', folder);
    assert.equal(sent.code, 0, sent.stderr);
    await sandbox.says(new RegExp(`${killed} ended \\(SIGKILL\\): 2 of 3 nodes left`));
    await sandbox.says(/node[12] is primary now/);
    await sandbox.says(new RegExp(`node3 starts in place of ${killed}`));
    await sandbox.says(new RegExp(`node3 is part of the network, ${killed} is not`));
    await pause(loadMs);
    isOver = true;
    await running;
    assert.ok(load.acknowledged.length > before, 'the load went on');
    context.diagnostic(`slowest transfer ${load.slowestMs.toFixed(0)} ms`);
    await assertNothingMissing();
    const { health, trustedCount, exitCode, warnings } = await statusOf(folder);
    assert.deepEqual([health, trustedCount, exitCode], ['healthy', 3, 0], JSON.stringify(warnings));
    assert.equal((await sandbox.pids()).has('node3'), true);
  });

  test('Ctrl-C ends every process, and the next start has everything', async () => {
    const pids = [...(await sandbox.pids()).values()];
    assert.equal(pids.length, 3);
    assert.equal(await sandbox.interrupt(), 0);
    assert.deepEqual(pids.filter(isRunning), []);
    sandbox = SandboxProcess.spawn(folder, ['--nodes', '3']);
    await sandbox.opened();
    assert.match(sandbox.output, /recovered: \d+ ledger transactions/);
    await assertNothingMissing();
    const folders = (await readdir(folder)).filter((name) => /^node\d+$/.test(name));
    assert.equal(folders.length, 3, 'folders of former nodes are gone');
    assert.equal((await statusOf(folder)).exitCode, 0);
  });

  test('its nodes end with their parent, however that ends', async () => {
    const pids = [...(await sandbox.pids()).values()];
    await sandbox.killParent();
    const untilMs = performance.now() + 20_000;
    while (pids.some(isRunning) && performance.now() < untilMs) await pause(50);
    assert.deepEqual(pids.filter(isRunning), []);
    const { exitCode, health } = await statusOf(folder);
    assert.deepEqual([health, exitCode], ['down', 2]);
  });

  test('without a majority it ends and says so, and the next start has everything', async () => {
    sandbox = SandboxProcess.spawn(folder, ['--nodes', '3', '--no-replace']);
    await sandbox.opened();
    let isOver = false;
    const running = load.run(() => isOver);
    await pause(loadMs);
    const [first, second] = (await sandbox.pids()).values();
    process.kill(first ?? 0, 'SIGKILL');
    await sandbox.says(/2 of 3 nodes left/);
    const degraded = await statusOf(folder);
    assert.ok(degraded.exitCode === 1 || degraded.exitCode === 2, JSON.stringify(degraded));
    isOver = true;
    await running;
    process.kill(second ?? 0, 'SIGKILL');
    assert.equal(await sandbox.ended, 1);
    assert.match(sandbox.output, /1 of 3 nodes are left, which is no majority/);
    sandbox = SandboxProcess.spawn(folder, ['--nodes', '3']);
    await sandbox.opened();
    await assertNothingMissing();
  });
});

test('a sandbox of one node, of five, and of one again', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'coco-network-'));
  try {
    for (const count of ['1', '5', '1']) {
      const sandbox = SandboxProcess.spawn(folder, ['--nodes', count, '--once']);
      assert.equal(await sandbox.ended, 0, sandbox.output);
      const names = (await readdir(folder)).filter((name) => /^node\d+$/.test(name));
      assert.equal(names.length, Number(count), names.join());
      const seconds = /Coco is open \(([\d.]+) s/.exec(sandbox.output)?.[1];
      context.diagnostic(`${count} node(s): open after ${seconds} s`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
