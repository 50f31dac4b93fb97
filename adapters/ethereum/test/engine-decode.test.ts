/** decodeTransaction: against viem and ethers as encoders, and against hostile bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyBytes, fromHex, LedgerError, toHex } from '@coco/base';
import { Transaction, Wallet } from 'ethers';
import fc from 'fast-check';
import {
  type Hex,
  keccak256,
  serializeTransaction,
  type TransactionSerializable,
  toRlp,
} from 'viem';
import { privateKeyToAccount, sign } from 'viem/accounts';
import type { DecodedTransaction } from '../src/engine-types.ts';
import { engine } from './memory-state.ts';

const key: Hex = `0x${'4c'.repeat(32)}`;
const account = privateKeyToAccount(key);
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const to: Hex = `0x${'35'.repeat(20)}`;

const codeOf = (operation: () => unknown): string => {
  try {
    operation();
  } catch (error) {
    assert.ok(error instanceof LedgerError, String(error));
    return error.code;
  }
  return 'accepted';
};

const decodingCode = (raw: Uint8Array | Hex): string =>
  codeOf(() => engine.decodeTransaction(typeof raw === 'string' ? fromHex(raw) : raw));

/** Bigints of a strategy's bit length, with the edges. */
const upTo = (bits: bigint): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: (1n << bits) - 1n });
const hexOf = (length: number): fc.Arbitrary<Hex> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes): Hex => `0x${toHex(bytes)}`);

const common = {
  nonce: fc.nat(2 ** 40),
  gas: upTo(63n),
  value: upTo(256n),
  to: fc.option(hexOf(20), { nil: undefined }),
  data: fc.uint8Array({ maxLength: 80 }).map((bytes): Hex => `0x${toHex(bytes)}`),
};
const accessList = fc.array(
  fc.record(
    { address: hexOf(20), storageKeys: fc.array(hexOf(32), { maxLength: 3 }) },
    { noNullPrototype: true },
  ),
  { maxLength: 3 },
);
const fees = fc.tuple(upTo(100n), upTo(100n)).map(([left, right]) => ({
  maxFeePerGas: left > right ? left : right,
  maxPriorityFeePerGas: left > right ? right : left,
}));
const chainId = fc.integer({ min: 1, max: 2 ** 50 });

const transactions: fc.Arbitrary<TransactionSerializable> = fc.oneof(
  fc.record({ type: fc.constant('legacy' as const), gasPrice: upTo(100n), ...common }),
  fc.record({ type: fc.constant('legacy' as const), gasPrice: upTo(100n), chainId, ...common }),
  fc.record({
    type: fc.constant('eip2930' as const),
    gasPrice: upTo(100n),
    chainId,
    accessList,
    ...common,
  }),
  fc
    .tuple(
      fc.record({ type: fc.constant('eip1559' as const), chainId, accessList, ...common }),
      fees,
    )
    .map(([fields, fee]) => ({ ...fields, ...fee })),
);

function assertSame(decoded: DecodedTransaction, given: TransactionSerializable): void {
  assert.equal(decoded.type, { legacy: 0, eip2930: 1, eip1559: 2 }[given.type as 'legacy']);
  assert.equal(decoded.chainId, given.chainId === undefined ? undefined : BigInt(given.chainId));
  assert.equal(decoded.nonce, BigInt(given.nonce ?? 0));
  assert.equal(decoded.gasLimit, given.gas);
  assert.equal(decoded.maxFeePerGas, given.gasPrice ?? given.maxFeePerGas);
  assert.equal(decoded.maxPriorityFeePerGas, given.maxPriorityFeePerGas);
  assert.equal(decoded.value, given.value);
  assert.equal(decoded.to === undefined ? undefined : `0x${toHex(decoded.to)}`, given.to);
  assert.equal(`0x${toHex(decoded.input)}`, given.data);
  const items = decoded.accessList.map((item) => ({
    address: `0x${toHex(item.address)}`,
    storageKeys: item.storageKeys.map((slot) => `0x${toHex(slot)}`),
  }));
  assert.deepEqual(items, given.accessList ?? []);
}

