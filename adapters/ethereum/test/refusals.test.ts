/** Each code of errors.ts comes from a call that provokes it; the log names it without user data. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerError, utf8Decode } from '@coco/base';
import { encodeDeployData, type Hex } from 'viem';
import { type CallExecutor, SameThreadCalls } from '../src/call-executor.ts';
import { ethereumError } from '../src/errors.ts';
import { EthereumState } from '../src/ethereum-state.ts';
import { decodeAccount } from '../src/state-codec.ts';
import { alice, bob, chainId, createNetwork, engine, type Network, token } from './network.ts';
import { TestChannel } from './test-channel.ts';

const manual = { isAutomatic: false };
const sign = (nonce: number, fields: object = {}): Promise<Hex> =>
  alice.signTransaction({
    type: 'eip1559',
    chainId,
    nonce,
    gas: 21_000n,
    to: bob.address,
    ...fields,
  } as never);

/** The code that the last refusal logged. */
function lastCode({ host }: Network): unknown {
  return host.logged.findLast(({ event }) => event === 'ethereum_call_refused')?.fields.code;
}

async function codeOf(network: Network, method: string, ...params: unknown[]): Promise<unknown> {
  const { error } = await network.rpc(method, ...params);
  assert.ok(error);
  return lastCode(network);
}

const send = 'eth_sendRawTransaction';

test('subscriptions refuse', async () => {
  const network = createNetwork({ limits: { subscriptionsPerChannelMax: 1 } });
  assert.equal(await codeOf(network, 'eth_subscribe', 'newHeads'), 'SubscriptionsUnsupported');
  const channel = new TestChannel(network);
  await channel.rpc('eth_subscribe', 'money');
  assert.equal(lastCode(network), 'SubscriptionUnknown');
  await channel.rpc('eth_unsubscribe', '0x01');
  assert.equal(lastCode(network), 'SubscriptionNotFound');
  await channel.rpc('eth_subscribe', 'newHeads');
  await channel.rpc('eth_subscribe', 'newHeads');
  assert.equal(lastCode(network), 'TooManySubscriptions');
});

test('the protocol refuses', async () => {
  const network = createNetwork({ limits: { responseBytesMax: 200, batchMsMax: 50 } });
  await network.post('{');
  assert.equal(lastCode(network), 'JsonRpcParseError');
  await network.post('[]');
  assert.equal(lastCode(network), 'JsonRpcInvalidRequest');
  assert.equal(await codeOf(network, 'eth_nothing'), 'JsonRpcMethodNotFound');
  assert.equal(await codeOf(network, 'eth_getBalance'), 'JsonRpcInvalidParameters');
  const large = ['eth_getBlockByNumber', 'latest', false] as const;
  assert.equal(await codeOf(network, ...large), 'JsonRpcResponseTooLarge');
  const page = await network.post('{}', { origin: 'https://evil.example' });
  assert.match(utf8Decode(page.body), /^OriginNotAllowed: /);
  const text = await network.post('{}', { 'content-type': 'text/html' });
  assert.match(utf8Decode(text.body), /^JsonRpcUnsupportedMediaType: /);
});

test('a batch that outlasts its time is cut, and others get their turn meanwhile', async () => {
  const network = createNetwork({ limits: { batchMsMax: 50 } });
  const { clock } = network.host;
  const call = { jsonrpc: '2.0', id: 1, method: 'eth_chainId' };
  const monotonicMs = clock.monotonicMs.bind(clock);
  let readings = 0;
  clock.monotonicMs = () => monotonicMs() + 15 * readings++;
  let turns = 0;
  const setTimer = clock.setTimer.bind(clock);
  clock.setTimer = (delayMs, callback) => {
    turns++;
    queueMicrotask(callback);
    return setTimer(delayMs, () => {});
  };
  const { body } = await network.post(JSON.stringify([call, call, call, call]));
  const answers: { result?: string; error?: { code: number } }[] = JSON.parse(utf8Decode(body));
  assert.equal(answers[0]?.result, '0x539');
  assert.equal(answers[3]?.error?.code, -32002);
  assert.equal(lastCode(network), 'JsonRpcTimeout');
  assert.ok(turns > 0);
});

test('traces refuse', async () => {
  const network = createNetwork({ limits: { traceBytesMax: 10 } });
  const trace = 'debug_traceTransaction';
  const hash = (await network.rpc('eth_sendRawTransaction', await sign(0))).result;
  const config = { tracer: 'callTracer' };
  assert.equal(await codeOf(network, trace, hash, config), 'TraceTooLarge');
  assert.equal(await codeOf(network, trace, `0x${'00'.repeat(32)}`), 'TransactionUnknown');
  assert.equal(await codeOf(network, 'debug_traceBlockByNumber', '0x0'), 'GenesisNotTraceable');
  assert.equal(await codeOf(network, 'eth_getProof'), 'MethodRefused');
});

test('a block that does not replay to its receipts is TraceDiverged', async () => {
  const gasUsed = 21_001n;
  const honest = new SameThreadCalls(engine, { monotonicMs: () => 0 });
  const calls: CallExecutor = {
    atOnce: 1,
    execute: (request, source, msMax) => honest.execute(request, source, msMax),
    trace: async (traced, source, msMax) => {
      const trace = await honest.trace(traced, source, msMax);
      return { ...trace, execution: { ...trace.execution, gasUsed } };
    },
    stop: () => honest.stop(),
  };
  const network = createNetwork({ calls });
  const hash = (await network.rpc('eth_sendRawTransaction', await sign(0))).result;
  assert.equal(await codeOf(network, 'debug_traceTransaction', hash), 'TraceDiverged');
});

