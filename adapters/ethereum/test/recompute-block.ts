/**
 * A block recomputed by @ethereumjs from JSON-RPC answers alone: its hash, its transactions' and
 * receipts' roots, its bloom, its gas and size.
 */
import assert from 'node:assert/strict';
import { type Block, createBlockFromRPC } from '@ethereumjs/block';
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import type { Spec } from '../src/engine-types.ts';

const hardforks: Readonly<Record<Spec, string>> = {
  prague: Hardfork.Prague,
  osaka: Hardfork.Osaka,
};

/** The rules of a chain as the other implementation has them. */
export function commonOf(chainId: number, spec: Spec): Common {
  const chain = { ...Mainnet, chainId, name: 'coco' };
  return new Common({ chain, hardfork: hardforks[spec] });
}

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape.
export type Ask = (method: string, ...params: unknown[]) => Promise<any>;

export interface RpcReceipt {
  readonly transactionHash: string;
  readonly type: string;
  readonly status: string;
  readonly gasUsed: string;
  readonly cumulativeGasUsed: string;
  readonly logsBloom: string;
  readonly transactionIndex: string;
  readonly contractAddress: string | null;
  readonly logs: readonly { address: string; topics: readonly string[]; data: string }[];
}

interface RpcBlock {
  readonly number: string;
  readonly hash: string;
  readonly parentHash: string;
  readonly timestamp: string;
  readonly mixHash: string;
  readonly receiptsRoot: string;
  readonly logsBloom: string;
  readonly gasUsed: string;
  readonly size: string;
  readonly transactions: readonly { readonly hash: string; readonly type: string }[];
}

export interface Recomputed {
  readonly shown: RpcBlock;
  readonly block: Block;
  readonly receipts: readonly RpcReceipt[];
}

/** Asks for a block and its receipts, and asserts that they are what they say they are. */
export async function recomputeBlock(
  ask: Ask,
  number: number,
  common: Common,
): Promise<Recomputed> {
  const tag = `0x${number.toString(16)}`;
  const shown: RpcBlock = await ask('eth_getBlockByNumber', tag, true);
  const block = await createBlockFromRPC(shown as never, [], { common });
  assert.equal(toHexText(block.hash()), shown.hash);
  assert.equal(Number(shown.number), number);
  assert.equal(block.transactions.length, shown.transactions.length);
  assert.ok(await block.transactionsTrieIsValid());
  const receipts: readonly RpcReceipt[] = await ask('eth_getBlockReceipts', tag);
  assert.equal(receipts.length, shown.transactions.length);
  assert.equal(await receiptsRoot(receipts), shown.receiptsRoot);
  const bloom = Buffer.alloc(256);
  for (const { logsBloom } of receipts) {
    bytesOf(logsBloom).forEach((byte, at) => {
      bloom[at] = (bloom[at] as number) | byte;
    });
  }
  assert.equal(toHexText(bloom), shown.logsBloom);
  const gasUsed = receipts.reduce((sum, one) => sum + BigInt(one.gasUsed), 0n);
  assert.equal(BigInt(shown.gasUsed), gasUsed);
  assert.equal(Number(shown.size), block.serialize().length);
  return { shown, block, receipts };
}

async function receiptsRoot(receipts: readonly RpcReceipt[]): Promise<string> {
  const trie = new MerklePatriciaTrie();
  for (const receipt of receipts) {
    const logs = receipt.logs.map(({ address, topics, data }) => [
      bytesOf(address),
      topics.map(bytesOf),
      bytesOf(data),
    ]);
    const fields = RLP.encode([
      integer(receipt.status),
      integer(receipt.cumulativeGasUsed),
      bytesOf(receipt.logsBloom),
      logs,
    ] as never);
    const type = Number(receipt.type);
    const encoded = type === 0 ? fields : Uint8Array.of(type, ...fields);
    await trie.put(RLP.encode(Number(receipt.transactionIndex)), encoded);
  }
  return toHexText(trie.root());
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.slice(2), 'hex'));
}

export function toHexText(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** RLP wants integers without leading zeroes. */
function integer(quantity: string): Uint8Array {
  const digits = BigInt(quantity).toString(16);
  return BigInt(quantity) === 0n
    ? new Uint8Array(0)
    : bytesOf(`0x${digits.length % 2 ? '0' : ''}${digits}`);
}
