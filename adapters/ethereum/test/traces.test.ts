/** debug_, access lists, the pool and refused methods over JSON-RPC, as geth shows them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeDeployData, encodeFunctionData, getContractAddress, type Hex, pad } from 'viem';
import { alice, bob, chainId, createNetwork, type Network } from './network.ts';
import { probe } from './probe.ts';

const contract = getContractAddress({ from: alice.address, nonce: 0n }).toLowerCase() as Hex;
const sender = alice.address.toLowerCase() as Hex;
const manual = { isAutomatic: false };
const encode = (functionName: string, args: readonly unknown[] = []): Hex =>
  encodeFunctionData({ abi: probe.abi, functionName, args });
const word = (value: number): Hex => pad(`0x${value.toString(16)}`);

async function send(
  { rpc }: Network,
  fields: { nonce: number; to?: Hex; data?: Hex; value?: bigint },
): Promise<Hex> {
  const raw = await alice.signTransaction({ type: 'eip1559', chainId, gas: 3_000_000n, ...fields });
  const { result, error } = await rpc('eth_sendRawTransaction', raw);
  assert.equal(error, undefined);
  return result;
}

/** Block 1 deploys the probe; block 2 stores 5, then 7, in slot 3 of its values. */
async function probeNetwork(options = {}): Promise<{ network: Network; hashes: readonly Hex[] }> {
  const network = createNetwork(options, manual);
  await send(network, { nonce: 0, data: encodeDeployData({ ...probe, args: [1n] }) });
  network.host.settle();
  const hashes = [
    await send(network, { nonce: 1, to: contract, data: encode('store', [3n, 5n]) }),
    await send(network, { nonce: 2, to: contract, data: encode('store', [3n, 7n]) }),
  ];
  network.host.settle();
  return { network, hashes };
}

test('callTracer shows a transaction as its receipt has it', async () => {
  const { network, hashes } = await probeNetwork();
  const { rpc } = network;
  const config = { tracer: 'callTracer', tracerConfig: { withLog: true } };
  const { result } = await rpc('debug_traceTransaction', hashes[1], config);
  const { result: receipt } = await rpc('eth_getTransactionReceipt', hashes[1]);
  assert.deepEqual(
    [result.type, result.from, result.to, result.value, result.gas, result.gasUsed],
    ['CALL', sender, contract, '0x0', '0x2dc6c0', receipt.gasUsed],
  );
  // What the transaction before it in the same block had stored.
  assert.equal(result.output, word(5));
  assert.deepEqual(result.logs[0].topics, receipt.logs[0].topics);
  assert.equal(result.logs[0].position, '0x0');
  assert.equal('calls' in result, false);
});

test('a whole block is traced, transaction by transaction', async () => {
  const { network, hashes } = await probeNetwork();
  const config = { tracer: 'callTracer' };
  const { result } = await network.rpc('debug_traceBlockByNumber', '0x2', config);
  assert.deepEqual(
    result.map((one: { txHash: Hex; result: { output: Hex } }) => [one.txHash, one.result.output]),
    [
      [hashes[0], word(0)],
      [hashes[1], word(5)],
    ],
  );
  const { result: block } = await network.rpc('eth_getBlockByNumber', '0x2', false);
  const { result: byHash } = await network.rpc('debug_traceBlockByHash', block.hash, config);
  assert.deepEqual(byHash, result);
});

test('prestateTracer shows what was before, and in diff mode what became of it', async () => {
  const { network, hashes } = await probeNetwork();
  const trace = async (tracerConfig: object) => {
    const config = { tracer: 'prestateTracer', tracerConfig };
    return (await network.rpc('debug_traceTransaction', hashes[1], config)).result;
  };
  const before = await trace({});
  assert.equal(before[sender].nonce, 2);
  assert.match(before[contract].code, /^0x60/);
  assert.deepEqual(Object.values(before[contract].storage), [word(5)]);
  const { pre, post } = await trace({ diffMode: true, disableCode: true });
  assert.deepEqual([pre[sender].nonce, post[sender].nonce], [2, 3]);
  assert.equal('code' in pre[contract], false);
  assert.deepEqual(Object.values(post[contract].storage), [word(7)]);
  assert.deepEqual(Object.keys(post).sort(), [sender, contract].sort());
});

