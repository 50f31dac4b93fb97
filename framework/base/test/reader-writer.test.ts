import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BugError, ByteReader, ByteWriter, toHex } from '../src/index.ts';

test('what is written is read back, and nothing beyond it', () => {
  const parts = fc.record({
    small: fc.integer({ min: 0, max: 255 }),
    word: fc.integer({ min: 0, max: 0xffff_ffff }),
    large: fc.maxSafeNat(),
    bytes: fc.uint8Array({ maxLength: 600 }),
  });
  fc.assert(
    fc.property(parts, fc.integer({ min: 0, max: 20 }), ({ small, word, large, bytes }, cut) => {
      const written = new ByteWriter(4).u8(small).u32(word).u64(large).sized(bytes).raw(bytes);
      const encoded = written.done();
      assert.equal(encoded.length, written.length);
      const reader = new ByteReader(encoded);
      assert.deepEqual([reader.u8(), reader.u32(), reader.u64()], [small, word, large]);
      assert.deepEqual([...reader.sized()], [...bytes]);
      assert.equal(reader.remaining, bytes.length);
      assert.deepEqual([...reader.raw(bytes.length)], [...bytes]);
      reader.end();
      const short = new ByteReader(encoded.subarray(0, Math.min(cut, 20)));
      assert.throws(
        () => {
          short.u8();
          short.u32();
          short.u64();
          short.sized();
          short.raw(bytes.length + 1);
        },
        { code: 'InvalidInput' },
      );
    }),
  );
});

test('numbers stand in little-endian order', () => {
  assert.equal(
    toHex(new ByteWriter().u32(1).u64(0x0102_0304_0506).done()),
    '010000000605040302010000',
  );
});

test('a u64 beyond the safe integers is refused when read, and a bug when written', () => {
  const high = new Uint8Array(8).fill(0xff);
  assert.throws(() => new ByteReader(high).u64(), { code: 'InvalidInput' });
  assert.throws(() => new ByteWriter().u64(2 ** 53), BugError);
  assert.throws(() => new ByteWriter().u64(-1), BugError);
});

test('a length that promises more than there is reads nothing', () => {
  const promise = new ByteWriter().u64(Number.MAX_SAFE_INTEGER).u8(1).done();
  assert.throws(() => new ByteReader(promise).sized(), { code: 'InvalidInput' });
  assert.throws(() => new ByteReader(promise).end(), { code: 'InvalidInput' });
});
