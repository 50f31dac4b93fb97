import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BugError, type Seqno } from '@coco/base';
import { Store } from '../src/index.ts';

const bytes = (...content: number[]): Uint8Array => Uint8Array.from(content);

function put(store: Store, value: Uint8Array): void {
  store.apply({ maps: [{ name: 'a', rows: [{ key: bytes(1), value }] }] });
}

test('keeping fewer states frees what only they show, and more are kept again afterwards', () => {
  const store = new Store({ statesMax: 50 });
  const big = new Uint8Array(100_000);
  for (let batch = 1; batch <= 20; batch++) {
    put(store, big);
    store.seal();
    store.commit(store.seqno);
  }
  const before = store.stats();
  assert.ok(before.liveBytes > 19 * big.length, 'each state shows a value of its own');
  store.keepStates(3);
  while (store.reclaim(1000));
  assert.equal(store.stats().sealedStateCount, 3);
  assert.ok(store.stats().liveBytes < 4 * big.length);
  assert.deepEqual(
    store
      .readAt((store.seqno - 2) as Seqno)
      .map('a')
      .get(bytes(1)),
    big,
  );
  assert.throws(() => store.readAt((store.seqno - 3) as Seqno), { code: 'StateForgotten' });
  store.keepStates(50);
  for (let batch = 1; batch <= 20; batch++) {
    put(store, bytes(batch));
    store.seal();
    store.commit(store.seqno);
  }
  assert.equal(store.stats().sealedStateCount, 23);
  assert.throws(() => store.keepStates(0), BugError);
});
