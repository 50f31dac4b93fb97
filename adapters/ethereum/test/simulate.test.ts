/** eth_simulateV1: blocks of calls on top of the chain, as a client reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { createTx } from '@ethereumjs/tx';
import {
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  keccak256,
  pad,
} from 'viem';
import { alice, bob, chainId, createNetwork, type Network } from './network.ts';
import { probe } from './probe.ts';

const contract = getContractAddress({ from: alice.address, nonce: 0n }).toLowerCase() as Hex;
const from = alice.address.toLowerCase() as Hex;
const to = bob.address.toLowerCase() as Hex;
const encode = (functionName: string, args: readonly unknown[] = []): Hex =>
  encodeFunctionData({ abi: probe.abi, functionName, args });
const word = (value: number | bigint): Hex => pad(`0x${value.toString(16)}`);
const store = (slot: bigint, value: bigint): object => ({
  from,
  to: contract,
  data: encode('store', [slot, value]),
});

async function probeNetwork(): Promise<Network> {
  const network = createNetwork({}, { isAutomatic: false });
  const data = encodeDeployData({ ...probe, args: [1n] });
  const gas = 3_000_000n;
  const raw = await alice.signTransaction({ type: 'eip1559', chainId, gas, nonce: 0, data });
  await network.rpc('eth_sendRawTransaction', raw);
  network.host.settle();
  return network;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
async function simulate(network: Network, options: object, block = 'latest'): Promise<any> {
  return network.rpc('eth_simulateV1', options, block);
}

test('each call sees what the calls and blocks before it did, and the chain sees nothing', async () => {
  const network = await probeNetwork();
  const { result } = await simulate(network, {
    blockStateCalls: [
      { calls: [store(3n, 5n), store(3n, 7n)] },
      { calls: [store(3n, 9n), { from, to: contract, data: encode('refuse', ['no']) }] },
    ],
  });
  assert.deepEqual(
    result.map(({ number }: { number: Hex }) => number),
    ['0x2', '0x3'],
  );
  const returned = (at: number): Hex[] =>
    result[at].calls.map(({ returnData }: { returnData: Hex }) => returnData);
  assert.deepEqual([...returned(0), returned(1)[0]], [word(0), word(5), word(7)]);
  const [, refused] = result[1].calls;
  assert.deepEqual(
    [refused.status, refused.error.code, refused.error.message, refused.logs],
    ['0x0', 3, 'execution reverted: no', []],
  );
  const [first] = result;
  assert.equal(result[1].parentHash, first.hash);
  assert.equal(Number(result[1].timestamp), Number(first.timestamp) + 12);
  assert.equal(
    Number(first.gasUsed),
    Number(first.calls[0].gasUsed) + Number(first.calls[1].gasUsed),
  );
  assert.deepEqual(
    first.calls.map(({ logs }: { logs: { logIndex: Hex; blockHash: Hex }[] }) => [
      logs[0]?.logIndex,
      logs[0]?.blockHash,
    ]),
    [
      ['0x0', first.hash],
      ['0x1', first.hash],
    ],
  );
  assert.equal((await network.rpc('eth_blockNumber')).result, '0x1');
});

test('transactions have the hashes that a second implementation gives them', async () => {
  const network = await probeNetwork();
  const blockStateCalls = [{ calls: [store(1n, 2n), { from, value: '0x1', to }] }];
  const { result } = await simulate(network, { blockStateCalls, returnFullTransactions: true });
  const [{ transactions }] = result;
  const common = new Common({ chain: { ...Mainnet, chainId }, hardfork: Hardfork.Prague });
  for (const one of transactions) {
    const tx = createTx(
      {
        type: 2,
        chainId: one.chainId,
        nonce: one.nonce,
        maxFeePerGas: one.maxFeePerGas,
        maxPriorityFeePerGas: one.maxPriorityFeePerGas,
        gasLimit: one.gas,
        to: one.to,
        value: one.value,
        data: one.input,
        v: 0n,
        r: 0n,
        s: 0n,
      },
      { common },
    );
    assert.equal(one.hash, keccak256(tx.serialize()));
    assert.equal(one.from, from);
  }
  assert.deepEqual(
    transactions.map(({ nonce }: { nonce: Hex }) => nonce),
    ['0x1', '0x2'],
  );
});

test('state and block are as the caller wishes them, from their block on', async () => {
  const network = await probeNetwork();
  const poor = `0x${'77'.repeat(20)}`;
  const { result } = await simulate(network, {
    blockStateCalls: [
      {
        stateOverrides: { [poor]: { balance: '0x10' } },
        blockOverrides: { number: '0x5', time: '0xffffffffff', feeRecipient: to },
        calls: [
          { from: poor, to, value: '0xf' },
          { from, to: contract, data: encode('blockFigures') },
        ],
      },
      {
        calls: [
          { from: poor, to, value: '0x1' },
          { from, to: contract, data: encode('hashOf', [5n]) },
        ],
      },
    ],
  });
  assert.deepEqual(
    result.map(({ number }: { number: Hex }) => number),
    ['0x2', '0x3', '0x4', '0x5', '0x6'],
  );
  const [, , , wished, next] = result;
  assert.deepEqual(
    wished.calls.map(({ status }: { status: Hex }) => status),
    ['0x1', '0x1'],
  );
  assert.equal(wished.miner, to);
  assert.equal(wished.calls[1].returnData.slice(2, 66), word(5).slice(2));
  assert.equal(next.calls[0].status, '0x1');
  assert.equal(next.calls[1].returnData, wished.hash);
});

test('transfers of ether are told as logs where that is wished', async () => {
  const network = await probeNetwork();
  const calls = [{ from, to, value: '0x2a' }];
  const { result } = await simulate(network, {
    blockStateCalls: [{ calls }],
    traceTransfers: true,
  });
  const [log] = result[0].calls[0].logs;
  assert.deepEqual(
    [log.address, log.topics[1], log.topics[2], log.data],
    [`0x${'ee'.repeat(20)}`, pad(from), pad(to), word(42)],
  );
  const { result: plain } = await simulate(network, { blockStateCalls: [{ calls }] });
  assert.deepEqual(plain[0].calls[0].logs, []);
});

test('what consensus forbids ends the simulation with its code', async () => {
  const network = await probeNetwork();
  const code = async (options: object): Promise<unknown> => {
    const { error } = await simulate(network, options);
    return [error?.code, error?.message.split(':')[0]];
  };
  const blockOf = (call: object): object => ({ blockStateCalls: [{ calls: [call] }] });
  assert.deepEqual(await code({ blockStateCalls: [] }), [-32602, 'empty input']);
  assert.deepEqual(
    await code({
      ...blockOf({ from, to, nonce: '0x0' }),
      validation: true,
    }),
    [-38010, 'nonce too low'],
  );
  assert.deepEqual(await code({ ...blockOf({ from, to, nonce: '0x9' }), validation: true }), [
    -38011,
    'nonce too high',
  ]);
  assert.deepEqual(await code(blockOf({ from: contract, to, value: '0x1' })), [
    -38014,
    'insufficient funds for gas * price + value',
  ]);
  assert.deepEqual(await code(blockOf({ from, to, gas: '0xffffffffff' })), [
    -38015,
    'block gas limit reached',
  ]);
  const backwards = [{ blockOverrides: { number: '0x1' } }];
  assert.deepEqual(await code({ blockStateCalls: backwards }), [
    -38020,
    'block numbers must be in order',
  ]);
  const early = [{ blockOverrides: { time: '0x1' } }];
  assert.deepEqual(await code({ blockStateCalls: early }), [
    -38021,
    'block timestamps must be in order',
  ]);
  const far = [{ blockOverrides: { number: '0x1000' } }];
  assert.deepEqual(await code({ blockStateCalls: far }), [-38026, 'too many blocks']);
  const withdrawals = [{ blockOverrides: { withdrawals: [] } }];
  assert.deepEqual(((await code({ blockStateCalls: withdrawals })) as unknown[])[0], -32602);
});
