/** Records of the Ethereum state: what goes in comes out, and damage is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asView, fromHex, LedgerError, toHex } from '@coco/base';
import fc from 'fast-check';
import { emptyCodeHash } from '../src/engine-execution.ts';
import {
  type BlockRecord,
  decodeAccount,
  decodeBlock,
  decodeChain,
  decodeTransactionRecord,
  encodeAccount,
  encodeBlock,
  encodeChain,
  encodeTransactionRecord,
  peekBlockBloom,
  peekBlockHash,
} from '../src/state-codec.ts';

const runs = { seed: 3, numRuns: 100 };
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hash = bytesOf(32);
const u256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
const safe = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n });
/** Decoders give plain objects. */
const plain = { noNullPrototype: true } as const;
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

const account = fc.record(
  {
    nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    balance: u256,
    codeHash: fc.oneof(hash, fc.constant(emptyCodeHash)),
  },
  plain,
);
const chain = fc.record(
  {
    chainId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    spec: fc.constantFrom('prague' as const, 'osaka' as const),
    blockGasLimit: safe,
    baseFee: u256,
    beneficiary: bytesOf(20),
    transactionGasMax: fc.option(safe, { nil: undefined }),
    visibility: fc.constantFrom('public' as const, 'consortium' as const),
  },
  plain,
);
const block = fc.record(
  {
    view: fc.integer({ min: 0, max: 2 ** 31 - 1 }).map(asView),
    hash,
    parentHash: hash,
    stateRoot: hash,
    transactionsRoot: hash,
    receiptsRoot: hash,
    prevrandao: hash,
    beneficiary: bytesOf(20),
    timestamp: safe,
    gasLimit: safe,
    gasUsed: safe,
    baseFee: u256,
    sizeBytes: u32,
    logsBloom: fc.oneof(bytesOf(256), fc.constant(new Uint8Array(256))),
    transactionHashes: fc.array(hash, { maxLength: 5 }),
  },
  plain,
);
const log = fc.record(
  {
    address: bytesOf(20),
    topics: fc.array(hash, { maxLength: 4 }),
    data: fc.uint8Array({ maxLength: 100 }),
  },
  plain,
);
const transaction = fc.record(
  {
    blockNumber: safe,
    index: u32,
    isSuccess: fc.boolean(),
    gasUsed: safe,
    cumulativeGasUsed: safe,
    effectiveGasPrice: u256,
    firstLogIndex: u32,
    sender: bytesOf(20),
    salt: hash,
    raw: fc.uint8Array({ maxLength: 200 }),
    logs: fc.array(log, { maxLength: 4 }),
  },
  plain,
);

function roundTrips<Value>(
  arbitrary: fc.Arbitrary<Value>,
  encode: (value: Value) => Uint8Array,
  decode: (bytes: Uint8Array) => Value,
): void {
  fc.assert(
    fc.property(arbitrary, fc.nat(), (value, cut) => {
      const bytes = encode(value);
      assert.deepEqual(decode(bytes), value);
      const isInvalid = (error: unknown): boolean =>
        error instanceof LedgerError && error.code === 'EthereumStateInvalid';
      assert.throws(() => decode(bytes.subarray(0, cut % bytes.length)), isInvalid);
      assert.throws(() => decode(Uint8Array.of(...bytes, 0)), isInvalid);
      assert.throws(() => decode(Uint8Array.of(2, ...bytes.subarray(1))), isInvalid);
    }),
    runs,
  );
}

test('accounts round-trip; cut, longer or of another version they are refused', () => {
  roundTrips(account, encodeAccount, decodeAccount);
});

test('the chain record round-trips', () => {
  roundTrips(chain, encodeChain, decodeChain);
});

test('blocks round-trip, and hash and bloom stand at fixed places', () => {
  roundTrips(block, encodeBlock, decodeBlock);
  fc.assert(
    fc.property(block, (value: BlockRecord) => {
      const bytes = encodeBlock(value);
      assert.deepEqual(peekBlockHash(bytes), value.hash);
      const hasBloom = value.logsBloom.some((byte) => byte !== 0);
      assert.deepEqual(peekBlockBloom(bytes), hasBloom ? value.logsBloom : undefined);
    }),
    runs,
  );
});

test('transactions round-trip', () => {
  roundTrips(transaction, encodeTransactionRecord, decodeTransactionRecord);
});

test('the vectors of docs/formats/ethereum-state.md hold', () => {
  const plain = { nonce: 1n, balance: 10n ** 18n, codeHash: emptyCodeHash };
  assert.equal(toHex(encodeAccount(plain)), '01000101080de0b6b3a7640000');
  const chainRecord = {
    chainId: 1337n,
    spec: 'osaka' as const,
    blockGasLimit: 1_000_000_000n,
    baseFee: 0n,
    beneficiary: fromHex('00'.repeat(20)),
    transactionGasMax: undefined,
    visibility: 'public' as const,
  };
  const expected = `0102053901043b9aca0000${'00'.repeat(20)}00`;
  assert.equal(toHex(encodeChain(chainRecord)), expected);
});
