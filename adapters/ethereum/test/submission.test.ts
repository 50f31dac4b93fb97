/** Transactions on their way in: geth's refusals, nonce gaps, full blocks, busy nodes, rollbacks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerError } from '@coco/base';
import {
  concat,
  type Hex,
  hexToBigInt,
  keccak256,
  type TransactionSerializable,
  toHex,
  toRlp,
} from 'viem';
import { privateKeyToAccount, sign as signHash } from 'viem/accounts';
import { alice, aliceKey, bob, chainId, createNetwork, type Network, prefund } from './network.ts';

/** A refusal of the node's own, which this room does not define. */
const busy = (code: string, message: string): LedgerError =>
  new LedgerError(code, { kind: 'refusal', status: 503, meaning: message }, message, {}, undefined);

function sign(fields: Partial<TransactionSerializable> & { nonce: number }): Promise<Hex> {
  const whole = { type: 'eip1559', chainId, gas: 21_000n, to: bob.address, ...fields };
  return alice.signTransaction(whole as TransactionSerializable);
}

/** Sends and gives the hash, or the error's text. */
async function send({ rpc }: Network, raw: Hex): Promise<string> {
  const { result, error } = await rpc('eth_sendRawTransaction', raw);
  return result ?? `${error?.code} ${error?.message}`;
}

const isHash = /^0x[0-9a-f]{64}$/;
const manual = { isAutomatic: false };

const refused: readonly (readonly [string, Partial<TransactionSerializable>, RegExp])[] = [
  ['another chain', { chainId: 5 }, /^-32000 invalid sender: invalid chain id.*have 5 want 1337$/],
  [
    'a gas limit below 21000',
    { gas: 20_999n },
    /^-32000 intrinsic gas too low: gas 20999, minimum needed 21000$/,
  ],
  [
    'data that the floor price exceeds',
    { gas: 22_000n, data: `0x${'11'.repeat(60)}` },
    /insufficient gas for floor data gas cost|intrinsic gas too low/,
  ],
  [
    'more gas than EIP-7825 allows',
    { gas: 16_777_217n },
    /transaction gas limit too high \(cap: 16777216, tx: 16777217\)/,
  ],
  ['more gas than a block has', { gas: 2_000_000_000n }, /^-32000 exceeds block gas limit$/],
  [
    'more value than there is',
    { value: prefund + 1n },
    /^-32000 insufficient funds for gas \* price \+ value: balance \d+, tx cost \d+, overshot 1$/,
  ],
  [
    'creation code above EIP-3860',
    { to: null, gas: 16_000_000n, data: `0x${'00'.repeat(49_153)}` },
    /max initcode size exceeded: code size 49153, limit 49152/,
  ],
];

for (const [what, fields, pattern] of refused) {
  test(`a transaction with ${what} is refused in geth's words`, async () => {
    const network = createNetwork();
    const raw = await sign({ ...fields, nonce: 0 });
    assert.match(await send(network, raw), pattern);
    assert.match(await send(network, await sign({ nonce: 0 })), isHash);
  });
}

test('a tip above the fee cap is refused, although no library would sign it', async () => {
  const [fee, tip] = ['0x01', '0x02'] as const;
  const fields = [toHex(chainId), '0x', tip, fee, '0x5208', bob.address, '0x', '0x', []] as const;
  const hash = keccak256(concat(['0x02', toRlp([...fields])]));
  const { r, s, yParity } = await signHash({ hash, privateKey: aliceKey });
  const trimmed = [r, s].map((value) => toHex(hexToBigInt(value)));
  const parity = yParity === 0 ? '0x' : '0x01';
  const raw = concat(['0x02', toRlp([...fields, parity, ...trimmed] as never)]);
  const answer = await send(createNetwork(), raw);
  assert.equal(answer, '-32000 max priority fee per gas higher than max fee per gas');
});

test('a legacy transaction without a chain id is refused, unless allowed', async () => {
  const raw = await alice.signTransaction({
    type: 'legacy',
    nonce: 0,
    gas: 21_000n,
    gasPrice: 0n,
    to: bob.address,
  });
  assert.match(await send(createNetwork(), raw), /only replay-protected \(EIP-155\) transactions/);
  assert.match(await send(createNetwork({ allowsUnprotected: true }), raw), isHash);
});

test('blob and unknown transaction types are refused plainly', async () => {
  const network = createNetwork();
  assert.match(await send(network, '0x03c0'), /^-32000 .*(type not supported|[Bb]lob)/);
  assert.match(await send(network, '0x05c0'), /^-32000 .*type not supported/);
});