test('the struct logger shows instructions, and four byte names are counted', async () => {
  const { network, hashes } = await probeNetwork();
  const { rpc } = network;
  const { result } = await rpc('debug_traceTransaction', hashes[1], { enableMemory: true });
  const { result: receipt } = await rpc('eth_getTransactionReceipt', hashes[1]);
  assert.deepEqual(
    [result.failed, result.gas, result.returnValue],
    [false, Number(receipt.gasUsed), word(5)],
  );
  const [first] = result.structLogs;
  assert.deepEqual(
    [first.pc, first.op, first.depth, first.gasCost, first.stack],
    [0, 'PUSH1', 1, 3, []],
  );
  const stored = result.structLogs.find(({ op }: { op: string }) => op === 'SSTORE');
  assert.deepEqual(Object.values(stored.storage), [word(7).slice(2)]);
  assert.ok(stored.memory.length >= 2);
  const { result: few } = await rpc('debug_traceTransaction', hashes[1], {
    limit: 2,
    disableStack: true,
  });
  assert.equal(few.structLogs.length, 2);
  const four = await rpc('debug_traceTransaction', hashes[1], { tracer: '4byteTracer' });
  assert.deepEqual(four.result, { [`${encode('store', [3n, 7n]).slice(0, 10)}-64`]: 1 });
  const noop = await rpc('debug_traceTransaction', hashes[1], { tracer: 'noopTracer' });
  assert.deepEqual(noop.result, {});
});

test('a call is traced on a state of its choice, with reverts and inner failures told', async () => {
  const { network } = await probeNetwork();
  const trace = async (data: Hex, block = 'latest', config: object = {}) =>
    (
      await network.rpc('debug_traceCall', { from: sender, to: contract, data }, block, {
        tracer: 'callTracer',
        ...config,
      })
    ).result;
  const refused = await trace(encode('refuse', ['no money']));
  assert.deepEqual([refused.error, refused.revertReason], ['execution reverted', 'no money']);
  const inner = await trace(encode('staticStore'));
  assert.deepEqual(
    [inner.error, inner.calls[0].type, inner.calls[0].error],
    [undefined, 'STATICCALL', 'write protection'],
  );
  assert.equal('value' in inner.calls[0], false);
  assert.equal((await trace(encode('store', [3n, 1n]))).output, word(7));
  assert.equal((await trace(encode('store', [3n, 1n]), '0x1')).output, word(0));
  const stateOverrides = { [contract]: { code: '0x5f5ffd' } };
  assert.equal((await trace('0x', 'latest', { stateOverrides })).error, 'execution reverted');
  const blockOverrides = { number: '0x99' };
  const figures = await trace(encode('blockFigures'), 'latest', { blockOverrides });
  assert.equal(Number(figures.output.slice(0, 66)), 0x99);
});

test('what cannot be traced is refused in a sentence', async () => {
  const { network, hashes } = await probeNetwork({ limits: { statesMax: 1, traceBytesMax: 500 } });
  const error = async (method: string, ...params: unknown[]): Promise<string> => {
    const answer = await network.rpc(method, ...params);
    return `${answer.error?.code} ${answer.error?.message}`;
  };
  assert.equal(await error('debug_traceTransaction', word(1)), '-32000 transaction not found');
  assert.equal(
    await error('debug_traceTransaction', hashes[1]),
    '-32000 historical state of block 1 is not available',
  );
  assert.equal(await error('debug_traceBlockByNumber', '0x0'), '-32000 genesis is not traceable');
  assert.equal(await error('debug_traceBlockByNumber', '0x99'), '-32000 block not found');
  assert.match(
    await error('debug_traceTransaction', hashes[1], { tracer: '{step(){}}' }),
    /^-32602 tracer is not served: use callTracer/,
  );
  const call = { to: contract, data: encode('store', [1n, 2n]) };
  assert.equal(
    await error('debug_traceCall', call, 'latest', {}),
    '-32000 trace too large: at most 500 bytes',
  );
  assert.match(await error('debug_traceCall', call, 'latest', 7), /^-32602 invalid trace config/);
  assert.match(await error('debug_traceChain'), /^-32601 .*debug_traceBlockByNumber/);
});

test('raw transactions and receipts are those that the roots cover', async () => {
  const { network, hashes } = await probeNetwork();
  const { rpc } = network;
  const { result: raw } = await rpc('debug_getRawTransaction', hashes[0]);
  assert.equal(raw, (await rpc('eth_getRawTransactionByHash', hashes[0])).result);
  const { result: receipts } = await rpc('debug_getRawReceipts', '0x2');
  const { result: id } = await rpc('coco_getTransactionId', hashes[1]);
  assert.deepEqual([receipts.length, receipts[1]], [2, id.receipt]);
});

