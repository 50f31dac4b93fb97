/** States that somebody reads whole while the store goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '../src/index.ts';

const bytes = (...content: number[]): Uint8Array => Uint8Array.from(content);

function put(store: Store, key: number, value: Uint8Array | undefined): void {
  store.apply({ maps: [{ name: 'a', rows: [{ key: bytes(key), value }] }] });
}

test('a held state is readable however many follow it, until it is released', () => {
  const store = new Store({ statesMax: 1 });
  put(store, 1, bytes(1));
  assert.throws(() => store.hold(store.seqno), { name: 'BugError' });
  store.seal();
  assert.throws(() => store.hold(store.seqno), { name: 'BugError' });
  store.commit(store.seqno);
  const { state, release } = store.hold(store.seqno);
  for (let batch = 2; batch <= 20; batch++) {
    put(store, 1, batch === 7 ? undefined : bytes(batch));
    store.seal();
    store.commit(store.seqno);
    assert.deepEqual(state.map('a').get(bytes(1)), bytes(1));
  }
  release();
  store.commit(store.seqno);
  assert.throws(() => state.map('a').get(bytes(1)), { code: 'StateForgotten' });
  assert.throws(() => store.hold(state.seqno), { code: 'StateForgotten' });
});

test('a full store lets go of held states before it refuses a write', () => {
  const store = new Store({ storeBytesMax: 32 * 1024 * 1024, statesMax: 1 });
  const large = new Uint8Array(1024 * 1024);
  put(store, 1, large);
  store.seal();
  store.commit(store.seqno);
  const { state } = store.hold(store.seqno);
  let wasForgotten = false;
  for (let batch = 0; batch < 60; batch++) {
    put(store, 1, large.fill(batch));
    store.seal();
    store.commit(store.seqno);
    try {
      state.map('a').get(bytes(1));
    } catch {
      wasForgotten = true;
    }
  }
  assert.ok(wasForgotten);
});
