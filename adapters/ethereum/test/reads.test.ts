/** What reads show: states of blocks, pending, logs, filters, estimates, fees, claims, visibility. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '@coco/base';
import { sha256 } from '@coco/crypto';
import {
  encodeAbiParameters,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  keccak256,
  pad,
} from 'viem';
import { alice, bob, chainId, createNetwork, type Network, prefund, token } from './network.ts';

const contract = getContractAddress({ from: alice.address, nonce: 0n }).toLowerCase() as Hex;
const transferTopic = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
const manual = { isAutomatic: false };
const tag = (number: number): string => `0x${number.toString(16)}`;
const encode = (functionName: string, args: readonly unknown[] = []): Hex =>
  encodeFunctionData({ abi: token.abi, functionName, args });

async function send(
  { rpc }: Network,
  fields: { nonce: number; to?: Hex; data?: Hex; value?: bigint },
): Promise<Hex> {
  const raw = await alice.signTransaction({ type: 'eip1559', chainId, gas: 3_000_000n, ...fields });
  const { result, error } = await rpc('eth_sendRawTransaction', raw);
  assert.equal(error, undefined);
  return result;
}

/** Block 1 deploys the token; block n+1 transfers n of it to Bob. */
async function tokenNetwork(transfers: number, options = {}): Promise<Network> {
  const network = createNetwork(options, manual);
  await send(network, { nonce: 0, data: encodeDeployData({ ...token, args: [1000n] }) });
  network.host.settle();
  for (let nonce = 1; nonce <= transfers; nonce++) {
    await send(network, { nonce, to: contract, data: encode('transfer', [bob.address, nonce]) });
    network.host.settle();
  }
  return network;
}

test('states of recent blocks stay readable, older ones are refused', async () => {
  const { rpc } = await tokenNetwork(4, { limits: { statesMax: 3 } });
  const balanceAt = async (block: unknown): Promise<unknown> => {
    const data = encode('balanceOf', [bob.address]);
    const { result, error } = await rpc('eth_call', { to: contract, data }, block);
    return error ? `${error.code} ${error.message}` : Number(result);
  };
  assert.deepEqual(
    await Promise.all(['latest', tag(5), tag(4), tag(3)].map(balanceAt)),
    [10, 10, 6, 3],
  );
  assert.equal(await balanceAt(tag(2)), '-32000 historical state of block 2 is not available');
  assert.equal(await balanceAt(tag(9)), '-32000 header not found');
  const { result: block } = await rpc('eth_getBlockByNumber', tag(4), false);
  assert.equal(await balanceAt({ blockHash: block.hash }), 6);
  assert.equal(await balanceAt(block.hash), 6);
  assert.equal(await balanceAt('safe'), 10);
  assert.equal(
    (await rpc('eth_getBalance', bob.address, 'finalized')).result,
    `0x${prefund.toString(16)}`,
  );
});

test('pending reads the executed state, and its block has no hash', async () => {
  const network = await tokenNetwork(0);
  const { rpc } = network;
  await send(network, { nonce: 1, to: contract, data: encode('transfer', [bob.address, 5]) });
  const data = encode('balanceOf', [bob.address]);
  assert.equal(Number((await rpc('eth_call', { to: contract, data }, 'pending')).result), 5);
  assert.equal(Number((await rpc('eth_call', { to: contract, data }, 'latest')).result), 0);
  const { result: block } = await rpc('eth_getBlockByNumber', 'pending', true);
  assert.equal(block.hash, null);
  assert.equal(block.number, '0x2');
  // The open block's randomness is not told before it is sealed.
  const random = { to: contract, data: encode('random') };
  assert.equal(Number((await rpc('eth_call', random, 'pending')).result), 0);
  assert.equal(Number(block.mixHash), 0);
  assert.equal(block.transactions[0].nonce, '0x1');
  assert.equal((await rpc('eth_getBlockTransactionCountByNumber', 'pending')).result, '0x1');
});