test('a transaction is known until its block commits, and its nonce too low from then on', async () => {
  const network = createNetwork({}, manual);
  const raw = await sign({ nonce: 0 });
  const hash = await send(network, raw);
  assert.match(hash, isHash);
  assert.equal(await send(network, raw), '-32000 already known');
  network.host.settle();
  assert.equal(await send(network, raw), '-32000 nonce too low: next nonce 1, tx nonce 0');
});

test('transactions wait for a missing nonce and execute in order when it comes', async () => {
  const network = createNetwork({}, manual);
  const { rpc, host } = network;
  const raws = await Promise.all([0, 1, 2, 3].map((nonce) => sign({ nonce, value: 1n })));
  for (const at of [2, 3, 1]) assert.match(await send(network, raws[at] as Hex), isHash);
  assert.equal((await rpc('eth_getTransactionCount', alice.address, 'pending')).result, '0x0');
  assert.equal(await send(network, raws[2] as Hex), '-32000 already known');
  const waiting = await send(network, raws[0] as Hex);
  assert.equal((await rpc('eth_getTransactionCount', alice.address, 'pending')).result, '0x4');
  assert.equal((await rpc('eth_getTransactionCount', alice.address, 'latest')).result, '0x0');
  const pending = (await rpc('eth_getTransactionByHash', waiting)).result;
  assert.equal(pending.blockNumber, null);
  assert.equal((await rpc('eth_getTransactionReceipt', waiting)).result, null);
  host.settle();
  const { result: block } = await rpc('eth_getBlockByNumber', 'latest', true);
  assert.deepEqual(
    block.transactions.map(({ nonce }: { nonce: string }) => nonce),
    ['0x0', '0x1', '0x2', '0x3'],
  );
});

test('a waiting transaction is replaced only by ten per cent more', async () => {
  const network = createNetwork({}, manual);
  const offer = (maxFeePerGas: bigint) =>
    sign({ nonce: 1, maxFeePerGas, maxPriorityFeePerGas: maxFeePerGas });
  const first = await send(network, await offer(100n));
  assert.match(await send(network, await offer(109n)), /replacement transaction underpriced/);
  const second = await send(network, await offer(110n));
  assert.match(second, isHash);
  assert.equal((await network.rpc('eth_getTransactionByHash', first)).result, null);
  await send(network, await sign({ nonce: 0 }));
  network.host.settle();
  assert.equal((await network.rpc('eth_getTransactionReceipt', second)).result.status, '0x1');
});

test('the queue is bounded per sender, in all, and in time', async () => {
  const limits = { queuedPerSenderMax: 2, queuedMax: 3, queuedMsMax: 1000 };
  const network = createNetwork({ limits }, manual);
  for (const nonce of [5, 6]) assert.match(await send(network, await sign({ nonce })), isHash);
  assert.equal(await send(network, await sign({ nonce: 7 })), '-32000 account limit exceeded');
  const bobs = async (nonce: number) =>
    bob.signTransaction({ type: 'eip1559', chainId, nonce, gas: 21_000n, to: alice.address });
  assert.match(await send(network, await bobs(5)), isHash);
  assert.equal(await send(network, await bobs(6)), '-32000 txpool is full');
  network.host.clock.advance(1000);
  assert.match(await send(network, await bobs(6)), isHash);
});

test('the queue is bounded in bytes, and what leaves it makes room', async () => {
  const network = createNetwork({ limits: { queuedBytesMax: 250 } }, manual);
  for (const nonce of [1, 2]) assert.match(await send(network, await sign({ nonce })), isHash);
  assert.equal(await send(network, await sign({ nonce: 3 })), '-32000 txpool is full');
  assert.match(await send(network, await sign({ nonce: 0 })), isHash);
  for (const nonce of [4, 5]) assert.match(await send(network, await sign({ nonce })), isHash);
  assert.equal(await send(network, await sign({ nonce: 6 })), '-32000 txpool is full');
});

test('what does not fit into the open block goes into the next one', async () => {
  const network = createNetwork({ blockGasLimit: 50_000n }, manual);
  const { host, rpc } = network;
  for (let nonce = 0; nonce < 5; nonce++) {
    assert.match(await send(network, await sign({ nonce })), isHash);
  }
  host.settle();
  const counts = [];
  for (let number = 1; number <= 3; number++) {
    const { result } = await rpc('eth_getBlockTransactionCountByNumber', `0x${number}`);
    counts.push(Number(result));
  }
  assert.deepEqual(counts, [2, 2, 1]);
});

