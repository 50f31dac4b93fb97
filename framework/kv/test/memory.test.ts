/** Memory follows the live data: what history and rollback let go is used again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, SeededRandom } from '@coco/base';
import { Store, type WriteSet } from '../src/index.ts';

const keyCount = 500;

function rows(random: SeededRandom, count: number, valueBytesMax: number): WriteSet {
  const numbers = new Set(Array.from({ length: count }, () => random.below(keyCount)));
  const sorted = [...numbers].sort((left, right) => left - right);
  return {
    maps: [
      {
        name: 'a',
        rows: sorted.map((number) => ({
          key: Uint8Array.of(number >>> 8, number),
          value: random.below(8) === 0 ? undefined : new Uint8Array(random.below(valueBytesMax)),
        })),
      },
    ],
  };
}

/** Entries of `count` rows, sealed by tens, committed ten behind. */
function run(
  store: Store,
  options: { random: SeededRandom; entries: number; valueBytesMax: number },
) {
  const { random, entries, valueBytesMax } = options;
  let peak = 0;
  for (let entry = 1; entry <= entries; entry++) {
    store.apply(rows(random, 10, valueBytesMax));
    if (entry % 10 > 0) continue;
    store.seal();
    if (entry % 200 === 0) store.rollback(asSeqno(store.seqno - 5));
    store.commit(asSeqno(Math.max(store.committed, store.seqno - 10)));
    peak = Math.max(peak, store.stats().reservedBytes);
  }
  return peak;
}

test('a long run of overwrites with bounded live data takes bounded memory', () => {
  const random = new SeededRandom(3);
  const store = new Store({ statesMax: 4 });
  const early = run(store, { random, entries: 2000, valueBytesMax: 300 });
  const late = run(store, { random, entries: 5000, valueBytesMax: 300 });
  assert.ok(late <= early * 1.1, `${late} bytes after ${early}`);
  assert.ok(store.stats().backlogCount < 1000);
});

test('values that change their size over time leave no memory behind', () => {
  const random = new SeededRandom(4);
  const store = new Store({ statesMax: 4 });
  const peaks = [64, 2000, 64, 40_000, 64].map((valueBytesMax) => {
    run(store, { random, entries: 1000, valueBytesMax });
    return store.stats().liveBytes;
  });
  const [first, , third, , fifth] = peaks as [number, number, number, number, number];
  assert.ok(third <= first * 1.3 && fifth <= first * 1.3, peaks.join(' '));
});

test('a rollback gives back all that it undoes', () => {
  const random = new SeededRandom(5);
  const store = new Store();
  store.apply(rows(random, 300, 100));
  store.seal();
  store.commit(store.seqno);
  const content = [...store.readAt(store.seqno).map('a').range()];
  const live: number[] = [];
  for (let round = 0; round < 20; round++) {
    for (let entry = 0; entry < 30; entry++) store.apply(rows(random, 50, 50_000));
    store.seal();
    store.rollback(asSeqno(1));
    assert.deepEqual([...store.readAt(asSeqno(1)).map('a').range()], content);
    live.push(store.stats().liveBytes);
  }
  // Pages need not come back as they were, records do: a few pages of 528 bytes are the difference.
  const [first] = live as [number];
  for (const bytes of live) assert.ok(Math.abs(bytes - first) <= 8 * 528, live.join(' '));
  assert.equal(store.stats().backlogCount, 0);
});

test('keys that come and go once leave nothing behind', () => {
  const store = new Store({ statesMax: 2 });
  let peak = 0;
  for (let number = 0; number < 20_000; number++) {
    const key = new Uint8Array(40);
    new DataView(key.buffer).setUint32(0, Math.imul(number, 0x9e37_79b1));
    for (const value of [new Uint8Array(50), undefined]) {
      store.apply({ maps: [{ name: 'a', rows: [{ key, value }] }] });
    }
    if (number % 20 > 0) continue;
    store.seal();
    store.commit(store.seqno);
    peak = Math.max(peak, store.stats().liveBytes);
  }
  assert.ok(peak < 100_000, `${peak} bytes`);
});

test('a removal that a rollback makes the newest again is released too', () => {
  for (const sealsBefore of [false, true]) {
    const store = new Store({ statesMax: 1 });
    const key = Uint8Array.of(1);
    const put = (value: Uint8Array | undefined): void =>
      store.apply({ maps: [{ name: 'a', rows: [{ key, value }] }] });
    put(key);
    if (sealsBefore) store.seal();
    put(undefined);
    put(key);
    store.commit(asSeqno(2));
    store.rollback(asSeqno(2));
    store.seal();
    store.commit(asSeqno(2));
    while (store.reclaim(100));
    assert.equal(store.stats().liveBytes, 0);
    assert.equal(store.stats().mapCount, 0);
  }
});

test('a commit after a long wait does its work in bounded steps', () => {
  const store = new Store({ statesMax: 1 });
  const random = new SeededRandom(6);
  for (let entry = 0; entry < 3000; entry++) store.apply(rows(random, 10, 40));
  store.seal();
  const before = store.stats().backlogCount;
  store.commit(store.seqno);
  const after = store.stats().backlogCount;
  assert.ok(after > 0 && before - after <= 2048, `${before} then ${after}`);
  store.apply(rows(random, 1, 40));
  const { backlogCount } = store.stats();
  assert.ok(after - backlogCount <= 4, 'one row pays for few steps');
  for (let entry = 0; entry < 3000; entry++) store.apply(rows(random, 10, 40));
  store.seal();
  store.commit(store.seqno);
  while (store.reclaim(100));
  assert.equal(store.stats().backlogCount, 0);
});