test('logs are found by range, block, address and topics', async () => {
  const { rpc } = await tokenNetwork(3);
  const count = async (query: object): Promise<unknown> => {
    const { result, error } = await rpc('eth_getLogs', query);
    return error ? `${error.code} ${error.message}` : result.length;
  };
  const toBob = pad(bob.address).toLowerCase();
  assert.equal(await count({ fromBlock: '0x0' }), 4);
  assert.equal(await count({}), 1);
  assert.equal(await count({ fromBlock: tag(2), toBlock: tag(3) }), 2);
  assert.equal(await count({ fromBlock: tag(2), toBlock: tag(900) }), 3);
  assert.equal(await count({ fromBlock: '0x0', address: contract }), 4);
  assert.equal(await count({ fromBlock: '0x0', address: [bob.address, contract] }), 4);
  assert.equal(await count({ fromBlock: '0x0', address: bob.address }), 0);
  assert.equal(await count({ fromBlock: '0x0', topics: [transferTopic, null, toBob] }), 3);
  assert.equal(await count({ fromBlock: '0x0', topics: [null, null, [toBob, transferTopic]] }), 3);
  assert.equal(await count({ fromBlock: '0x0', topics: [toBob] }), 0);
  assert.equal(
    await count({ fromBlock: '0x3', toBlock: '0x2' }),
    '-32602 invalid block range params',
  );
  const { result: block } = await rpc('eth_getBlockByNumber', tag(2), false);
  const { result: logs } = await rpc('eth_getLogs', { blockHash: block.hash });
  assert.equal(logs.length, 1);
  assert.equal(logs[0].transactionHash, block.transactions[0]);
  assert.equal(logs[0].blockTimestamp, block.timestamp);
  assert.equal(await count({ blockHash: `0x${'00'.repeat(32)}` }), '-32000 unknown block');
});

test('a log query is bounded in blocks and in logs', async () => {
  const { rpc } = await tokenNetwork(3, { limits: { logBlocksMax: 3n, logsMax: 2 } });
  const errorOf = async (query: object) => (await rpc('eth_getLogs', query)).error;
  assert.deepEqual(await errorOf({ fromBlock: '0x0' }), {
    code: -32005,
    message: 'exceed maximum block range: 3',
  });
  assert.deepEqual(await errorOf({ fromBlock: '0x2' }), {
    code: -32005,
    message: 'query returned more than 2 results',
  });
});

test('filters tell what is new, and expire', async () => {
  const network = await tokenNetwork(0, { limits: { filtersMax: 3 } });
  const { rpc, host } = network;
  const ids: string[] = [];
  ids.push((await rpc('eth_newFilter', { address: contract })).result);
  ids.push((await rpc('eth_newBlockFilter')).result);
  ids.push((await rpc('eth_newPendingTransactionFilter')).result);
  assert.match((await rpc('eth_newBlockFilter')).error?.message ?? '', /too many filters/);
  const changes = async (): Promise<number[]> =>
    Promise.all(ids.map(async (id) => (await rpc('eth_getFilterChanges', id)).result.length));
  assert.deepEqual(await changes(), [0, 0, 0]);
  await send(network, { nonce: 1, to: contract, data: encode('transfer', [bob.address, 5]) });
  host.settle();
  assert.deepEqual(await changes(), [1, 1, 1]);
  assert.deepEqual(await changes(), [0, 0, 0]);
  assert.equal((await rpc('eth_getFilterLogs', ids[0])).result.length, 1);
  assert.equal((await rpc('eth_getFilterLogs', ids[1])).error?.message, 'filter not found');
  assert.equal((await rpc('eth_uninstallFilter', ids[0])).result, true);
  assert.equal((await rpc('eth_uninstallFilter', ids[0])).result, false);
  host.clock.advance(300_001);
  await rpc('eth_newBlockFilter');
  assert.equal((await rpc('eth_getFilterChanges', ids[1])).error?.message, 'filter not found');
});

test('an estimate suffices, is close, and explains a failure', async () => {
  const network = await tokenNetwork(0);
  const { rpc, host } = network;
  const estimate = async (fields: object) =>
    rpc('eth_estimateGas', { from: alice.address, ...fields });
  assert.equal((await estimate({ to: bob.address, value: '0x1' })).result, '0x5208');
  const data = encode('transfer', [bob.address, 5]);
  const gas = BigInt((await estimate({ to: contract, data })).result);
  const raw = await alice.signTransaction({
    type: 'eip1559',
    chainId,
    nonce: 1,
    gas,
    to: contract,
    data,
  });
  const { result: hash } = await rpc('eth_sendRawTransaction', raw);
  host.settle();
  const { result: receipt } = await rpc('eth_getTransactionReceipt', hash);
  assert.equal(receipt.status, '0x1');
  assert.ok(gas <= (BigInt(receipt.gasUsed) * 120n) / 100n);
  const reverted = await estimate({ to: contract, data: encode('failWithReason') });
  assert.equal(reverted.error?.code, 3);
  assert.equal(reverted.error?.message, 'execution reverted: not today');
  const tight = await estimate({
    to: contract,
    data: encode('transfer', [alice.address, 1]),
    gas: '0x5300',
  });
  assert.match(tight.error?.message ?? '', /gas required exceeds allowance \(21248\)/);
  const poor = await rpc('eth_estimateGas', { from: contract, to: bob.address, value: '0x1' });
  assert.match(poor.error?.message ?? '', /insufficient funds/);
});

