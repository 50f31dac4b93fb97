/**
 * Hostile input: bodies, raw transactions and contracts. Whatever comes, the answer is a coded
 * error or a result, and the next request is served. Seeds are printed by fast-check on failure.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom, utf8Decode } from '@coco/base';
import fc from 'fast-check';
import { encodeDeployData, encodeFunctionData, getContractAddress, type Hex } from 'viem';
import {
  alice,
  bob,
  chainId,
  createNetwork,
  type Network,
  requestOf,
  respond,
  token,
} from './network.ts';

const seed = 20_261_123;
const runs = { seed, numRuns: 150 };
const manual = { isAutomatic: false };

async function assertServes({ rpc }: Network): Promise<void> {
  assert.equal((await rpc('eth_chainId')).result, '0x539');
}

/** Every answer is empty, or JSON-RPC with a result or a coded error. */
function assertWellFormed(body: Uint8Array): void {
  const text = utf8Decode(body);
  if (text === '') return;
  const answers = [JSON.parse(text)].flat();
  for (const { jsonrpc, error, result } of answers) {
    assert.equal(jsonrpc, '2.0');
    if (error === undefined) assert.notEqual(result, undefined);
    else assert.ok(Number.isInteger(error.code) && typeof error.message === 'string');
  }
}

test('any bytes as a body get a coded answer', async () => {
  const network = createNetwork();
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (body) => {
    const request = requestOf('POST', body, [['content-type', 'application/json']]);
    const response = await respond(network.host, request);
    assertWellFormed(response.body);
  });
  await fc.assert(property, runs);
  await assertServes(network);
});

const methods = [
  'eth_call',
  'eth_estimateGas',
  'eth_feeHistory',
  'eth_getBalance',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getBlockReceipts',
  'eth_getCode',
  'eth_getFilterChanges',
  'eth_getLogs',
  'eth_getStorageAt',
  'eth_getTransactionByBlockNumberAndIndex',
  'eth_getTransactionByHash',
  'eth_getTransactionReceipt',
  'eth_newFilter',
  'eth_sendRawTransaction',
  'eth_sendRawTransactionSync',
  'eth_createAccessList',
  'eth_subscribe',
  'debug_traceBlockByNumber',
  'debug_traceCall',
  'debug_traceTransaction',
  'txpool_contentFrom',
  'web3_sha3',
  'coco_getTransactionId',
];

