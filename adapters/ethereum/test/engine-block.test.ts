/** Receipts, roots and headers against @ethereumjs as an independent implementation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '@coco/base';
import { createBlockHeader, genTransactionsTrieRoot } from '@ethereumjs/block';
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { createTxFromRLP, type TransactionType } from '@ethereumjs/tx';
import { bigIntToUnpaddedBytes } from '@ethereumjs/util';
import { encodeReceipt } from '@ethereumjs/vm';
import fc from 'fast-check';
import { keccak256 as viemKeccak } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { EventLog, HeaderFields, ReceiptFields } from '../src/engine-types.ts';
import { engine } from './memory-state.ts';

const common = new Common({ chain: Mainnet, hardfork: Hardfork.Prague });
const emptyRoot = '56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';
const emptyOmmers = '1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347';

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

const logs: fc.Arbitrary<EventLog[]> = fc.array(
  fc.record({
    address: bytesOf(20),
    topics: fc.array(bytesOf(32), { maxLength: 4 }),
    data: fc.uint8Array({ maxLength: 100 }),
  }),
  { maxLength: 4 },
);
const receipts: fc.Arbitrary<ReceiptFields> = fc.record({
  type: fc.constantFrom(0 as const, 1 as const, 2 as const, 4 as const),
  isSuccess: fc.boolean(),
  // Not zero, which no receipt has and @ethereumjs/vm encodes as a byte of zero.
  cumulativeGasUsed: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
  logs,
});

/** The bloom of the yellow paper, section 4.3.1: three 11-bit numbers of each keccak. */
function bloomOf(eventLogs: readonly EventLog[]): Uint8Array {
  const bloom = new Uint8Array(256);
  const add = (value: Uint8Array): void => {
    const hash = fromHex(viemKeccak(value));
    for (const at of [0, 2, 4]) {
      const bit = (((hash[at] ?? 0) << 8) | (hash[at + 1] ?? 0)) & 2047;
      bloom[255 - (bit >> 3)] = (bloom[255 - (bit >> 3)] ?? 0) | (1 << (bit & 7));
    }
  };
  for (const log of eventLogs) {
    add(log.address);
    for (const topic of log.topics) add(topic);
  }
  return bloom;
}

function otherReceipt(receipt: ReceiptFields): Uint8Array {
  const bitvector = bloomOf(receipt.logs);
  const given = receipt.logs.map(({ address, topics, data }) => [address, [...topics], data]);
  return encodeReceipt(
    {
      status: receipt.isSuccess ? 1 : 0,
      cumulativeBlockGasUsed: receipt.cumulativeGasUsed,
      bitvector,
      logs: given as [Uint8Array, Uint8Array[], Uint8Array][],
    },
    receipt.type as TransactionType,
  );
}

async function trieRoot(values: readonly Uint8Array[]): Promise<Uint8Array> {
  const trie = new MerklePatriciaTrie();
  for (const [index, value] of values.entries()) await trie.put(RLP.encode(index), value);
  return trie.root();
}

test('receipts encode as @ethereumjs encodes them', () => {
  fc.assert(
    fc.property(receipts, (receipt) => {
      const { bytes, logsBloom } = engine.encodeReceipt(receipt);
      assert.deepEqual(logsBloom, bloomOf(receipt.logs));
      assert.equal(toHex(bytes), toHex(otherReceipt(receipt)));
    }),
    { numRuns: 100 },
  );
});

test('roots and bloom of a block are those of an independent trie', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 140 }),
      fc.array(receipts, { maxLength: 20 }),
      async (transactions, blockReceipts) => {
        const roots = engine.blockRoots(transactions, blockReceipts);
        assert.equal(toHex(roots.transactionsRoot), toHex(await trieRoot(transactions)));
        const receiptsEncoded = blockReceipts.map((receipt) => engine.encodeReceipt(receipt));
        assert.deepEqual(engine.encodedBlockRoots(transactions, receiptsEncoded), roots);
        const encoded = blockReceipts.map(otherReceipt);
        assert.equal(toHex(roots.receiptsRoot), toHex(await trieRoot(encoded)));
        assert.deepEqual(
          roots.logsBloom,
          bloomOf(blockReceipts.flatMap((receipt) => receipt.logs)),
        );
      },
    ),
    { numRuns: 20 },
  );
});

test('an empty block has the well-known empty roots', () => {
  const roots = engine.blockRoots([], []);
  assert.equal(toHex(roots.transactionsRoot), emptyRoot);
  assert.equal(toHex(roots.receiptsRoot), emptyRoot);
  assert.deepEqual(roots.logsBloom, new Uint8Array(256));
});

test('the root of signed transactions is what @ethereumjs/block gives for them', async () => {
  const account = privateKeyToAccount(`0x${'21'.repeat(32)}`);
  const raws: Uint8Array[] = [];
  for (let nonce = 0; nonce < 130; nonce++) {
    const type = nonce % 2 === 0 ? 'eip1559' : 'legacy';
    const raw = await account.signTransaction({ type, chainId: 1, nonce, gas: 21_000n });
    raws.push(fromHex(raw));
  }
  const parsed = raws.map((raw) => createTxFromRLP(raw, { common }));
  const expected = await genTransactionsTrieRoot(parsed);
  assert.equal(toHex(engine.blockRoots(raws, []).transactionsRoot), toHex(expected));
});