test('a call may override state and block', async () => {
  const { rpc } = await tokenNetwork(0);
  const balanceSlot = keccak256(
    encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [bob.address, 0n]),
  );
  const call = { to: contract, data: encode('balanceOf', [bob.address]) };
  const stateDiff = { [balanceSlot]: pad('0x63') };
  const overridden = await rpc('eth_call', call, 'latest', { [contract]: { stateDiff } });
  assert.equal(Number(overridden.result), 99);
  const wiped = await rpc('eth_call', { ...call, data: encode('totalSupply') }, 'latest', {
    [contract]: { state: {} },
  });
  assert.equal(Number(wiped.result), 0);
  // PUSH1 7 PUSH0 MSTORE PUSH1 32 PUSH0 RETURN
  const code = '0x60075f5260205ff3';
  const coded = await rpc('eth_call', { to: bob.address }, 'latest', { [bob.address]: { code } });
  assert.equal(Number(coded.result), 7);
  const rich = { [contract]: { balance: '0xff' } };
  const paid = await rpc(
    'eth_call',
    { from: contract, to: bob.address, value: '0xff' },
    'latest',
    rich,
  );
  assert.equal(paid.result, '0x');
  const prevRandao = pad('0x2a');
  const random = await rpc(
    'eth_call',
    { to: contract, data: encode('random') },
    'latest',
    {},
    { prevRandao },
  );
  assert.equal(Number(random.result), 42);
});

test('uncles are none, and a transaction is found by its place in its block', async () => {
  const { rpc } = await tokenNetwork(1);
  for (const method of ['eth_getUncleByBlockNumberAndIndex', 'eth_getUncleCountByBlockNumber']) {
    const args = method.endsWith('Index') ? ['0x2', '0x0'] : ['0x2'];
    assert.equal((await rpc(method, ...args)).result, args.length === 2 ? null : '0x0');
  }
  const { result: block } = await rpc('eth_getBlockByNumber', '0x2', false);
  assert.equal((await rpc('eth_getUncleByBlockHashAndIndex', block.hash, '0x0')).result, null);
  const [hash] = block.transactions;
  const { result: raw } = await rpc('eth_getRawTransactionByHash', hash);
  const byNumber = await rpc('eth_getRawTransactionByBlockNumberAndIndex', '0x2', '0x0');
  const byHash = await rpc('eth_getRawTransactionByBlockHashAndIndex', block.hash, '0x0');
  assert.deepEqual([byNumber.result, byHash.result], [raw, raw]);
  const absent = await rpc('eth_getRawTransactionByBlockNumberAndIndex', '0x2', '0x7');
  assert.equal(absent.result, null);
});

test('BLOCKHASH and PREVRANDAO are those of the blocks', async () => {
  const { rpc } = await tokenNetwork(2);
  const { result: block } = await rpc('eth_getBlockByNumber', tag(2), false);
  const call = async (data: Hex): Promise<unknown> =>
    (await rpc('eth_call', { to: contract, data })).result;
  assert.equal(await call(encode('hashOf', [2n])), block.hash);
  const { result: head } = await rpc('eth_getBlockByNumber', 'latest', false);
  assert.equal(await call(encode('random')), head.mixHash);
});

test('fees are what wallets can compute with', async () => {
  const network = await tokenNetwork(2);
  const { rpc } = network;
  assert.equal((await rpc('eth_gasPrice')).result, '0x0');
  assert.equal((await rpc('eth_maxPriorityFeePerGas')).result, '0x0');
  const { result } = await rpc('eth_feeHistory', '0x2', 'latest', [10, 90]);
  assert.equal(result.oldestBlock, '0x2');
  assert.deepEqual(result.baseFeePerGas, ['0x0', '0x0', '0x0']);
  assert.equal(result.gasUsedRatio.length, 2);
  assert.deepEqual(result.reward, [
    ['0x0', '0x0'],
    ['0x0', '0x0'],
  ]);
  assert.match(
    (await rpc('eth_feeHistory', 2, 'latest', [90, 10])).error?.message ?? '',
    /percentile/,
  );
});