test('any parameters to any method get a coded answer', async () => {
  const network = createNetwork();
  const hexText = fc
    .uint8Array({ maxLength: 40 })
    .map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`);
  const leaf = fc.oneof(
    hexText,
    fc.constantFrom('latest', 'pending', 'earliest', '0x0', '0x1', alice.address, '', '0x'),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const fields = fc.constantFrom(
    ...['from', 'to', 'gas', 'gasPrice', 'value', 'data', 'input', 'accessList', 'nonce'],
    ...['fromBlock', 'toBlock', 'blockHash', 'address', 'topics', 'state', 'code', 'balance'],
    ...[bob.address, '__proto__', 'blockNumber'],
  );
  const parameter = fc.oneof(
    leaf,
    fc.dictionary(fields, fc.oneof(leaf, fc.dictionary(fields, leaf))),
  );
  const call = fc.record({
    jsonrpc: fc.constant('2.0'),
    id: fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
    method: fc.constantFrom(...methods),
    params: fc.oneof(fc.array(parameter, { maxLength: 5 }), fc.jsonValue()),
  });
  const property = fc.asyncProperty(
    fc.oneof(call, fc.array(call, { maxLength: 4 })),
    async (body) => {
      const { status, body: answer } = await network.post(JSON.stringify(body));
      assert.equal(status, 200);
      assertWellFormed(answer);
    },
  );
  await fc.assert(property, { ...runs, numRuns: 400 });
  await assertServes(network);
});

test('a raw transaction with any byte changed, cut or added is refused or stands as another', async () => {
  const network = createNetwork({}, manual);
  const raw = await alice.signTransaction({
    type: 'eip1559',
    chainId,
    nonce: 0,
    gas: 60_000n,
    to: bob.address,
    value: 5n,
    data: '0x0102030405',
    accessList: [{ address: bob.address, storageKeys: [`0x${'11'.repeat(32)}`] }],
  });
  const bytes = Buffer.from(raw.slice(2), 'hex');
  const random = new SeededRandom(seed);
  const variants = [
    ...Array.from({ length: bytes.length }, (_, at) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ (1 << random.below(8));
      return changed;
    }),
    ...Array.from({ length: 20 }, () => bytes.subarray(0, random.below(bytes.length))),
    Buffer.concat([bytes, Buffer.of(0)]),
  ];
  for (const variant of variants) {
    const { result, error } = await network.rpc(
      'eth_sendRawTransaction',
      `0x${variant.toString('hex')}`,
    );
    // A changed field makes another transaction of some other, unfunded sender.
    assert.ok(error, `accepted as ${result}`);
    assert.equal(error.code, -32000);
  }
  assert.equal(network.host.entries.length, 1);
  const { result } = await network.rpc('eth_sendRawTransaction', raw);
  assert.match(result, /^0x/);
});

test('a transaction above 128 KiB is refused with the limit named', async () => {
  const { rpc } = createNetwork();
  const { error } = await rpc('eth_sendRawTransaction', `0x02${'00'.repeat(131_072)}`);
  assert.match(error?.message ?? '', /131072|128 ?KiB|oversized/);
});

const contract = getContractAddress({ from: alice.address, nonce: 0n });

async function hostileContract(): Promise<Network> {
  const network = createNetwork({}, manual);
  const data = encodeDeployData({ ...token, args: [1n] });
  const deploy = { type: 'eip1559', chainId, nonce: 0, gas: 3_000_000n, data } as const;
  const { error } = await network.rpc(
    'eth_sendRawTransaction',
    await alice.signTransaction(deploy),
  );
  assert.equal(error, undefined);
  network.host.settle();
  return network;
}

for (const functionName of ['loopForever', 'eatMemory', 'growStorage']) {
  const data: Hex = encodeFunctionData({ abi: token.abi, functionName });
  test(`${functionName} ends at the gas cap, in a call and in a transaction`, async () => {
    const network = await hostileContract();
    const { rpc, host } = network;
    const { error } = await rpc('eth_call', { to: contract, data });
    assert.match(error?.message ?? '', /out of gas: gas limit of the call is 50000000/);
    const estimate = await rpc('eth_estimateGas', { to: contract, data });
    assert.match(estimate.error?.message ?? '', /gas required exceeds allowance \(16777216\)/);
    const raw = await alice.signTransaction({
      type: 'eip1559',
      chainId,
      nonce: 1,
      gas: 16_777_216n,
      to: contract,
      data,
    });
    const { result: hash } = await rpc('eth_sendRawTransaction', raw);
    host.settle();
    const { result: receipt } = await rpc('eth_getTransactionReceipt', hash);
    assert.equal(receipt.status, '0x0');
    assert.equal(receipt.gasUsed, '0x1000000');
    await assertServes(network);
  });
}

test('a call that outlasts its time is ended with the limit named', async () => {
  const network = await hostileContract();
  const { host, rpc } = network;
  const { clock } = host;
  // The clock runs on with every read of the state, as if each took long.
  const monotonicMs = clock.monotonicMs.bind(clock);
  let reads = 0;
  clock.monotonicMs = () => monotonicMs() + 400 * reads++;
  const data = encodeFunctionData({ abi: token.abi, functionName: 'growStorage' });
  const { error } = await rpc('eth_call', { to: contract, data });
  assert.deepEqual(error, { code: -32000, message: 'execution aborted (timeout = 1000ms)' });
  clock.monotonicMs = monotonicMs;
  await assertServes(network);
});
