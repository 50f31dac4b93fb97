/** Empty blocks: at most five after each block with transactions, only while idle. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  alice,
  bob,
  chainId,
  createAdapter,
  createNetwork,
  type Network,
  networkOf,
} from './network.ts';

const delayMs = 500;
const manual = { isAutomatic: false };

async function send({ rpc }: Network, nonce: number): Promise<void> {
  const fields = { type: 'eip1559', chainId, nonce, gas: 21_000n, to: bob.address } as const;
  const { error } = await rpc('eth_sendRawTransaction', await alice.signTransaction(fields));
  assert.equal(error, undefined);
}

const height = async ({ rpc }: Network): Promise<number> =>
  Number((await rpc('eth_blockNumber')).result);

/** Lets time pass step by step and commits what closes. */
function idle({ host }: Network, steps: number): void {
  for (let step = 0; step < steps; step++) {
    host.clock.advance(delayMs);
    host.settle();
  }
}

test('five empty blocks follow a block with transactions, then none', async () => {
  const network = createNetwork({}, manual);
  idle(network, 10);
  assert.equal(await height(network), 0);
  await send(network, 0);
  network.host.settle();
  assert.equal(await height(network), 1);
  idle(network, 3);
  assert.equal(await height(network), 4);
  idle(network, 20);
  assert.equal(await height(network), 6);
  const { result: last } = await network.rpc('eth_getBlockByNumber', 'latest', false);
  assert.deepEqual(last.transactions, []);
  const { result: first } = await network.rpc('eth_getBlockByNumber', '0x1', false);
  assert.equal(last.stateRoot, first.stateRoot);
  assert.ok(Number(last.timestamp) > Number(first.timestamp));
});

test('work begins the count anew and is not delayed by a requested empty block', async () => {
  const network = createNetwork({}, manual);
  await send(network, 0);
  network.host.settle();
  idle(network, 2);
  assert.equal(await height(network), 3);
  network.host.clock.advance(delayMs);
  assert.ok(network.host.isBatchRequested);
  await send(network, 1);
  network.host.settle();
  const { result: block } = await network.rpc('eth_getBlockByNumber', 'latest', false);
  assert.equal(block.transactions.length, 1);
  assert.equal(Number(block.number), 4);
  idle(network, 20);
  assert.equal(await height(network), 9);
});

test('no empty block is asked for while a transaction waits for its seal', async () => {
  const network = createNetwork({}, manual);
  await send(network, 0);
  network.host.settle();
  await send(network, 1);
  network.host.clock.advance(10 * delayMs);
  assert.ok(!network.host.isBatchRequested);
});

test('a restart goes on where the count stood', async () => {
  const network = createNetwork({}, manual);
  await send(network, 0);
  network.host.settle();
  idle(network, 2);
  const restarted = networkOf(network.host.restart(createAdapter(), manual));
  idle(restarted, 20);
  assert.equal(await height(restarted), 6);
});

test('a backup asks for none, and a rolled-back request is forgotten', async () => {
  const network = createNetwork({}, manual);
  await send(network, 0);
  network.host.settle();
  network.host.loseOffice();
  network.host.clock.advance(10 * delayMs);
  assert.ok(!network.host.isBatchRequested);
});

test('block time never goes back, even if the clock does', async () => {
  const network = createNetwork({}, { ...manual, startMs: 1_900_000_000_000 });
  await send(network, 0);
  network.host.settle();
  const options = { ...manual, startMs: 1_800_000_000_000 };
  const restarted = networkOf(network.host.restart(createAdapter(), options));
  await send(restarted, 1);
  restarted.host.settle();
  const { result: block } = await restarted.rpc('eth_getBlockByNumber', 'latest', false);
  assert.equal(Number(block.timestamp), 1_900_000_000);
});
