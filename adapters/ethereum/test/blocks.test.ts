/**
 * Blocks recomputed by @ethereumjs from JSON-RPC answers alone: hash, transactions root, receipts
 * root and bloom of every block of a random load.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '@coco/base';
import { type Block, createBlockFromRPC } from '@ethereumjs/block';
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { encodeDeployData, encodeFunctionData, getContractAddress, type Hex } from 'viem';
import { alice, bob, chainId, createNetwork, type Network, token } from './network.ts';

const contract = getContractAddress({ from: alice.address, nonce: 0n });
const common = new Common({
  chain: { ...Mainnet, chainId, name: 'coco' },
  hardfork: Hardfork.Prague,
});

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

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.slice(2), 'hex'));
/** RLP wants integers without leading zeroes. */
const integer = (quantity: string): Uint8Array => {
  const digits = BigInt(quantity).toString(16);
  return BigInt(quantity) === 0n
    ? new Uint8Array(0)
    : bytes(`0x${digits.length % 2 ? '0' : ''}${digits}`);
};

interface RpcReceipt {
  readonly type: string;
  readonly status: string;
  readonly cumulativeGasUsed: string;
  readonly logsBloom: string;
  readonly transactionIndex: string;
  readonly logs: readonly { address: string; topics: readonly string[]; data: string }[];
}

async function receiptsRoot(receipts: readonly RpcReceipt[]): Promise<string> {
  const trie = new MerklePatriciaTrie();
  for (const receipt of receipts) {
    const logs = receipt.logs.map((log) => [
      bytes(log.address),
      log.topics.map(bytes),
      bytes(log.data),
    ]);
    const fields = RLP.encode([
      integer(receipt.status),
      integer(receipt.cumulativeGasUsed),
      bytes(receipt.logsBloom),
      logs,
    ] as never);
    const type = Number(receipt.type);
    const encoded = type === 0 ? fields : Uint8Array.of(type, ...fields);
    await trie.put(RLP.encode(Number(receipt.transactionIndex)), encoded);
  }
  return `0x${Buffer.from(trie.root()).toString('hex')}`;
}

for (const seed of [1, 2, 3]) {
  test(`every block recomputes from its JSON-RPC form, seed ${seed}`, async () => {
    const { rpc } = await randomChain(seed);
    const head = Number((await rpc('eth_blockNumber')).result);
    assert.equal(head, 8);
    let parentHash = `0x${'00'.repeat(32)}`;
    let parentTime = 0;
    for (let number = 0; number <= head; number++) {
      const tag = `0x${number.toString(16)}`;
      const { result: shown } = await rpc('eth_getBlockByNumber', tag, true);
      const block: Block = await createBlockFromRPC(shown, [], { common });
      assert.equal(`0x${Buffer.from(block.hash()).toString('hex')}`, shown.hash);
      assert.equal(shown.parentHash, parentHash);
      assert.ok(Number(shown.timestamp) >= parentTime);
      assert.ok(await block.transactionsTrieIsValid());
      const { result: receipts } = await rpc('eth_getBlockReceipts', tag);
      assert.equal(receipts.length, shown.transactions.length);
      assert.equal(await receiptsRoot(receipts), shown.receiptsRoot);
      const bloom = Buffer.alloc(256);
      for (const { logsBloom } of receipts) {
        bytes(logsBloom).forEach((byte, at) => {
          bloom[at] = (bloom[at] as number) | byte;
        });
      }
      assert.equal(`0x${bloom.toString('hex')}`, shown.logsBloom);
      const gasUsed = receipts.reduce(
        (sum: bigint, one: { gasUsed: string }) => sum + BigInt(one.gasUsed),
        0n,
      );
      assert.equal(BigInt(shown.gasUsed), gasUsed);
      assert.equal(Number(shown.size), block.serialize().length);
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
