/**
 * WebSocket with unmodified libraries on a network of two nodes: viem over plain WebSocket on
 * loopback and ethers over TLS, on a backup. What they subscribe to is told once, in order, and
 * the connection ends with a code when its node stops.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ethers } from 'ethers';
import { createPublicClient, createWalletClient, http, webSocket } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import WebSocket from 'ws';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { pause, SandboxProcess } from './sandbox-process.ts';

const { chainId } = sandboxDefaults;
const fees = { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n } as const;
const transfers = 5;

describe('WebSocket on every node', () => {
  let folder = '';
  let sandbox: SandboxProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-websocket-'));
    sandbox = SandboxProcess.spawn(folder, ['--nodes', '2']);
    await sandbox.opened();
  });

  after(async () => {
    await sandbox.kill();
    await rm(folder, { recursive: true, force: true });
  });

  test('viem and ethers are told heads and logs, over plain WebSocket and over TLS', async () => {
    const sandboxFolder = new SandboxFolder(folder);
    const [first, second] = await sandboxFolder.addresses();
    assert.ok(first && second);
    const [one] = await sandboxFolder.readAccounts();
    assert.ok(one);
    const account = privateKeyToAccount(one.privateKey);
    const chain = {
      id: chainId,
      name: 'Coco',
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [first.rpcUrl] } },
    };
    const socketUrl = second.rpcUrl.replace('http', 'ws');
    const reader = createPublicClient({ chain, transport: webSocket(socketUrl) });
    const heads: bigint[] = [];
    const unwatch = reader.watchBlocks({ onBlock: ({ number }) => heads.push(number) });

    const ca = await readFile(sandboxFolder.member('service_identity.pem'), 'utf8');
    const secureUrl = second.httpsUrl.replace('https', 'wss');
    const secure = new ethers.WebSocketProvider(() => new WebSocket(secureUrl, { ca }), chainId);
    const told: number[] = [];
    await secure.on('block', (number: number) => told.push(number));
    assert.equal((await secure.getNetwork()).chainId, BigInt(chainId));

    const wallet = createWalletClient({ account, chain, transport: http(first.rpcUrl) });
    const plain = createPublicClient({ chain, transport: http(first.rpcUrl) });
    for (let count = 0; count < transfers; count++) {
      const hash = await wallet.sendTransaction({ to: account.address, value: 1n, ...fees });
      await plain.waitForTransactionReceipt({ hash });
    }
    const last = await plain.getBlockNumber();
    while ((heads.at(-1) ?? 0n) < last || BigInt(told.at(-1) ?? 0) < last) await pause(50);
    assert.deepEqual(
      heads,
      heads.map((_, at) => (heads[0] ?? 0n) + BigInt(at)),
    );
    assert.deepEqual(
      [...told].sort((left, right) => left - right),
      told,
    );
    unwatch();
    await secure.destroy();
    // Otherwise it connects again and again when the node has stopped.
    (await reader.transport.getRpcClient()).close();
  });

  test('a batch is answered, and a connection ends with 1001 when its node stops', async () => {
    const [first] = await new SandboxFolder(folder).addresses();
    const socket = new WebSocket(first?.rpcUrl.replace('http', 'ws') ?? '');
    await new Promise((resolve) => socket.once('open', resolve));
    const answer = new Promise<string>((resolve) => {
      socket.once('message', (data) => resolve(String(data)));
    });
    const call = (id: number, method: string) => ({ jsonrpc: '2.0', id, method, params: [] });
    socket.send(JSON.stringify([call(1, 'eth_chainId'), call(2, 'net_version')]));
    const results = JSON.parse(await answer) as { id: number; result: string }[];
    assert.deepEqual(
      results.map(({ id, result }) => [id, Number(result)]),
      [
        [1, chainId],
        [2, chainId],
      ],
    );
    const ended = new Promise<number>((resolve) => socket.once('close', resolve));
    await sandbox.interrupt();
    assert.equal(await ended, 1001);
  });
});
