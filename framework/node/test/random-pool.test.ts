import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomPool } from '../src/random-pool.ts';

/** Counts up, so that each byte is known by its value. */
function counting() {
  const asked: { readonly length: number; readonly bytes: Uint8Array }[] = [];
  let next = 0;
  const source = (length: number): Uint8Array => {
    const bytes = Uint8Array.from({ length }, () => next++ % 251);
    asked.push({ length, bytes });
    return bytes;
  };
  return { asked, source };
}

test('bytes are handed out once, in order, and wiped from the pool', () => {
  const { asked, source } = counting();
  const pool = new RandomPool(source);
  const first = pool.bytes(32);
  const second = pool.bytes(32);
  assert.equal(first[0], 0);
  assert.equal(second[0], 32);
  assert.equal(asked.length, 1);
  assert.ok(asked[0]?.bytes.subarray(0, 64).every((byte) => byte === 0));
  first.fill(7);
  assert.equal(second[0], 32);
});

test('a pool that is used up is filled anew, and never split over two fillings', () => {
  const { asked, source } = counting();
  const pool = new RandomPool(source);
  let count = 0;
  while (asked.length < 3) {
    assert.equal(pool.bytes(60).length, 60);
    count++;
  }
  assert.equal(count, 2 * Math.floor(4096 / 60) + 1);
});

test('many bytes at once do not come from the pool', () => {
  const { asked, source } = counting();
  const pool = new RandomPool(source);
  assert.equal(pool.bytes(65).length, 65);
  assert.deepEqual(
    asked.map(({ length }) => length),
    [65],
  );
});
