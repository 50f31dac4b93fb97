/**
 * Unmodified libraries at one backup of three nodes, while the primary is killed: each sends one
 * transfer after another and waits for its receipt, and neither sees more than a delay.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ethers } from 'ethers';
import { createPublicClient, createWalletClient, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { callRpc } from '../src/json-rpc-client.ts';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { coco } from './coco-process.ts';
import { pause, SandboxProcess } from './sandbox-process.ts';

const { chainId } = sandboxDefaults;
const loadMs = 1_500;
const value = 1n;
const fees = { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n } as const;

interface Sent {
  readonly hash: string;
  readonly tookMs: number;
}

type Send = () => Promise<string>;

/** A library sends without a pause; what it throws fails the test. */
async function sendUntil(isOver: () => boolean, send: Send): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  while (!isOver()) {
    const startedMs = performance.now();
    sent.push({ hash: await send(), tookMs: performance.now() - startedMs });
  }
  return sent;
}

function viemSender(url: string, key: `0x${string}`, to: `0x${string}`): Send {
  const account = privateKeyToAccount(key);
  const chain = {
    id: chainId,
    name: 'Coco',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  };
  const transport = http(url, { timeout: 20_000 });
  const wallet = createWalletClient({ account, chain, transport });
  const reader = createPublicClient({ chain, transport, pollingInterval: 50 });
  return async () => {
    const hash = await wallet.sendTransaction({ to, value, ...fees });
    const { status } = await reader.waitForTransactionReceipt({ hash, timeout: 30_000 });
    assert.equal(status, 'success');
    return hash;
  };
}

function ethersSender(url: string, key: `0x${string}`, to: `0x${string}`): Send {
  // Blocks come faster than ethers forgets the last nonce that it was told.
  const options = { staticNetwork: true, cacheTimeout: -1 };
  const provider = new ethers.JsonRpcProvider(url, chainId, options);
  provider.pollingInterval = 50;
  const wallet = new ethers.Wallet(key, provider);
  return async () => {
    const sent = await wallet.sendTransaction({ to, value, ...fees });
    const receipt = await sent.wait(1, 30_000);
    assert.equal(receipt?.status, 1);
    return sent.hash;
  };
}

describe('one backup of a sandbox of three nodes', () => {
  let folder: string;
  let place: SandboxFolder;
  let sandbox: SandboxProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-backup-'));
    place = new SandboxFolder(folder);
    sandbox = SandboxProcess.spawn(folder, ['--nodes', '3', '--no-replace']);
    await sandbox.opened();
  });
  after(async () => {
    await sandbox.kill();
    await rm(folder, { recursive: true, force: true });
  });

  test('serves viem and ethers while the primary is killed', async (context) => {
    const { stdout } = await coco('status', '--json', '--folder', folder);
    const status = JSON.parse(stdout) as {
      readonly primary: string;
      readonly nodes: readonly { readonly nodeId: string; readonly url: string }[];
    };
    const addresses = await place.addresses();
    const primaryUrl = status.nodes.find(({ nodeId }) => nodeId === status.primary)?.url;
    const primary = addresses.find(({ httpsUrl }) => httpsUrl === primaryUrl);
    const backups = addresses.filter(({ httpsUrl }) => httpsUrl !== primaryUrl);
    const [backup] = backups;
    assert.ok(primary && backup);
    const [one, two] = await place.readAccounts();
    assert.ok(one && two);
    const targets = [`0x${'51'.repeat(20)}`, `0x${'52'.repeat(20)}`] as const;
    let isOver = false;
    const running = Promise.all([
      sendUntil(() => isOver, viemSender(backup.rpcUrl, one.privateKey, targets[0])),
      sendUntil(() => isOver, ethersSender(backup.rpcUrl, two.privateKey, targets[1])),
    ]);
    await pause(loadMs);
    process.kill((await sandbox.pids()).get(primary.name) ?? 0, 'SIGKILL');
    await pause(2 * loadMs);
    isOver = true;
    const lanes = await running;
    for (const [at, sent] of lanes.entries()) {
      const slowestMs = Math.max(...sent.map(({ tookMs }) => tookMs));
      context.diagnostic(`${sent.length} transfers, the slowest ${slowestMs.toFixed(0)} ms`);
      assert.ok(sent.length > 2, 'there was load');
      const expected = BigInt(sent.length) * value;
      for (const { rpcUrl } of backups) await assertBalance(rpcUrl, targets[at] ?? '0x', expected);
    }
  });
});

/** A node may show a block a moment later than the one that was asked for receipts. */
async function assertBalance(rpcUrl: string, address: string, expected: bigint): Promise<void> {
  for (;;) {
    const balance = BigInt(String(await callRpc(rpcUrl, 'eth_getBalance', [address, 'latest'])));
    assert.ok(balance <= expected, 'nothing was sent twice');
    if (balance === expected) return;
    await pause(20);
  }
}
