/**
 * Blocks recomputed by @ethereumjs from JSON-RPC answers alone: hash, transactions root, receipts
 * root and bloom of every block of a random load.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '@coco/base';
import { encodeDeployData, encodeFunctionData, getContractAddress, type Hex } from 'viem';
import { alice, bob, chainId, createNetwork, type Network, token } from './network.ts';
import { type Ask, commonOf, recomputeBlock } from './recompute-block.ts';

const contract = getContractAddress({ from: alice.address, nonce: 0n });
const common = commonOf(chainId, 'prague');

/** Blocks of 1 to 5 transactions of all types, some of which fail. */
async function randomChain(seed: number): Promise<Network> {
  const network = createNetwork({}, { seed });
  const { host, rpc } = network;
  const random = new SeededRandom(seed);
  let nonce = 0;
  for (let block = 0; block < 8; block++) {
    const count = 1 + random.below(5);
    for (let at = 0; at < count; at++) {
      const raw = await randomTransaction(nonce++, random);
      const { error } = await rpc('eth_sendRawTransaction', raw);
      assert.equal(error, undefined);
    }
    host.closeBatch();
    if (random.below(3) === 0) host.settle();
    host.clock.advance(700);
  }
  host.settle();
  return network;
}

async function randomTransaction(nonce: number, random: SeededRandom): Promise<Hex> {
  if (nonce === 0) {
    const data = encodeDeployData({ ...token, args: [10n ** 18n] });
    return alice.signTransaction({
      type: 'legacy',
      chainId,
      nonce,
      gas: 3_000_000n,
      gasPrice: 0n,
      data,
    });
  }
  const base = { chainId, nonce, gas: 200_000n };
  const fails = random.below(4) === 0;
  const transfer = encodeFunctionData({
    abi: token.abi,
    functionName: fails ? 'failWithError' : 'transfer',
    args: fails ? [1n] : [bob.address, BigInt(random.below(1000))],
  });
  const data = nonce % 5 === 0 ? '0x' : transfer;
  switch (random.below(4)) {
    case 0:
      return alice.signTransaction({ ...base, type: 'legacy', gasPrice: 1n, to: contract, data });
    case 1: {
      const accessList = [{ address: contract, storageKeys: [`0x${'00'.repeat(32)}` as const] }];
      return alice.signTransaction({
        ...base,
        type: 'eip2930',
        gasPrice: 0n,
        to: contract,
        data,
        accessList,
      });
    }
    case 2: {
      const authorization = await bob.signAuthorization({ chainId, address: contract, nonce: 0 });
      return alice.signTransaction({
        ...base,
        type: 'eip7702',
        maxFeePerGas: 2n,
        maxPriorityFeePerGas: 1n,
        to: contract,
        data,
        authorizationList: [authorization],
      });
    }
    default:
      return alice.signTransaction({
        ...base,
        type: 'eip1559',
        maxFeePerGas: 7n,
        maxPriorityFeePerGas: 0n,
        to: bob.address,
        value: BigInt(random.below(1_000_000)),
      });
  }
}

for (const seed of [1, 2, 3]) {
  test(`every block recomputes from its JSON-RPC form, seed ${seed}`, async () => {
    const { rpc } = await randomChain(seed);
    const head = Number((await rpc('eth_blockNumber')).result);
    assert.equal(head, 8);
    let parentHash = `0x${'00'.repeat(32)}`;
    let parentTime = 0;
    const ask: Ask = async (method, ...params) => (await rpc(method, ...params)).result;
    for (let number = 0; number <= head; number++) {
      const { shown } = await recomputeBlock(ask, number, common);
      assert.equal(shown.parentHash, parentHash);
      assert.ok(Number(shown.timestamp) >= parentTime);
      parentHash = shown.hash;
      parentTime = Number(shown.timestamp);
    }
    const prevrandao = new Set<string>();
    for (let number = 1; number <= head; number++) {
      const { result } = await rpc('eth_getBlockByNumber', `0x${number.toString(16)}`, false);
      prevrandao.add(result.mixHash);
    }
    assert.equal(prevrandao.size, head);
  });
}
