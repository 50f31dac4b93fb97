/** Subscriptions over a channel: what is told, in which form and order, to whom, how much. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeDeployData, encodeFunctionData, getContractAddress, type Hex } from 'viem';
import { alice, bob, chainId, createNetwork, type Network, token } from './network.ts';
import { TestChannel } from './test-channel.ts';

const contract = getContractAddress({ from: alice.address, nonce: 0n }).toLowerCase() as Hex;
const manual = { isAutomatic: false };
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

/** Block 1 deploys the token. */
async function tokenNetwork(options = {}): Promise<Network> {
  const network = createNetwork(options, manual);
  await send(network, { nonce: 0, data: encodeDeployData({ ...token, args: [1000n] }) });
  network.host.settle();
  return network;
}

const transfer = (network: Network, nonce: number): Promise<Hex> =>
  send(network, { nonce, to: contract, data: encode('transfer', [bob.address, nonce]) });

test('new heads are told in order, as geth words them, and only when committed', async () => {
  const network = await tokenNetwork();
  const channel = new TestChannel(network);
  const { result: subscription } = await channel.rpc('eth_subscribe', 'newHeads');
  assert.match(subscription, /^0x[0-9a-f]{32}$/);
  await transfer(network, 1);
  network.host.clock.advance(0);
  assert.equal(channel.told.length, 0);
  network.host.settle();
  await transfer(network, 2);
  network.host.settle();
  assert.deepEqual(
    channel.told.map(({ method, params }) => [method, params.subscription, params.result.number]),
    [
      ['eth_subscription', subscription, '0x2'],
      ['eth_subscription', subscription, '0x3'],
    ],
  );
  const { result: block } = await channel.rpc('eth_getBlockByNumber', '0x3', false);
  const { transactions, uncles, withdrawals, size, ...head } = block;
  assert.equal(transactions.length, 1);
  assert.deepEqual([uncles, withdrawals], [[], []]);
  assert.match(size, /^0x/);
  assert.deepEqual(channel.told[1]?.params.result, head);
});

test('nothing is told before the answer that names the subscription', async () => {
  const network = await tokenNetwork();
  const channel = new TestChannel(network);
  const call = { jsonrpc: '2.0', id: 7, method: 'eth_subscribe', params: ['newHeads'] };
  const answering = channel.send(JSON.stringify([call]));
  await transfer(network, 1);
  assert.equal(channel.told.length, 0);
  assert.equal(JSON.parse((await answering) ?? '')[0].id, 7);
  network.host.settle();
  assert.equal(channel.told.length, 1);
});

test('logs are told as the filter wants them, each as eth_getLogs shows it', async () => {
  const network = await tokenNetwork();
  const channel = new TestChannel(network);
  const topics = [[], [], `0x${'0'.repeat(24)}${bob.address.slice(2).toLowerCase()}`];
  const wanted = await channel.rpc('eth_subscribe', 'logs', { address: contract, topics });
  await channel.rpc('eth_subscribe', 'logs', { address: bob.address });
  await channel.rpc('eth_subscribe', 'logs');
  await transfer(network, 1);
  await transfer(network, 2);
  network.host.settle();
  const { result: logs } = await channel.rpc('eth_getLogs', { fromBlock: '0x2' });
  assert.equal(logs.length, 2);
  const told = (id: string): unknown[] =>
    channel.told.filter(({ params }) => params.subscription === id).map((one) => one.params.result);
  assert.deepEqual(told(wanted.result), logs);
  assert.equal(channel.told.length, 4);
});

test('transactions are told as hashes, or whole', async () => {
  const network = await tokenNetwork();
  const channel = new TestChannel(network);
  const { result: short } = await channel.rpc('eth_subscribe', 'newPendingTransactions');
  const { result: full } = await channel.rpc('eth_subscribe', 'newPendingTransactions', true);
  const hash = await transfer(network, 1);
  network.host.settle();
  const by = new Map(channel.told.map(({ params }) => [params.subscription, params.result]));
  assert.equal(by.get(short), hash);
  const { result } = await channel.rpc('eth_getTransactionByHash', hash);
  assert.deepEqual(by.get(full), result);
});

test('a subscription ends by its id, and with its channel', async () => {
  const network = await tokenNetwork();
  const [one, other] = [new TestChannel(network), new TestChannel(network)];
  const { result: id } = await one.rpc('eth_subscribe', 'newHeads');
  await other.rpc('eth_subscribe', 'newHeads');
  assert.deepEqual((await other.rpc('eth_unsubscribe', id)).error, {
    code: -32000,
    message: 'subscription not found',
  });
  assert.equal((await one.rpc('eth_unsubscribe', id)).result, true);
  assert.equal((await one.rpc('eth_unsubscribe', id)).error.message, 'subscription not found');
  other.end();
  await transfer(network, 1);
  network.host.settle();
  assert.deepEqual([one.told.length, other.told.length], [0, 0]);
  assert.equal((await other.rpc('eth_subscribe', 'newHeads')).error.code, -32005);
});

