import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compareBytes,
  concatBytes,
  cutBytes,
  cutCopy,
  equalBytes,
  fromBase64,
  fromHex,
  toBase64,
  toHex,
  utf8Decode,
  utf8Encode,
} from '../src/index.ts';

test('hex, base64 and UTF-8 give back what went in', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.string({ unit: 'grapheme' }),
      (bytes, text) => {
        assert.ok(equalBytes(fromHex(toHex(bytes)), bytes));
        assert.ok(equalBytes(fromHex(`0x${toHex(bytes).toUpperCase()}`), bytes));
        assert.ok(equalBytes(fromBase64(toBase64(bytes)), bytes));
        assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'));
        assert.equal(utf8Decode(utf8Encode(text)), text);
      },
    ),
  );
});

test('large arrays have a hex and a base64 form too', () => {
  const bytes = new Uint8Array(100_000).map((_, at) => at % 256);
  for (const length of [64, 65, bytes.length]) {
    const part = bytes.subarray(0, length);
    assert.equal(toHex(part), Buffer.from(part).toString('hex'));
    assert.ok(equalBytes(fromHex(toHex(part)), part));
  }
  assert.ok(equalBytes(fromBase64(toBase64(bytes)), bytes));
});

test('texts that are no hex, base64 or UTF-8 are refused', () => {
  for (const text of ['0', '0x0', 'zz', '0g', 'G0', '\0\0', '0x 1', '0x0x', '١٢']) {
    assert.throws(() => fromHex(text), { code: 'InvalidInput' }, text);
  }
  for (const text of ['=', 'A', 'AB==C', 'AB', 'AA= =', 'AR==']) {
    assert.throws(() => fromBase64(text), { code: 'InvalidInput' }, text);
  }
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80]]) {
    assert.throws(() => utf8Decode(new Uint8Array(bytes)), { code: 'InvalidInput' });
  }
});

test('order and joining are those of bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (left, right) => {
      const expected = Buffer.compare(left, right);
      assert.equal(Math.sign(compareBytes(left, right)), expected);
      assert.equal(equalBytes(left, right), expected === 0);
      assert.deepEqual([...concatBytes(left, right)], [...left, ...right]);
    }),
  );
});

test('arrays that are cut are zeroes, apart from each other, and as long as asked', () => {
  const lengths = [0, 1, 4096, 4096, 5000, 100, ...Array.from({ length: 40 }, () => 3000)];
  const cut = lengths.map((length) => {
    const bytes = cutBytes(length);
    assert.equal(bytes.length, length);
    assert.ok(bytes.every((byte) => byte === 0));
    return bytes.fill(0xff);
  });
  for (const [at, bytes] of cut.entries()) bytes.fill(at);
  for (const [at, bytes] of cut.entries()) assert.ok(bytes.every((byte) => byte === at));
});

test('a cut copy is no view, also of a Buffer', () => {
  const source = Buffer.from([1, 2, 3]);
  const copy = cutCopy(source);
  source[0] = 9;
  assert.deepEqual(copy, Uint8Array.of(1, 2, 3));
});