test('a large block goes through: 3000 transactions of 1 KiB', () => {
  const raws = Array.from({ length: 3000 }, (_, at) => new Uint8Array(1024).fill(at));
  const first = engine.blockRoots(raws, []);
  assert.deepEqual(engine.blockRoots(raws, []), first);
  assert.notDeepEqual(engine.blockRoots(raws.with(2999, Uint8Array.of(1)), []), first);
});

const headers: fc.Arbitrary<HeaderFields> = fc.record({
  parentHash: bytesOf(32),
  ommersHash: fc.constant(fromHex(emptyOmmers)),
  beneficiary: bytesOf(20),
  stateRoot: bytesOf(32),
  transactionsRoot: bytesOf(32),
  receiptsRoot: bytesOf(32),
  logsBloom: bytesOf(256),
  difficulty: fc.constant(0n),
  number: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
  gasLimit: fc.bigInt({ min: 5000n, max: 2n ** 63n - 1n }),
  gasUsed: fc.bigInt({ min: 0n, max: 5000n }),
  timestamp: u64,
  extraData: fc.uint8Array({ maxLength: 32 }),
  mixHash: bytesOf(32),
  nonce: fc.constant(new Uint8Array(8)),
  baseFeePerGas: u64,
  withdrawalsRoot: bytesOf(32),
  blobGasUsed: u64,
  excessBlobGas: u64,
  parentBeaconBlockRoot: bytesOf(32),
  requestsHash: bytesOf(32),
});

test('headers of Prague hash as @ethereumjs/block hashes them', () => {
  fc.assert(
    fc.property(headers, (header) => {
      const { baseFeePerGas, ommersHash, beneficiary, receiptsRoot, ...rest } = header;
      const other = createBlockHeader(
        {
          ...rest,
          uncleHash: ommersHash,
          coinbase: beneficiary,
          receiptTrie: receiptsRoot,
          transactionsTrie: header.transactionsRoot,
          baseFeePerGas: baseFeePerGas ?? 0n,
        } as Parameters<typeof createBlockHeader>[0],
        { common, skipConsensusFormatValidation: true },
      );
      const { bytes, hash } = engine.encodeHeader(header);
      assert.equal(toHex(bytes), toHex(other.serialize()));
      assert.equal(toHex(hash), toHex(other.hash()));
    }),
    { numRuns: 60 },
  );
});

test("the hash of Ethereum's genesis block", () => {
  const { hash } = engine.encodeHeader({
    parentHash: new Uint8Array(32),
    ommersHash: fromHex(emptyOmmers),
    beneficiary: new Uint8Array(20),
    stateRoot: fromHex('d7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544'),
    transactionsRoot: fromHex(emptyRoot),
    receiptsRoot: fromHex(emptyRoot),
    logsBloom: new Uint8Array(256),
    difficulty: 17_179_869_184n,
    number: 0n,
    gasLimit: 5000n,
    gasUsed: 0n,
    timestamp: 0n,
    extraData: fromHex('11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa'),
    mixHash: new Uint8Array(32),
    nonce: fromHex('0000000000000042'),
  });
  assert.equal(toHex(hash), 'd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3');
});

test('each number of optional header fields encodes as the RLP list of so many', () => {
  const [header] = fc.sample(headers, { numRuns: 1, seed: 7 });
  assert.ok(header !== undefined);
  const optional = [
    'baseFeePerGas',
    'withdrawalsRoot',
    'blobGasUsed',
    'excessBlobGas',
    'parentBeaconBlockRoot',
    'requestsHash',
  ] as const;
  const scalar = (value: bigint): Uint8Array =>
    value === 0n ? new Uint8Array(0) : bigIntToUnpaddedBytes(value);
  const fields = Object.values(header).map((value: Uint8Array | bigint) =>
    typeof value === 'bigint' ? scalar(value) : value,
  );
  for (let missing = 0; missing <= optional.length; missing++) {
    const shorter: Record<string, unknown> = { ...header };
    for (const name of optional.slice(optional.length - missing)) delete shorter[name];
    const { bytes, hash } = engine.encodeHeader(shorter as unknown as HeaderFields);
    assert.equal(toHex(bytes), toHex(RLP.encode(fields.slice(0, fields.length - missing))));
    assert.equal(`0x${toHex(hash)}`, viemKeccak(bytes));
  }
});

test('an optional header field after a missing one is refused', () => {
  const [header] = fc.sample(headers, { numRuns: 1, seed: 7 });
  assert.ok(header !== undefined);
  const { blobGasUsed, ...gap } = header;
  assert.equal(typeof blobGasUsed, 'bigint');
  assert.throws(() => engine.encodeHeader(gap), { code: 'InvalidInput' });
});

test('keccak-256 is that of viem, over any length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => {
      assert.equal(`0x${toHex(engine.keccak256(bytes))}`, viemKeccak(bytes));
    }),
    { numRuns: 100 },
  );
});