test('a caller who asks for too much at once is refused with TooManyCalls', async () => {
  const network = createNetwork({ limits: { waitingCallsMax: 0 } });
  const call = { to: bob.address };
  const answers = await Promise.all([network.rpc('eth_call', call), network.rpc('eth_call', call)]);
  assert.deepEqual(
    answers.map(({ error }) => error?.code),
    [undefined, -32005],
  );
  assert.equal(lastCode(network), 'TooManyCalls');
});

test('submission refuses', async () => {
  const network = createNetwork(
    { limits: { queuedPerSenderMax: 2, queuedMax: 2 }, blockGasLimit: 30_000n },
    manual,
  );
  const raw = await sign(0);
  await network.rpc(send, raw);
  assert.equal(await codeOf(network, send, raw), 'TransactionKnown');
  const legacy = await alice.signTransaction({
    type: 'legacy',
    nonce: 1,
    gas: 21_000n,
    to: bob.address,
  });
  assert.equal(await codeOf(network, send, legacy), 'TransactionUnprotected');
  // The open block is full: the next transaction waits for the one after it.
  await network.rpc(send, await sign(1));
  await network.rpc(send, await sign(3));
  assert.equal(await codeOf(network, send, await sign(3, { value: 1n })), 'ReplacementUnderpriced');
  assert.equal(await codeOf(network, send, await sign(4)), 'SenderQueueFull');
  const bobs = await bob.signTransaction({
    type: 'eip1559',
    chainId,
    nonce: 9,
    gas: 21_000n,
    to: alice.address,
  });
  assert.equal(await codeOf(network, send, bobs), 'PoolFull');
});

test('a full block is a passing refusal: what meets BlockFull waits', async () => {
  const network = createNetwork({ blockGasLimit: 30_000n }, manual);
  await network.rpc(send, await sign(0));
  const { result, error } = await network.rpc(send, await sign(1));
  assert.equal(error, undefined);
  assert.equal((await network.rpc('eth_getTransactionByHash', result)).result.blockHash, null);
  network.host.settle();
  assert.equal((await network.rpc('eth_getTransactionReceipt', result)).result.blockNumber, '0x2');
});

test('reads refuse', async () => {
  const limits = { statesMax: 1, logBlocksMax: 1n, filtersMax: 1, callMsMax: 10 };
  const network = createNetwork({ limits }, manual);
  const data = encodeDeployData({ ...token, args: [1n] });
  await network.rpc(send, await sign(0, { to: undefined, gas: 3_000_000n, data }));
  network.host.settle();
  const balance = 'eth_getBalance';
  assert.equal(await codeOf(network, balance, bob.address, '0x9'), 'HeaderNotFound');
  assert.equal(await codeOf(network, balance, bob.address, '0x0'), 'StateNotAvailable');
  assert.equal(await codeOf(network, 'eth_getLogs', { fromBlock: '0x0' }), 'LogQueryTooLarge');
  const backwards = { fromBlock: '0x1', toBlock: '0x0' };
  assert.equal(await codeOf(network, 'eth_getLogs', backwards), 'InvalidBlockRange');
  assert.equal(await codeOf(network, 'eth_getFilterChanges', '0x01'), 'FilterNotFound');
  await network.rpc('eth_newBlockFilter');
  assert.equal(await codeOf(network, 'eth_newBlockFilter'), 'TooManyFilters');
  const invalid = { data: '0xfe' };
  assert.equal(await codeOf(network, 'eth_call', invalid), 'CallFailed');
  const tooLittle = { from: alice.address, to: bob.address, gas: '0x5208', data: '0x11' };
  assert.equal(await codeOf(network, 'eth_estimateGas', tooLittle), 'GasRequiredExceedsAllowance');
  const { clock } = network.host;
  let readings = 0;
  clock.monotonicMs = () => 100 * readings++;
  assert.equal(await codeOf(network, 'eth_call', invalid), 'CallTimeout');
});

test('what the caller may not see is ItemNotVisible', async () => {
  const network = createNetwork({}, manual, () => false);
  assert.equal(await codeOf(network, 'eth_getBalance', bob.address), 'ItemNotVisible');
});

test('a damaged or missing record is EthereumStateInvalid, a fault', () => {
  const empty = {
    get: () => undefined,
    has: () => false,
    versionOf: () => undefined,
    range: () => [],
    size: 0,
  };
  const state = new EthereumState({ map: () => empty });
  const isFault = (error: unknown): boolean =>
    error instanceof LedgerError && error.code === 'EthereumStateInvalid' && error.kind === 'fault';
  assert.throws(() => state.chain(), isFault);
  assert.throws(() => state.headNumber(), isFault);
  assert.throws(() => state.getCode(new Uint8Array(32)), isFault);
  assert.throws(() => decodeAccount(Uint8Array.of(9)), isFault);
});

test('refusals carry an HTTP status of a refusal', () => {
  assert.equal(ethereumError('PoolFull', 'txpool is full').status, 503);
  assert.equal(ethereumError('ItemNotVisible', 'hidden').kind, 'refusal');
});