test('an access list names what a call reads, and the call costs what it says', async () => {
  const { network } = await probeNetwork();
  const { rpc } = network;
  const call = { from: sender, to: contract, data: encode('store', [3n, 9n]) };
  const { result } = await rpc('eth_createAccessList', call);
  assert.deepEqual(
    result.accessList.map(({ address }: { address: Hex }) => address),
    [contract],
  );
  assert.equal(result.accessList[0].storageKeys.length, 1);
  assert.equal('error' in result, false);
  const { accessList, gasUsed } = result;
  const traced = await rpc('debug_traceCall', { ...call, accessList }, 'latest', {
    tracer: 'callTracer',
  });
  assert.equal(traced.result.gasUsed, gasUsed);
  const failing = { ...call, data: encode('refuse', ['no']) };
  const refused = (await rpc('eth_createAccessList', failing)).result;
  assert.equal(refused.error, 'execution reverted: no');
});

test('the pool shows what executes next and what waits for a lower nonce', async () => {
  const { network } = await probeNetwork();
  const { rpc } = network;
  await send(network, { nonce: 3, to: bob.address, value: 1n });
  await send(network, { nonce: 5, to: bob.address, value: 2n });
  assert.deepEqual((await rpc('txpool_status')).result, { pending: '0x1', queued: '0x1' });
  const { result: content } = await rpc('txpool_content');
  assert.equal(content.pending[sender][3].value, '0x1');
  assert.equal(content.queued[sender][5].blockHash, null);
  const { result: inspected } = await rpc('txpool_inspect');
  assert.equal(
    inspected.queued[sender][5],
    `${bob.address.toLowerCase()}: 2 wei + 3000000 gas × 0 wei`,
  );
  const { result: of } = await rpc('txpool_contentFrom', alice.address);
  assert.deepEqual([Object.keys(of.pending), Object.keys(of.queued)], [['3'], ['5']]);
  assert.deepEqual((await rpc('txpool_contentFrom', bob.address)).result, {
    pending: {},
    queued: {},
  });
  network.host.settle();
  assert.deepEqual((await rpc('txpool_status')).result, { pending: '0x0', queued: '0x1' });
});

test('methods of other nodes are refused with what to do instead', async () => {
  const { rpc } = createNetwork();
  const refusal = async (method: string): Promise<string> => {
    const { error } = await rpc(method, 'any', 'number', 'of', 'arguments');
    assert.equal(error?.code, -32601);
    return error?.message ?? '';
  };
  assert.match(await refusal('eth_getProof'), /no Merkle-Patricia trie.*coco_getTransactionId/);
  assert.match(await refusal('eth_sendTransaction'), /eth_sendRawTransaction/);
  assert.match(await refusal('personal_sign'), /wallet/);
  assert.match(await refusal('evm_mine'), /send a transaction/);
  assert.match(await refusal('evm_increaseTime'), /block overrides/);
  assert.match(await refusal('hardhat_setBalance'), /state overrides/);
  assert.match(await refusal('anvil_impersonateAccount'), /"from"/);
  assert.match(await refusal('constructor'), /^the method constructor does not exist/);
  assert.match(await refusal('toString_x'), /does not exist/);
});

test('rpc_modules names the families of methods', async () => {
  const { result } = await createNetwork().rpc('rpc_modules');
  assert.deepEqual(Object.keys(result), ['coco', 'debug', 'eth', 'net', 'rpc', 'txpool', 'web3']);
});

test('who may not see a transaction sees neither its trace nor that it waits', async () => {
  const { network, hashes } = await probeNetwork({ visibility: 'consortium' });
  const { rpc } = network;
  await send(network, { nonce: 9, to: bob.address });
  assert.deepEqual((await rpc('txpool_status')).result, { pending: '0x0', queued: '0x0' });
  const error = async (method: string, ...params: unknown[]): Promise<string | undefined> =>
    (await rpc(method, ...params)).error?.message;
  assert.equal(await error('debug_traceTransaction', hashes[0]), 'transaction not found');
  assert.equal(
    await error('debug_traceBlockByNumber', '0x2'),
    'the block is not visible to the caller',
  );
  const call = { to: contract };
  assert.match((await error('debug_traceCall', call, 'latest')) ?? '', /not visible/);
  assert.match((await error('eth_createAccessList', call)) ?? '', /not visible/);
});
