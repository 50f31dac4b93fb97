import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  CborTag,
  type CborValue,
  decodeCbor,
  decodeSignOne,
  encodeCbor,
  encodeSignOne,
  equalBytes,
  fromHex,
  signatureInput,
  toHex,
} from '../src/index.ts';

const bytesMax = 10_000;

const { value: cborValue } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer({ min: -1_000_000, max: 1_000_000 }),
    fc.string({ maxLength: 10 }),
    fc.uint8Array({ maxLength: 10 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(fc.integer({ min: -9, max: 500 }), tie('value')), {
        maxLength: 4,
        selector: ([key]) => key,
      })
      .map((rows) => new Map(rows)),
  ),
}));

test('CBOR gives back what went in', () => {
  fc.assert(
    fc.property(cborValue, (value) => {
      assert.deepEqual(decodeCbor(encodeCbor(value), bytesMax), value);
    }),
  );
});

test('RFC 8949 appendix A: shortest forms', () => {
  const vectors: readonly (readonly [CborValue, string])[] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [1000, '1903e8'],
    [1000000000000, '1b000000e8d4a51000'],
    [-1, '20'],
    [-1000, '3903e7'],
    ['IETF', '6449455446'],
    [fromHex('01020304'), '4401020304'],
    [[1, [2, 3]], '8201820203'],
    [null, 'f6'],
    [true, 'f5'],
  ];
  for (const [value, hex] of vectors) assert.equal(toHex(encodeCbor(value)), hex);
});

test('a map keeps the order it was given, as COSE headers need', () => {
  const header = new Map<number | string, CborValue>([
    [395, 2],
    [1, -35],
    ['ccf.v1', 1],
    [4, 2],
  ]);
  assert.equal(
    toHex(encodeCbor(header)),
    'a419018b0201382266636366 2e76310104 02'.replaceAll(' ', ''),
  );
});

test('what is not plain CBOR is refused with a code', () => {
  const wrong = {
    'a repeated key': 'a2010a010b',
    'an indefinite length': '9f01ff',
    'another tag': 'c11a514b67b0',
    'bytes after the item': '0101',
    'a cut item': '4401',
    nothing: '',
  };
  for (const [what, hex] of Object.entries(wrong)) {
    assert.throws(() => decodeCbor(fromHex(hex), bytesMax), { code: 'InvalidInput' }, what);
  }
  const deep = new Uint8Array(50_000).fill(0x81);
  assert.throws(() => decodeCbor(deep, 100_000), { code: 'InvalidInput' });
  assert.throws(() => decodeCbor(deep, 10), { code: 'RequestBodyTooLarge' });
});

test('random bytes never do anything but decode or be refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeCbor(bytes, bytesMax);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'InvalidInput');
      }
    }),
    { numRuns: 500 },
  );
});

test('a COSE_Sign1 keeps its protected bytes and parts', () => {
  const protectedBytes = encodeCbor(new Map([[1, -7]]));
  const signature = new Uint8Array(64).fill(7);
  const message = encodeSignOne({ protectedBytes, payload: null, signature });
  const parsed = decodeSignOne(message, bytesMax);
  assert.ok(equalBytes(parsed.protectedBytes, protectedBytes));
  assert.equal(parsed.protectedHeader.get(1), -7);
  assert.equal(parsed.payload, null);
  assert.ok(equalBytes(parsed.signature, signature));
});

test('what is not a COSE_Sign1 is refused', () => {
  const wrong: readonly CborValue[] = [
    [new Uint8Array(), new Map(), null, new Uint8Array()],
    new CborTag(18, [new Uint8Array(), new Map(), null]),
    new CborTag(18, ['text', new Map(), null, new Uint8Array()]),
    new CborTag(18, [new Uint8Array(), [], null, new Uint8Array()]),
    new CborTag(18, [new Uint8Array(), new Map(), 5, new Uint8Array()]),
    new CborTag(18, [encodeCbor(5), new Map(), null, new Uint8Array()]),
  ];
  for (const value of wrong) {
    assert.throws(() => decodeSignOne(encodeCbor(value), bytesMax), { code: 'InvalidInput' });
  }
});

test('RFC 9052 section 4.4: the signed bytes are the Sig_structure', () => {
  const input = signatureInput(fromHex('a10126'), fromHex('54686973'));
  assert.equal(toHex(input), '846a5369676e61747572653143a10126404454686973');
});
