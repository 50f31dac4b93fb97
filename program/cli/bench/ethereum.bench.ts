/**
 * A sandbox as its users meet it: seconds to start and to come back, memory, bytes on disk per
 * ERC-20 transfer, and the time from sending a signed transfer to its committed receipt. A figure
 * is printed only after every receipt, event and balance was checked.
 * `node program/cli/bench/ethereum.bench.ts [--json]`
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, isJsonObject, type JsonValue, present } from '@coco/base';
import { answerJson } from '@coco/sdk';
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  encodeFunctionData,
  getContract,
  http,
} from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { compileContracts } from '../src/compile-contracts.ts';
import { callRpc } from '../src/json-rpc-client.ts';
import { openSandbox, type Sandbox } from '../src/sandbox.ts';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';

const idleTransfers = 200;
const loadTransfers = 8000;
const lanes = 16;
const gas = 100_000n;
const isJson = process.argv.includes('--json');
const quiet = { isInteractive: false, write: () => {} };

async function folderBytes(folder: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(folder)) total += (await stat(join(folder, name))).size;
  return total;
}

const quantile = (values: readonly number[], at: number): number =>
  present(
    [...values].sort((left, right) => left - right)[Math.floor(values.length * at)],
    'values',
  );

async function memoryBytes(sandbox: Sandbox): Promise<number> {
  const value = answerJson(await sandbox.client.request({ path: '/node/metrics' }));
  return Number(isJsonObject(value) ? value.memory_rss_bytes : 0);
}

async function transfers(sandbox: Sandbox) {
  const { rpcUrl } = sandbox.network.first;
  const [first] = await sandbox.folder.readAccounts();
  const account = privateKeyToAccount(present(first, 'an account').privateKey);
  const chain = defineChain({
    id: sandboxDefaults.chainId,
    name: 'bench',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });
  const transport = http(rpcUrl);
  const reader = createPublicClient({ chain, transport, pollingInterval: 20 });
  const wallet = createWalletClient({ account, chain, transport });
  const { abi, bytecode } = present(
    (await compileContracts(['TradeMoney'])).get('TradeMoney'),
    'the token is compiled',
  );
  const supply = 10n ** 12n;
  const deployed = await reader.waitForTransactionReceipt({
    hash: await wallet.deployContract({ abi, bytecode, args: [account.address, supply] }),
  });
  const token = present(deployed.contractAddress, 'the token has an address');
  const nonces = new Map<string, number>([
    [account.address, await reader.getTransactionCount({ address: account.address })],
  ]);
  const sign = async (from: PrivateKeyAccount, to: `0x${string}`, amount: bigint) => {
    const nonce = nonces.get(from.address) ?? 0;
    nonces.set(from.address, nonce + 1);
    return from.signTransaction({
      chainId: chain.id,
      type: 'eip1559',
      nonce,
      gas,
      maxFeePerGas: 0n,
      maxPriorityFeePerGas: 0n,
      to: token,
      data: encodeFunctionData({ abi, functionName: 'transfer', args: [to, amount] }),
    });
  };
  const recipient = (at: number): `0x${string}` =>
    `0x${(0x100000 + (at % 997)).toString(16).padStart(40, '0')}`;
  const send = async (raw: string) => {
    const receipt = (await callRpc(rpcUrl, 'eth_sendRawTransactionSync', [raw])) as {
      readonly status: string;
      readonly logs: readonly JsonValue[];
    };
    assert(receipt.status === '0x1' && receipt.logs.length === 1, 'the transfer has its event');
  };
  const ledger = join(sandbox.network.first.folder.path, 'ledger');
  // Each connection has an account of its own: nonces of one account must arrive in order.
  const senders = Array.from({ length: lanes }, () => privateKeyToAccount(generatePrivateKey()));
  const perLane = loadTransfers / lanes;
  for (const sender of senders) await send(await sign(account, sender.address, BigInt(perLane)));
  const idleSigned: string[] = [];
  for (let at = 0; at < idleTransfers; at++) {
    idleSigned.push(await sign(account, recipient(at), 1n));
  }
  const loadSigned: string[][] = [];
  for (const sender of senders) {
    const lane: string[] = [];
    for (let at = 0; at < perLane; at++) lane.push(await sign(sender, recipient(at), 1n));
    loadSigned.push(lane);
  }
  const bytesBefore = await folderBytes(ledger);
  const idle: number[] = [];
  for (const raw of idleSigned) {
    const started = performance.now();
    await send(raw);
    idle.push(performance.now() - started);
  }
  const bytesIdle = (await folderBytes(ledger)) - bytesBefore;
  const loaded: number[] = [];
  const started = performance.now();
  await Promise.all(
    loadSigned.map(async (lane) => {
      for (const raw of lane) {
        const sent = performance.now();
        await send(raw);
        loaded.push(performance.now() - sent);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const bytesLoad = (await folderBytes(ledger)) - bytesBefore - bytesIdle;
  const { read } = getContract({ abi, address: token, client: reader });
  const balanceOf = present(read.balanceOf, 'balanceOf');
  const left = await balanceOf([account.address]);
  assert(left === supply - BigInt(idleTransfers + loadTransfers), 'the balances add up');
  for (const sender of senders) {
    assert((await balanceOf([sender.address])) === 0n, 'every lane sent what it had');
  }
  return {
    idle_p50_ms: quantile(idle, 0.5),
    idle_p99_ms: quantile(idle, 0.99),
    [`transfers_per_second_${lanes}_connections`]: loadTransfers / seconds,
    [`p50_ms_${lanes}_connections`]: quantile(loaded, 0.5),
    [`p99_ms_${lanes}_connections`]: quantile(loaded, 0.99),
    bytes_on_disk_alone: bytesIdle / idleTransfers,
    bytes_on_disk_under_load: bytesLoad / loadTransfers,
  };
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coco-bench-'));
  const options = {
    folder,
    httpsPort: 0,
    rpcPort: 0,
    chainId: sandboxDefaults.chainId,
    nodeCount: 1,
  };
  try {
    let started = performance.now();
    let sandbox = await openSandbox(options, quiet);
    const startSeconds = (performance.now() - started) / 1000;
    const memoryAtStart = await memoryBytes(sandbox);
    const figures = await transfers(sandbox);
    const memoryAfter = await memoryBytes(sandbox);
    sandbox.client.close();
    sandbox.visits.close();
    started = performance.now();
    await sandbox.network.stop();
    const stopSeconds = (performance.now() - started) / 1000;
    started = performance.now();
    sandbox = await openSandbox(options, quiet);
    const recoverSeconds = (performance.now() - started) / 1000;
    const { recoveredSeqno } = sandbox.network.first;
    sandbox.client.close();
    sandbox.visits.close();
    await sandbox.network.stop();
    show({
      start_seconds: startSeconds,
      stop_seconds: stopSeconds,
      recover_seconds: recoverSeconds,
      recovered_entries: recoveredSeqno ?? 0,
      memory_at_start_mib: memoryAtStart / 2 ** 20,
      memory_after_load_mib: memoryAfter / 2 ** 20,
      ...figures,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function show(figures: Readonly<Record<string, number>>): void {
  if (isJson) {
    console.log(JSON.stringify(figures));
    return;
  }
  console.log(`ERC-20 transfers by eth_sendRawTransactionSync: committed, receipts checked`);
  for (const [name, value] of Object.entries(figures)) {
    console.log(`  ${name.padEnd(42)} ${value.toFixed(2).padStart(12)}`);
  }
}

await main();
