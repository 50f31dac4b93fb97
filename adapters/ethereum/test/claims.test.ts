/** The vectors of docs/formats/ethereum-claims.md and of the state's hashing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { toHex } from '@coco/base';
import { claimsDigest } from '../src/claims.ts';
import { emptyCodeHash } from '../src/engine-execution.ts';
import { encodeTransactionRecord } from '../src/state-codec.ts';
import { encodeChanges, nextStateDigest } from '../src/state-digest.ts';
import { engine } from './network.ts';

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
const format = (name: string): string =>
  readFileSync(new URL(`../../../docs/formats/${name}.md`, import.meta.url), 'utf8');

test('the claim of docs/formats/ethereum-claims.md', () => {
  const digest = claimsDigest({
    salt: filled(32, 1),
    chainId: 1337n,
    transactionHash: filled(32, 2),
    receiptHash: filled(32, 3),
  });
  assert.ok(format('ethereum-claims').includes(`\`${toHex(digest)}\``));
});

test('the transaction record of docs/formats/ethereum-state.md', () => {
  const record = encodeTransactionRecord({
    blockNumber: 1n,
    index: 0,
    isSuccess: true,
    gasUsed: 21_000n,
    cumulativeGasUsed: 21_000n,
    effectiveGasPrice: 7n,
    firstLogIndex: 0,
    sender: filled(20, 0x11),
    salt: filled(32, 0x22),
    raw: Uint8Array.of(2, 0xc0),
    logs: [{ address: filled(20, 0x33), topics: [filled(32, 0x44)], data: Uint8Array.of(0x55) }],
  });
  const shown = format('ethereum-state').replaceAll('` +\n`', '');
  assert.ok(shown.includes(`\`${toHex(record)}\``));
});

test('the state digest chains what changed', () => {
  const change = {
    address: filled(20, 0x11),
    isRemoved: false,
    isStorageReset: true,
    nonce: 1n,
    balance: 256n,
    codeHash: emptyCodeHash,
    code: undefined,
    storage: [{ slot: filled(32, 0), value: filled(32, 5) }],
  };
  const encoded = `01000000${'11'.repeat(20)}02010102${'0100'}${toHex(emptyCodeHash)}01000000${'00'.repeat(32)}${'05'.repeat(32)}`;
  assert.equal(toHex(encodeChanges([change])), encoded);
  const keccak256 = (bytes: Uint8Array): Uint8Array => engine.keccak256(bytes);
  const once = nextStateDigest(filled(32, 0), [change], keccak256);
  const other = nextStateDigest(filled(32, 0), [{ ...change, balance: 257n }], keccak256);
  assert.notDeepEqual(once, other);
  assert.notDeepEqual(nextStateDigest(once, [change], keccak256), once);
});
