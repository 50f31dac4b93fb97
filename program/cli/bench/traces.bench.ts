/**
 * What expensive calls do to commits: the time from sending a signed transfer to its committed
 * receipt, on a quiet node, then while 20 clients trace a call of some 200,000 instructions,
 * and while they ask for logs of the whole chain. A figure is printed only after each receipt
 * was checked.
 * `node program/cli/bench/traces.bench.ts [--json]`
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, isJsonObject, present } from '@coco/base';
import { privateKeyToAccount } from 'viem/accounts';
import { callRpc } from '../src/json-rpc-client.ts';
import { openSandbox, type Sandbox } from '../src/sandbox.ts';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';

const clients = 20;
const transfers = 200;
const isJson = process.argv.includes('--json');
const quiet = { isInteractive: false, write: () => {} };
/** Counts down from 30,000 (PUSH2, JUMPDEST, PUSH1 1, SWAP1, SUB, DUP1, PUSH1 3, JUMPI). */
const loopCode = '0x6175305b6001900380600357';

const quantile = (values: readonly number[], at: number): number =>
  present(
    [...values].sort((left, right) => left - right)[Math.floor(values.length * at)],
    'values',
  );

/** Time to the committed receipt of each of a row of transfers, one after another. */
async function commits(url: string, key: `0x${string}`): Promise<readonly number[]> {
  const account = privateKeyToAccount(key);
  const count = await callRpc(url, 'eth_getTransactionCount', [account.address, 'pending']);
  const first = Number(count);
  const took: number[] = [];
  for (let nonce = first; nonce < first + transfers; nonce++) {
    const raw = await account.signTransaction({
      ...{ type: 'eip1559', chainId: sandboxDefaults.chainId, gas: 21_000n, nonce },
      ...{ to: account.address, value: 1n, maxFeePerGas: 0n, maxPriorityFeePerGas: 0n },
    });
    const startedMs = performance.now();
    const receipt = await callRpc(url, 'eth_sendRawTransactionSync', [raw]);
    took.push(performance.now() - startedMs);
    assert(isJsonObject(receipt) && receipt.status === '0x1', 'the transfer is committed');
  }
  return took;
}

/** What `during` comes to while many clients call without a pause, and how many calls they made. */
async function whileCalling<Result>(
  call: () => Promise<unknown>,
  during: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly calls: number; readonly seconds: number }> {
  let isOver = false;
  let calls = 0;
  const startedMs = performance.now();
  const callers = Array.from({ length: clients }, async () => {
    while (!isOver) {
      await call();
      calls++;
    }
  });
  const result = await during();
  const seconds = (performance.now() - startedMs) / 1000;
  isOver = true;
  await Promise.all(callers);
  return { result, calls, seconds };
}

async function measure(sandbox: Sandbox): Promise<Readonly<Record<string, number>>> {
  const { rpcUrl } = sandbox.network.first;
  const [one] = await sandbox.folder.readAccounts();
  const { privateKey } = present(one, 'an account');
  const config = { tracer: 'callTracer' };
  const trace = async (): Promise<void> => {
    const frame = await callRpc(rpcUrl, 'debug_traceCall', [{ data: loopCode }, 'latest', config]);
    assert(isJsonObject(frame) && frame.type === 'CREATE', 'the call is traced');
  };
  const logs = (): Promise<unknown> => callRpc(rpcUrl, 'eth_getLogs', [{ fromBlock: '0x0' }]);
  await commits(rpcUrl, privateKey);
  const quietly = await commits(rpcUrl, privateKey);
  const tracing = await whileCalling(trace, () => commits(rpcUrl, privateKey));
  const searching = await whileCalling(logs, () => commits(rpcUrl, privateKey));
  return {
    commit_p50_ms: quantile(quietly, 0.5),
    commit_p99_ms: quantile(quietly, 0.99),
    commit_p50_ms_while_tracing: quantile(tracing.result, 0.5),
    commit_p99_ms_while_tracing: quantile(tracing.result, 0.99),
    traces_per_second: tracing.calls / tracing.seconds,
    commit_p50_ms_while_searching: quantile(searching.result, 0.5),
    commit_p99_ms_while_searching: quantile(searching.result, 0.99),
    searches_per_second: searching.calls / searching.seconds,
  };
}

const folder = await mkdtemp(join(tmpdir(), 'coco-traces-'));
const ports = { httpsPort: 0, rpcPort: 0 };
const { chainId } = sandboxDefaults;
const sandbox = await openSandbox({ folder, ...ports, chainId, nodeCount: 1 }, quiet);
try {
  const figures = await measure(sandbox);
  if (isJson) console.log(JSON.stringify(figures));
  else {
    for (const [name, value] of Object.entries(figures)) {
      console.log(`${name.padEnd(34)}${value.toFixed(1)}`);
    }
  }
} finally {
  sandbox.client.close();
  sandbox.visits.close();
  await sandbox.network.stop();
  await rm(folder, { recursive: true, force: true });
}