test('what viem signs decodes to the same fields, hash, signing hash and sender', async () => {
  await fc.assert(
    fc.asyncProperty(transactions, async (given) => {
      const raw = await account.signTransaction(given);
      const decoded = engine.decodeTransaction(fromHex(raw));
      assertSame(decoded, given);
      assert.equal(`0x${toHex(decoded.hash)}`, keccak256(raw));
      assert.equal(`0x${toHex(decoded.signingHash)}`, keccak256(serializeTransaction(given)));
      assert.equal(`0x${toHex(engine.recoverSender(decoded))}`, account.address.toLowerCase());
    }),
    { numRuns: 40 },
  );
});

test('what ethers signs decodes to what ethers reads back', async () => {
  const wallet = new Wallet(key);
  for (const type of [0, 1, 2]) {
    const price = type === 2 ? { maxFeePerGas: 9n, maxPriorityFeePerGas: 2n } : { gasPrice: 9n };
    const raw = await wallet.signTransaction({
      type,
      chainId: 1337,
      nonce: 3,
      gasLimit: 50_000,
      to,
      value: 5n,
      data: '0x0102',
      ...price,
    });
    const expected = Transaction.from(raw);
    const decoded = engine.decodeTransaction(fromHex(raw));
    assert.equal(`0x${toHex(decoded.hash)}`, expected.hash);
    assert.equal(`0x${toHex(decoded.signingHash)}`, expected.unsignedHash);
    assert.equal(decoded.yParity, expected.signature?.yParity);
    assert.equal(`0x${toHex(decoded.r)}`, expected.signature?.r);
    assert.equal(`0x${toHex(decoded.s)}`, expected.signature?.s);
  }
});

test('EIP-155: its example decodes to its sender', () => {
  const raw =
    '0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a7640000' +
    '8025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f76' +
    '1aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83';
  const decoded = engine.decodeTransaction(fromHex(raw));
  assert.equal(decoded.chainId, 1n);
  assert.equal(
    toHex(decoded.signingHash),
    'daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53',
  );
  assert.equal(toHex(engine.recoverSender(decoded)), '9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f');
});

test('EIP-7702: authorizations decode with the hash that was signed and its signer', async () => {
  const other = privateKeyToAccount(`0x${'07'.repeat(32)}`);
  const authorization = await other.signAuthorization({ address: to, chainId: 1337, nonce: 4 });
  const raw = await account.signTransaction({
    type: 'eip7702',
    chainId: 1337,
    nonce: 1,
    gas: 100_000n,
    maxFeePerGas: 7n,
    maxPriorityFeePerGas: 1n,
    to,
    authorizationList: [authorization, { ...authorization, nonce: 5 }],
  });
  const decoded = engine.decodeTransaction(fromHex(raw));
  assert.equal(decoded.type, 4);
  assert.equal(decoded.authorizationList.length, 2);
  const [first, second] = engine.recoverAuthorizations(decoded);
  assert.equal(`0x${toHex(first?.authority ?? emptyBytes)}`, other.address.toLowerCase());
  assert.notDeepEqual(second?.authority, first?.authority, 'the second signs another nonce');
  const preimage = toRlp(['0x0539', to, '0x04']).slice(2);
  assert.equal(
    `0x${toHex(decoded.authorizationList[0]?.signingHash ?? emptyBytes)}`,
    keccak256(`0x05${preimage}`),
  );
});