test('a busy node lets transactions wait and executes them later', async () => {
  const network = createNetwork({}, manual);
  const { host, rpc } = network;
  await send(network, await sign({ nonce: 0 }));
  host.refuseWrites(busy('TooManyPendingTransactions', 'busy'));
  const hash = await send(network, await sign({ nonce: 1 }));
  assert.match(hash, isHash);
  host.closeBatch();
  host.refuseWrites(undefined);
  host.settle();
  assert.equal((await rpc('eth_getTransactionReceipt', hash)).result.status, '0x1');
});

test('what waited behind a busy transaction follows it', async () => {
  const network = createNetwork({}, manual);
  const { host, rpc } = network;
  const gapped = await send(network, await sign({ nonce: 2 }));
  await send(network, await sign({ nonce: 0 }));
  host.refuseWrites(busy('TooManyPendingTransactions', 'busy'));
  await send(network, await sign({ nonce: 1 }));
  host.closeBatch();
  host.commitBatch();
  host.clock.advance(0);
  assert.equal(host.entries.length, 3, 'genesis, a transaction and its block');
  // What waits counts for the next nonce, as in geth.
  assert.equal((await rpc('eth_getTransactionCount', alice.address, 'pending')).result, '0x3');
  host.refuseWrites(undefined);
  host.requestBatch();
  await send(
    network,
    await bob.signTransaction({
      type: 'eip1559',
      chainId,
      nonce: 0,
      gas: 21_000n,
      to: alice.address,
    }),
  );
  host.settle();
  assert.equal((await rpc('eth_getTransactionReceipt', gapped)).result.status, '0x1');
});

test('what a rollback undid is executed again in the next view', async () => {
  const network = createNetwork({}, manual);
  const { host, rpc } = network;
  const hashes = [];
  for (let nonce = 0; nonce < 3; nonce++) hashes.push(await send(network, await sign({ nonce })));
  host.closeBatch();
  hashes.push(await send(network, await sign({ nonce: 3 })));
  host.loseOffice();
  assert.equal((await rpc('eth_blockNumber')).result, '0x0');
  assert.equal((await rpc('eth_getTransactionByHash', hashes[0])).result.blockNumber, null);
  host.gainOffice();
  host.settle();
  for (const hash of hashes) {
    assert.equal((await rpc('eth_getTransactionReceipt', hash)).result.status, '0x1');
  }
});

test('a waiting transaction that cannot be paid any more is dropped', async () => {
  const network = createNetwork({}, manual);
  const poor = privateKeyToAccount(`0x${'c3'.repeat(32)}`);
  await send(network, await sign({ nonce: 0, to: poor.address, value: 100n }));
  const spend = (nonce: number) =>
    poor.signTransaction({
      type: 'eip1559',
      chainId,
      nonce,
      gas: 21_000n,
      to: bob.address,
      value: 60n,
    });
  const dropped = await send(network, await spend(1));
  assert.match(dropped, isHash);
  assert.match(await send(network, await spend(0)), isHash);
  network.host.settle();
  assert.equal((await network.rpc('eth_getTransactionByHash', dropped)).result, null);
});

test('eth_sendRawTransactionSync answers with the receipt once it is committed', async () => {
  const network = createNetwork({}, manual);
  const { host, rpc } = network;
  const reply = rpc('eth_sendRawTransactionSync', await sign({ nonce: 0 }));
  while (host.entries.length < 2) await Promise.resolve();
  host.settle();
  assert.equal((await reply).result.blockNumber, '0x1');
  const raw = await sign({ nonce: 1 });
  const late = rpc('eth_sendRawTransactionSync', raw, 100);
  while (host.entries.length < 4) await Promise.resolve();
  await Promise.resolve();
  host.clock.advance(100);
  assert.deepEqual((await late).error, {
    code: 4,
    message: "The transaction was added to the transaction pool but wasn't processed in 100ms",
    data: keccak256(raw),
  });
});

test('eth_sendRawTransactionSync waits its turn where a lower nonce is on its way', async () => {
  const network = createNetwork({}, manual);
  const { host, rpc } = network;
  const second = rpc('eth_sendRawTransactionSync', await sign({ nonce: 1 }));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  const executedBefore = host.entries.length;
  const first = rpc('eth_sendRawTransactionSync', await sign({ nonce: 0 }));
  while (host.entries.length < executedBefore + 2) await Promise.resolve();
  host.settle();
  const [one, two] = [(await first).result, (await second).result];
  assert.equal(one.blockNumber, two.blockNumber);
  assert.deepEqual([one.transactionIndex, two.transactionIndex], ['0x0', '0x1']);
});
