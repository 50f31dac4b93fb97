/**
 * A chain that a real node made, checked by a second implementation from JSON-RPC answers alone.
 * After a random load of all transaction types, every block, 100 and more, is recomputed (hash,
 * transactions root, receipts root, bloom, gas, size) and executed again by @ethereumjs/vm:
 * receipts, logs, and at the end balances, nonces, code and storage must agree.
 * COCO_SEED=<number> replays the load.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '@coco/base';
import { privateKeyToAccount } from 'viem/accounts';
import { RandomTransactions } from '../test/random-transactions.ts';
import { commonOf, recomputeBlock } from '../test/recompute-block.ts';
import { ReplayedChain } from '../test/replayed-chain.ts';
import { askAt, batchAt } from './ask.ts';
import { sandboxChainId, startSandbox } from './sandbox-node.ts';
import { chosenSeed } from './seed.ts';

/** Each gives at least one block. */
const groupCount = 110;
const groupMax = 4;
const blocksLeast = 100;

test('a random chain of a real node is what a second implementation makes of it', async (t) => {
  const seed = chosenSeed(t);
  const node = await startSandbox();
  t.after(() => node.stop());
  const [url] = node.urls;
  const ask = askAt(url);
  const senders = node.keys.map((key) => privateKeyToAccount(key));
  const common = commonOf(sandboxChainId, 'osaka');
  const replayed = new ReplayedChain(common);
  for (const { address } of senders) {
    await replayed.fund(address, BigInt(await ask('eth_getBalance', address, 'latest')));
  }
  const first = Number(await ask('eth_blockNumber')) + 1;
  assert.equal(first, 1, 'nothing has happened on this chain');
  const load = new RandomTransactions({
    ...{ seed, chainId: sandboxChainId, senders, firstNonces: [0, 0], baseFee: 0n },
  });
  const random = new SeededRandom(seed);
  for (let group = 0; group < groupCount; group++) {
    const calls: [string, string][] = [];
    for (let at = random.below(groupMax); at > 0; at--) {
      calls.push(['eth_sendRawTransaction', await load.next()]);
    }
    // The last one is answered with its receipt: the next group gets a block of its own.
    calls.push(['eth_sendRawTransactionSync', await load.next()]);
    await batchAt(url, calls);
  }
  const head = Number(await ask('eth_blockNumber'));
  assert.ok(head >= blocksLeast, `${head} blocks`);
  const types = new Map<string, number>();
  let failures = 0;
  let logs = 0;
  for (let number = 0; number <= head; number++) {
    const { block, receipts, shown } = await recomputeBlock(ask, number, common);
    const there = await replayed.execute(block);
    const here = receipts.map(({ status, gasUsed, contractAddress, logs: all }) => ({
      ...{ status, gasUsed, contractAddress },
      logs: all.map(({ address, topics, data }) => ({ address, topics, data })),
    }));
    assert.deepEqual(here, there, `block ${number}`);
    for (const { type } of shown.transactions) types.set(type, (types.get(type) ?? 0) + 1);
    failures += receipts.filter(({ status }) => status === '0x0').length;
    logs += receipts.reduce((sum, receipt) => sum + receipt.logs.length, 0);
  }
  t.diagnostic(`${head} blocks, ${failures} failures, ${logs} logs, types ${[...types].join(' ')}`);
  assert.deepEqual([...types.keys()].sort(), ['0x0', '0x1', '0x2', '0x4']);
  assert.ok(failures > 0 && logs > 0, 'some transactions fail, some log');
  for (const account of await replayed.accounts()) {
    const { address } = account;
    assert.equal(BigInt(await ask('eth_getBalance', address, 'latest')), account.balance);
    assert.equal(BigInt(await ask('eth_getTransactionCount', address, 'latest')), account.nonce);
    assert.equal(await ask('eth_getCode', address, 'latest'), account.code);
    for (const [slot, value] of account.storage) {
      assert.equal(await ask('eth_getStorageAt', address, slot, 'latest'), value);
    }
  }
});