test('a configured base fee is charged, and too low a fee cap refused', async () => {
  const network = createNetwork({ baseFee: 7n }, manual);
  const { rpc, host } = network;
  const sign = (maxFeePerGas: bigint) =>
    alice.signTransaction({
      type: 'eip1559',
      chainId,
      nonce: 0,
      gas: 21_000n,
      to: bob.address,
      maxFeePerGas,
    });
  const { error } = await rpc('eth_sendRawTransaction', await sign(6n));
  assert.match(error?.message ?? '', /max fee per gas less than block base fee/);
  const { result: hash } = await rpc('eth_sendRawTransaction', await sign(9n));
  host.settle();
  const { result: receipt } = await rpc('eth_getTransactionReceipt', hash);
  assert.equal(receipt.effectiveGasPrice, '0x7');
  const spent = prefund - 21_000n * 7n;
  assert.equal((await rpc('eth_getBalance', alice.address)).result, `0x${spent.toString(16)}`);
});

test('coco_getTransactionId names the ledger entry and opens its claim', async () => {
  const { rpc, host } = await tokenNetwork(1);
  const { result: block } = await rpc('eth_getBlockByNumber', 'latest', false);
  const hash: Hex = block.transactions[0];
  const { result: opened } = await rpc('coco_getTransactionId', hash);
  const entry = host.entries.find(({ id }) => `${id.view}.${id.seqno}` === opened.transactionId);
  assert.ok(entry?.claimsDigest);
  const chain = fromHex(BigInt(opened.chainId).toString(16).padStart(16, '0'));
  const receiptHash = fromHex(keccak256(opened.receipt));
  const digest = sha256(fromHex(opened.salt), chain, fromHex(hash), receiptHash);
  assert.equal(toHex(digest), toHex(entry.claimsDigest));
  assert.equal(opened.claimsDigest, `0x${toHex(digest)}`);
  assert.equal((await rpc('coco_getTransactionId', `0x${'00'.repeat(32)}`)).result, null);
});

test('every read passes the visibility', async () => {
  const allowed = { value: true };
  const network = createNetwork({}, manual, () => allowed.value);
  const { rpc, host } = network;
  const hash = await send(network, { nonce: 0, to: bob.address });
  host.settle();
  const { result: block } = await rpc('eth_getBlockByNumber', '0x1', false);
  const { result: filter } = await rpc('eth_newBlockFilter');
  const queuedHash = await send(network, { nonce: 5, to: bob.address });
  allowed.value = false;
  const call = { to: bob.address };
  const refusedOrAbsent: [string, ...unknown[]][] = [
    ['eth_blockNumber'],
    ['eth_getBlockByNumber', '0x1', true],
    ['eth_getBlockByNumber', 'pending', true],
    ['eth_getBlockByHash', block.hash, true],
    ['eth_getBlockTransactionCountByNumber', '0x1'],
    ['eth_getBlockTransactionCountByHash', block.hash],
    ['eth_getUncleCountByBlockNumber', '0x1'],
    ['eth_getTransactionByBlockNumberAndIndex', '0x1', '0x0'],
    ['eth_getTransactionByBlockHashAndIndex', block.hash, '0x0'],
    ['eth_getTransactionByHash', hash],
    ['eth_getTransactionByHash', queuedHash],
    ['eth_getRawTransactionByHash', hash],
    ['eth_getTransactionReceipt', hash],
    ['coco_getTransactionId', hash],
    ['eth_getBalance', bob.address],
    ['eth_getTransactionCount', bob.address],
    ['eth_getCode', bob.address],
    ['eth_getStorageAt', bob.address, '0x0'],
    ['eth_call', call],
    ['eth_estimateGas', call],
    ['eth_feeHistory', '0x1', 'latest'],
    ['eth_getFilterChanges', filter],
  ];
  for (const [method, ...params] of refusedOrAbsent) {
    const { result, error } = await rpc(method, ...params);
    const isHidden = result === null || /is not visible to the caller/.test(error?.message ?? '');
    assert.ok(isHidden, `${method} shows ${JSON.stringify(result ?? error)}`);
  }
  for (const [method, params] of [
    ['eth_getBlockReceipts', '0x1'],
    ['eth_getLogs', { fromBlock: '0x0' }],
  ] as const) {
    assert.deepEqual((await rpc(method, params)).result, []);
  }
});
