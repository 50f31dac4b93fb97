import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compareBytes,
  concatBytes,
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
