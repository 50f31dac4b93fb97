/**
 * Measures what an ERC-20 transfer costs (CPU time of this thread, microseconds each): admission
 * (on the pool's threads in production), and on the executing thread JSON-RPC with checks,
 * execution and records, the block's share at its seal, and a receipt read. First it checks that
 * what is measured are transfers.
 *
 * `node adapters/ethereum/bench/transfer.bench.ts [--json] [--transfers=2000]`; ends with 1 over a
 * budget.
 */
import { assert, fromHex, utf8Encode } from '@coco/base';
import { encodeDeployData, encodeFunctionData, getContractAddress, type Hex } from 'viem';
import { admitTransaction } from '../src/admission.ts';
import {
  alice,
  bob,
  chainId,
  createNetwork,
  engine,
  requestOf,
  respond,
  token,
} from '../test/network.ts';

/** Budgets, in microseconds, on the machine of docs/performance.md with room for a busy one. */
const budgets: Readonly<Record<string, number>> = {
  admission: 400,
  submission: 600,
  sealing: 100,
  receipt: 400,
};
const batchTransfers = 200;
const isJson = process.argv.includes('--json');
const transferCount = Number(
  process.argv.find((word) => word.startsWith('--transfers='))?.slice('--transfers='.length) ??
    2000,
);
const contract = getContractAddress({ from: alice.address, nonce: 0n });

async function signAll(): Promise<readonly Hex[]> {
  const base = { type: 'eip1559', chainId } as const;
  const data = encodeDeployData({ ...token, args: [10n ** 18n] });
  const raws = [await alice.signTransaction({ ...base, nonce: 0, gas: 3_000_000n, data })];
  const transfer = encodeFunctionData({
    abi: token.abi,
    functionName: 'transfer',
    args: [bob.address, 1n],
  });
  for (let nonce = 1; nonce <= transferCount; nonce++) {
    const fields = { ...base, nonce, gas: 100_000n, to: contract, data: transfer };
    raws.push(await alice.signTransaction(fields));
  }
  return raws;
}

/** CPU time of `run`, in microseconds. */
async function cpuUs(run: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function measure(): Promise<Readonly<Record<string, number>>> {
  const raws = await signAll();
  const bytes = raws.map(fromHex);
  for (const raw of bytes.slice(0, 200)) admitTransaction(engine, raw);
  const admission = await cpuUs(() => {
    for (const raw of bytes) admitTransaction(engine, raw);
  });
  const network = createNetwork({}, { isAutomatic: false });
  const { host, rpc } = network;
  const requests = raws.map((raw) => {
    const call = { jsonrpc: '2.0', id: 1, method: 'eth_sendRawTransaction', params: [raw] };
    const body = utf8Encode(JSON.stringify(call));
    return requestOf('POST', body, [['content-type', 'application/json']]);
  });
  let submission = 0;
  let sealing = 0;
  for (let at = 0; at < requests.length; at += batchTransfers) {
    submission += await cpuUs(async () => {
      for (const request of requests.slice(at, at + batchTransfers)) await respond(host, request);
    });
    sealing += await cpuUs(() => host.closeBatch());
    host.commitBatch();
  }
  host.settle();
  const last = Math.ceil(requests.length / batchTransfers);
  const { result: block } = await rpc('eth_getBlockByNumber', `0x${last.toString(16)}`, false);
  const hash = block.transactions.at(-1);
  const { result: receipt } = await rpc('eth_getTransactionReceipt', hash);
  assert(receipt.status === '0x1' && receipt.logs.length === 1, 'transfers are measured');
  const receiptUs = await cpuUs(async () => {
    for (let at = 0; at < 500; at++) await rpc('eth_getTransactionReceipt', hash);
  });
  const each = (us: number): number => us / raws.length;
  return {
    admission: each(admission),
    // The same-thread pool admits within the request: its part is taken off.
    submission: each(submission - admission),
    sealing: each(sealing),
    receipt: receiptUs / 500,
  };
}

const measured = await measure();
let isOver = false;
for (const [stage, us] of Object.entries(measured)) {
  const budget = budgets[stage] ?? 0;
  if (us > budget) isOver = true;
  if (!isJson) console.log(`${stage.padEnd(11)} ${us.toFixed(1).padStart(7)} µs of ${budget}`);
}
if (isJson) console.log(JSON.stringify(measured));
process.exitCode = isOver ? 1 : 0;