test('EIP-7702: an authorization with a high s or a parity above 1 has no authority', async () => {
  const authorization = await account.signAuthorization({ address: to, chainId: 1337, nonce: 0 });
  const highS: Hex = `0x${(order - BigInt(authorization.s)).toString(16)}`;
  const lists = [
    { ...authorization, s: highS, yParity: 1 - (authorization.yParity ?? 0) },
    { ...authorization, r: `0x${order.toString(16)}` as Hex },
    { ...authorization, s: '0x' as Hex },
  ];
  const items = lists.map(({ r, s, yParity }) => [
    '0x0539',
    to,
    '0x',
    yParity === 1 ? '0x01' : '0x',
    r,
    s,
  ]);
  const parity = ['0x0539', to, '0x', '0x02', authorization.r, authorization.s];
  const fields = ['0x0539', '0x', '0x', '0x', '0x5208', to, '0x', '0x', [], [...items, parity]];
  const unsigned = keccak256(`0x04${toRlp(fields as Hex[]).slice(2)}`);
  const { r, s, yParity } = await sign({ hash: unsigned, privateKey: key });
  const signed = [...fields, yParity === 1 ? '0x01' : '0x', r, s];
  const decoded = engine.decodeTransaction(fromHex(`0x04${toRlp(signed as Hex[]).slice(2)}`));
  assert.equal(`0x${toHex(engine.recoverSender(decoded))}`, account.address.toLowerCase());
  for (const { authority } of engine.recoverAuthorizations(decoded)) {
    assert.equal(authority, undefined);
  }
  assert.equal(decoded.authorizationList.length, 4);
});

/** A legacy transaction from its nine RLP fields, so that each can be spoiled. */
async function legacyFields(): Promise<Hex[]> {
  const fields: Hex[] = ['0x09', '0x0a', '0x5208', to, '0x01', '0x'];
  const { r, s, v } = await sign({ hash: keccak256(toRlp(fields)), privateKey: key });
  return [...fields, `0x${(v ?? 0n).toString(16)}`, r, s];
}

test('spoiled encodings of a valid transaction are refused with a code', async () => {
  const fields = await legacyFields();
  const raw = toRlp(fields);
  assert.equal(decodingCode(raw), 'accepted');
  const spoil = (at: number, value: Hex): Hex => toRlp(fields.with(at, value));
  const cases: Readonly<Record<string, Hex>> = {
    'trailing byte': `${raw}00`,
    'nonce with a leading zero': spoil(0, '0x0009'),
    'value with a leading zero': spoil(4, '0x0001'),
    'gas limit above u64': spoil(2, `0x01${'00'.repeat(8)}`),
    'recipient of 19 bytes': spoil(3, `0x${'35'.repeat(19)}`),
    'v of 0': spoil(6, '0x'),
    'v of 1': spoil(6, '0x01'),
    'v of 29': spoil(6, '0x1d'),
    'r with a leading zero': spoil(7, `0x00${fields[7]?.slice(2)}`),
    'a missing field': toRlp(fields.slice(0, 8)),
    'a field too many': toRlp([...fields, '0x']),
    'list length one short': `0xf8${(Number.parseInt(raw.slice(4, 6), 16) - 1).toString(16)}${raw.slice(6)}`,
    'long form of a short length': `0xf900${raw.slice(4)}`,
    'wrapped in a string': toRlp(raw),
    empty: '0x',
  };
  for (const [name, spoiled] of Object.entries(cases)) {
    assert.match(
      decodingCode(spoiled),
      /^(TransactionMalformed|TransactionTypeUnsupported)$/,
      name,
    );
  }
});

test('EIP-2: signatures out of range or with a high s are refused', async () => {
  const fields = await legacyFields();
  const s = BigInt(fields[8] ?? 0);
  const highS: Hex = `0x${(order - s).toString(16)}`;
  const otherV: Hex = fields[6] === '0x1b' ? '0x1c' : '0x1b';
  const spoiled: Readonly<Record<string, Hex[]>> = {
    'high s': fields.with(8, highS).with(6, otherV),
    's of zero': fields.with(8, '0x'),
    'r of zero': fields.with(7, '0x'),
    'r of the order': fields.with(7, `0x${order.toString(16)}`),
    'half the order and one': fields.with(8, `0x${(order / 2n + 1n).toString(16)}`),
  };
  for (const [name, spoiledFields] of Object.entries(spoiled)) {
    assert.equal(decodingCode(toRlp(spoiledFields)), 'SignatureInvalid', name);
  }
  assert.notEqual(
    decodingCode(toRlp(fields.with(8, `0x${(order / 2n).toString(16)}`))),
    'SignatureInvalid',
    'half the order is in range',
  );
});