test('what cannot be subscribed to is refused in the words of geth', async () => {
  const network = createNetwork();
  const channel = new TestChannel(network);
  const error = async (...params: unknown[]): Promise<string> => {
    const { error: refused } = await channel.rpc('eth_subscribe', ...params);
    return `${refused.code} ${refused.message}`;
  };
  assert.equal(await error('money'), '-32601 no "money" subscription in eth namespace');
  assert.equal(await error(), '-32602 expected subscription name as first argument');
  assert.equal(await error('logs', 5), '-32602 invalid argument 1: not an object');
  assert.equal(await error('logs', { topics: 5 }), '-32602 invalid topics');
  assert.deepEqual((await network.rpc('eth_subscribe', 'newHeads')).error, {
    code: -32601,
    message: 'notifications not supported',
  });
  assert.throws(() => new TestChannel(network, { origin: 'https://elsewhere.example' }), {
    code: 'OriginNotAllowed',
  });
  new TestChannel(network, { origin: 'http://localhost:3000' }).end();
});

test('subscriptions are bounded per connection and per node', async () => {
  const limits = { subscriptionsPerChannelMax: 2, subscriptionsMax: 3 };
  const network = createNetwork({ limits });
  const [one, other] = [new TestChannel(network), new TestChannel(network)];
  const subscribe = async (channel: TestChannel): Promise<string> =>
    (await channel.rpc('eth_subscribe', 'newHeads')).error?.message ?? 'taken';
  assert.deepEqual(
    [await subscribe(one), await subscribe(one), await subscribe(one)],
    ['taken', 'taken', 'too many subscriptions: at most 2 on a connection'],
  );
  assert.deepEqual(
    [await subscribe(other), await subscribe(other)],
    ['taken', 'too many subscriptions on this node'],
  );
  one.end();
  assert.equal(await subscribe(other), 'taken');
});

test('who is known no more is told nothing more, and strangers only what is visible', async () => {
  const network = await tokenNetwork({ visibility: 'consortium' });
  const [member, stranger] = [new TestChannel(network), new TestChannel(network)];
  const known = { policy: 'any_cert', id: 'aa', certificate: new Uint8Array() } as const;
  member.current = known;
  for (const channel of [member, stranger]) {
    await channel.rpc('eth_subscribe', 'newHeads');
    await channel.rpc('eth_subscribe', 'logs');
    await channel.rpc('eth_subscribe', 'newPendingTransactions');
    await channel.rpc('eth_subscribe', 'newPendingTransactions', true);
  }
  await transfer(network, 1);
  network.host.settle();
  assert.deepEqual([member.told.length, stranger.told.length], [4, 0]);
  member.current = undefined;
  await transfer(network, 2);
  network.host.settle();
  assert.equal(member.told.length, 4);
});

test('a rollback takes back nothing that was told', async () => {
  const network = await tokenNetwork();
  const { host } = network;
  const channel = new TestChannel(network);
  await channel.rpc('eth_subscribe', 'newHeads');
  await transfer(network, 1);
  host.closeBatch();
  host.rollback(host.committedSeqno);
  host.clock.advance(0);
  assert.equal(channel.told.length, 0);
  host.settle();
  assert.deepEqual(
    channel.told.map(({ params }) => params.result.number),
    ['0x2'],
  );
});

test('many subscribers are told in turns, and none misses a block', async () => {
  const network = await tokenNetwork({ emptyBlockDelayMs: 1_000_000 });
  const channels = Array.from({ length: 30 }, () => new TestChannel(network));
  for (const channel of channels) {
    await channel.rpc('eth_subscribe', 'newHeads');
    // Each takes more than a turn.
    channel.whenTold = () => network.host.clock.advance(11);
  }
  for (let nonce = 1; nonce <= 3; nonce++) {
    await transfer(network, nonce);
    network.host.closeBatch();
    network.host.commitBatch();
  }
  for (let turn = 0; turn < 3 * channels.length; turn++) network.host.clock.advance(20);
  for (const channel of channels) {
    assert.deepEqual(
      channel.told.map(({ params }) => params.result.number),
      ['0x2', '0x3', '0x4'],
    );
  }
});