test('a signature that no key made is refused when it is recovered', async () => {
  // r = 5 is no x coordinate of secp256k1: 5^3 + 7 is not a square.
  const decoded = engine.decodeTransaction(fromHex(toRlp((await legacyFields()).with(7, '0x05'))));
  assert.equal(
    codeOf(() => engine.recoverSender(decoded)),
    'SignatureInvalid',
  );
});

test('types that are not carried are refused by name', () => {
  assert.equal(decodingCode('0x03c0'), 'BlobTransactionUnsupported');
  for (const type of ['00', '05', '7e', '7f']) {
    assert.equal(decodingCode(`0x${type}c0`), 'TransactionTypeUnsupported', type);
  }
  for (const first of ['80', 'b8', 'bf']) {
    assert.equal(decodingCode(`0x${first}c0`), 'TransactionMalformed', 'a string has no type');
  }
});

test('a transaction above 128 KiB is refused, one just below is not', async () => {
  const sized = (bytes: number): Promise<Hex> =>
    account.signTransaction({
      type: 'legacy',
      gas: 1n,
      gasPrice: 1n,
      data: `0x${'ff'.repeat(bytes)}`,
    });
  assert.equal(decodingCode(await sized(128 * 1024)), 'TransactionTooLarge');
  assert.equal(decodingCode(await sized(128 * 1024 - 200)), 'accepted');
});

test('every truncation and every flipped byte is refused with a code or is another transaction', async () => {
  const authorization = await account.signAuthorization({ address: to, chainId: 1337, nonce: 0 });
  const raw = fromHex(
    await account.signTransaction({
      type: 'eip7702',
      chainId: 1337,
      nonce: 1,
      gas: 100_000n,
      maxFeePerGas: 7n,
      maxPriorityFeePerGas: 1n,
      to,
      data: '0xa9059cbb',
      accessList: [{ address: to, storageKeys: [`0x${'00'.repeat(32)}`] }],
      authorizationList: [authorization],
    }),
  );
  const hash = toHex(engine.decodeTransaction(raw).hash);
  for (let length = 0; length < raw.length; length++) {
    assert.notEqual(decodingCode(raw.subarray(0, length)), 'accepted', `cut at ${length}`);
  }
  for (let at = 0; at < raw.length; at++) {
    for (const bit of [1, 16, 128]) {
      const flipped = raw.with(at, (raw[at] ?? 0) ^ bit);
      if (decodingCode(flipped) !== 'accepted') continue;
      assert.notEqual(toHex(engine.decodeTransaction(flipped).hash), hash);
    }
  }
});

test('arbitrary bytes are refused with a code and never stop the engine', () => {
  const arbitrary = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.constantFrom(1, 2, 4, 0xf8, 0xf9), fc.uint8Array({ maxLength: 200 }))
      .map(([first, rest]) => Uint8Array.of(first, ...rest)),
  );
  fc.assert(
    fc.property(arbitrary, (raw) => {
      assert.notEqual(decodingCode(raw), 'EngineTrapped');
    }),
    { numRuns: 1000 },
  );
});

test('what decodes encodes to itself: no two encodings of one transaction', async () => {
  await fc.assert(
    fc.asyncProperty(
      transactions,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (given, at, mask) => {
        const raw = fromHex(await account.signTransaction(given));
        const flipped = raw.with(at % raw.length, (raw[at % raw.length] ?? 0) ^ mask);
        let decoded: DecodedTransaction;
        try {
          decoded = engine.decodeTransaction(flipped);
        } catch (error) {
          assert.ok(error instanceof LedgerError && error.code !== 'EngineTrapped');
          return;
        }
        assert.equal(`0x${toHex(decoded.hash)}`, keccak256(flipped));
      },
    ),
    { numRuns: 40 },
  );
});
