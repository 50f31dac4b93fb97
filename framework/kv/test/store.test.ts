import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, BugError, type Seqno, utf8Encode } from '@coco/base';
import { type Row, Store, storeLimitsDefault, type WriteSet } from '../src/index.ts';

const bytes = (...content: number[]): Uint8Array => Uint8Array.from(content);

/** A write set of one map; a value of undefined removes. */
function writes(rows: readonly (readonly [Uint8Array, Uint8Array | undefined])[]): WriteSet {
  return { maps: [{ name: 'a', rows: rows.map(([key, value]) => ({ key, value })) }] };
}

function put(store: Store, key: number, value: Uint8Array | undefined): void {
  store.apply(writes([[bytes(key), value]]));
}

/** Everything that a refused write set must leave as it was. */
function fingerprint(store: Store): unknown {
  const view = store.readAt(store.seqno);
  const rows = view.mapNames().map((name) => [name, [...view.map(name).range()]]);
  return { seqno: store.seqno, rows, liveBytes: store.stats().liveBytes };
}

function assertRefused(store: Store, writeSet: WriteSet, code: string): void {
  const before = fingerprint(store);
  assert.throws(() => store.apply(writeSet), { code });
  assert.deepEqual(fingerprint(store), before);
}

test('a key has at most its limit of bytes', () => {
  const store = new Store({ keyBytesMax: 4 });
  store.apply(writes([[new Uint8Array(4), bytes(1)]]));
  assertRefused(store, writes([[new Uint8Array(5), bytes(1)]]), 'KeyTooLarge');
  const map = store.begin().map('a');
  assert.throws(() => map.set(new Uint8Array(5), bytes(1)), { code: 'KeyTooLarge' });
  assert.throws(() => map.delete(new Uint8Array(5)), { code: 'KeyTooLarge' });
  assert.equal(map.get(new Uint8Array(5)), undefined);
});

test('a value has at most its limit of bytes', () => {
  const store = new Store({ valueBytesMax: 4 });
  store.apply(writes([[bytes(1), new Uint8Array(4)]]));
  assertRefused(store, writes([[bytes(1), new Uint8Array(5)]]), 'ValueTooLarge');
  const map = store.begin().map('a');
  assert.throws(() => map.set(bytes(1), new Uint8Array(5)), { code: 'ValueTooLarge' });
});

test('the largest keys and values that the default limits allow are kept whole', () => {
  const store = new Store();
  const key = new Uint8Array(storeLimitsDefault.keyBytesMax).fill(7);
  const value = new Uint8Array(storeLimitsDefault.valueBytesMax).fill(9);
  store.apply(writes([[key, value]]));
  const map = store.readAt(store.seqno).map('a');
  assert.deepEqual(map.get(key), value);
  const [row] = map.range();
  assert.deepEqual(row?.key, key);
  const half = new Uint8Array(32 * 1024).fill(3);
  store.apply(writes([[key, half]]));
  assert.deepEqual(store.readAt(store.seqno).map('a').get(key), half);
});

test('the layout bounds the limits', () => {
  assert.throws(() => new Store({ keyBytesMax: 64 * 1024 + 1 }), BugError);
  assert.throws(() => new Store({ mapsMax: 40_000 }), BugError);
  assert.throws(() => new Store({ statesMax: 0 }), BugError);
});

test('a map name is short, not empty and well-formed', () => {
  const store = new Store({ mapNameBytesMax: 8 });
  for (const name of ['', 'ninebytes', '\u00e9\u00e9\u00e9\u00e9\u00e9', '\ud800']) {
    const writeSet = { maps: [{ name, rows: [{ key: bytes(1), value: bytes(1) }] }] };
    assertRefused(store, writeSet, 'InvalidMapName');
    assert.throws(() => store.begin().map(name), { code: 'InvalidMapName' });
    assert.throws(() => store.readAt(store.seqno).map(name), { code: 'InvalidMapName' });
  }
});

test('a store has a limit of maps, and a map without records does not count', () => {
  const store = new Store({ mapsMax: 2, statesMax: 1 });
  const inMap = (name: string, value: Uint8Array | undefined): WriteSet => ({
    maps: [{ name, rows: [{ key: bytes(1), value }] }],
  });
  store.apply(inMap('a', bytes(1)));
  store.apply(inMap('b', bytes(1)));
  assertRefused(store, inMap('c', bytes(1)), 'TooManyMaps');
  store.apply(inMap('a', undefined));
  // The removed key is readable until the commit.
  assertRefused(store, inMap('c', bytes(1)), 'TooManyMaps');
  store.commit(store.seqno);
  store.apply(inMap('c', bytes(1)));
  assert.deepEqual(store.readAt(store.seqno).mapNames(), ['b', 'c']);
});

test('a write set whose order is not canonical is refused', () => {
  const store = new Store();
  const row = { key: bytes(1), value: bytes(1) };
  const cases: WriteSet[] = [
    { maps: [{ name: 'a', rows: [] }] },
    { maps: [{ name: 'a', rows: [row, row] }] },
    { maps: [{ name: 'a', rows: [{ key: bytes(1, 0), value: undefined }, row] }] },
    { maps: ['b', 'a'].map((name) => ({ name, rows: [row] })) },
    { maps: ['a', 'a'].map((name) => ({ name, rows: [row] })) },
  ];
  for (const writeSet of cases) assertRefused(store, writeSet, 'InvalidWriteSet');
});

test('an entry without writes still takes its seqno', () => {
  const store = new Store();
  store.apply({ maps: [] });
  assert.equal(store.seqno, 1);
});

test('the writes of one transaction have a limit of bytes', () => {
  const store = new Store({ transactionBytesMax: 10 });
  store.apply(writes([[bytes(1), new Uint8Array(9)]]));
  assertRefused(store, writes([[bytes(1), new Uint8Array(10)]]), 'WriteSetTooLarge');
});

test('a full store refuses the write set as a whole, and takes it when room was made', () => {
  const store = new Store({ storeBytesMax: 32 * 1024 * 1024, statesMax: 1 });
  let key = 0;
  const isFull = (): boolean => {
    try {
      put(store, key, new Uint8Array(1024 * 1024).fill(key));
      key++;
      return false;
    } catch (error) {
      assert.equal((error as { code: string }).code, 'StoreFull');
      return true;
    }
  };
  while (!isFull()) store.commit(store.seqno);
  assert.ok(key >= 8);
  const big = writes([
    [bytes(0), bytes(1)],
    [bytes(1), new Uint8Array(1024 * 1024)],
  ]);
  assertRefused(store, big, 'StoreFull');
  for (let at = 0; at < key; at++) {
    assert.deepEqual(store.readAt(store.seqno).map('a').get(bytes(at))?.[0], at);
  }
  for (let at = 2; at < key; at++) put(store, at, undefined);
  // Nothing is released before the commit, everything in time for the next write set after it.
  assertRefused(store, big, 'StoreFull');
  store.commit(store.seqno);
  store.apply(big);
});

test('however small the store, the check before a write set suffices', () => {
  for (let mebibytes = 1; mebibytes < 48; mebibytes += 7) {
    const store = new Store({ storeBytesMax: mebibytes * 1024 * 1024 });
    let refused = 0;
    for (let entry = 0; entry < 200 && refused < 3; entry++) {
      const rows = Array.from({ length: 40 }, (_, at) => {
        const key = new Uint8Array(4 + ((entry * at) % 300));
        new DataView(key.buffer).setUint16(0, at);
        new DataView(key.buffer).setUint16(2, entry);
        return [key, new Uint8Array((entry * 97 + at * 911) % 9000)] as const;
      });
      try {
        store.apply(writes(rows));
      } catch (error) {
        assert.equal((error as { code: string }).code, 'StoreFull');
        refused++;
      }
    }
    const { liveBytes, reservedBytes } = store.stats();
    assert.ok(liveBytes <= reservedBytes && liveBytes <= mebibytes * 1024 * 1024);
    assert.equal(refused, 3);
  }
});

test('a state that is not kept, not reached or rolled back is forgotten', () => {
  const store = new Store({ statesMax: 2 });
  for (let batch = 1; batch <= 5; batch++) {
    put(store, 1, bytes(batch));
    put(store, 2, bytes(batch));
    store.seal();
  }
  const old = store.readAt(asSeqno(2));
  store.commit(asSeqno(8));
  for (const seqno of [0, 1, 2, 3, 4, 5, 7, 11]) {
    assert.throws(() => store.readAt(asSeqno(seqno)), { code: 'StateForgotten' });
  }
  for (const seqno of [6, 8, 9, 10]) {
    const expected = Math.ceil(seqno / 2);
    assert.deepEqual(store.readAt(asSeqno(seqno)).map('a').get(bytes(1)), bytes(expected));
  }
  assert.throws(() => old.map('a').get(bytes(1)), { code: 'StateForgotten' });
  assert.throws(() => old.map('a').size, { code: 'StateForgotten' });
  assert.throws(() => old.mapNames(), { code: 'StateForgotten' });
  assert.throws(() => [...old.map('a').range()], { code: 'StateForgotten' });
  const pending = store.readAt(asSeqno(9));
  const kept = store.readAt(asSeqno(8));
  store.rollback(asSeqno(8));
  put(store, 1, bytes(99));
  assert.throws(() => pending.map('a').get(bytes(1)), { code: 'StateForgotten' });
  assert.deepEqual(kept.map('a').get(bytes(1)), bytes(4));
  assert.deepEqual(store.readAt(asSeqno(9)).map('a').get(bytes(1)), bytes(99));
});

test('a sealed size is right also where a higher seqno was sealed and rolled back before', () => {
  const store = new Store();
  put(store, 1, bytes(1));
  put(store, 2, bytes(2));
  store.skip(asSeqno(10));
  store.seal();
  store.rollback(asSeqno(5));
  store.seal();
  store.skip(asSeqno(6));
  store.commit(asSeqno(6));
  const view = store.readAt(asSeqno(5));
  assert.equal(view.map('a').size, 2);
  assert.deepEqual(view.mapNames(), ['a']);
});

test('a range over a state goes on rightly while other keys come and go', () => {
  const store = new Store();
  const rows = Array.from({ length: 200 }, (_, at) => [bytes(at), bytes(at)] as const);
  store.apply(writes(rows));
  store.seal();
  for (const reverse of [false, true]) {
    const seen: number[] = [];
    for (const { key } of store.readAt(asSeqno(1)).map('a').range({ reverse })) {
      seen.push(key[0] as number);
      const other = seen.length % 2 === 0 ? [key] : [key, bytes(key[0] as number, 1)];
      store.apply(writes(other.map((each) => [each, seen.length % 3 === 0 ? undefined : key])));
    }
    const expected = rows.map((_, at) => at);
    assert.deepEqual(seen, reverse ? expected.reverse() : expected);
    store.rollback(asSeqno(1));
  }
});

test('a range that is open when its state goes refuses at the next step', () => {
  const store = new Store({ statesMax: 1 });
  store.apply(
    writes([
      [bytes(1), bytes(1)],
      [bytes(2), bytes(2)],
    ]),
  );
  store.seal();
  const range = store.readAt(asSeqno(1)).map('a').range()[Symbol.iterator]();
  assert.equal(range.next().done, false);
  put(store, 3, bytes(3));
  store.seal();
  store.commit(asSeqno(2));
  assert.throws(() => range.next(), { code: 'StateForgotten' });
});

test('values and keys are copies in both directions', () => {
  const store = new Store();
  const value = bytes(1);
  const key = bytes(1);
  const transaction = store.begin();
  transaction.map('a').set(key, value);
  value[0] = 2;
  key[0] = 2;
  transaction.map('a').get(bytes(1))?.fill(3);
  store.apply(transaction.writeSet());
  const map = store.readAt(store.seqno).map('a');
  map.get(bytes(1))?.fill(4);
  for (const row of map.range()) {
    row.key.fill(5);
    row.value.fill(5);
  }
  assert.deepEqual(map.get(bytes(1)), bytes(1));
  assert.deepEqual([...map.range()], [{ key: bytes(1), value: bytes(1), version: 1 }]);
});

test('a Buffer, whose own slice is a view, is copied too', () => {
  const store = new Store();
  const key = Buffer.from([1, 2, 3]);
  const large = Buffer.alloc(40_000, 1);
  // The first key of a map is also its prefix; large values lie apart from the slabs.
  store.apply(writes([[key, large]]));
  const transaction = store.begin({ tracksReads: true });
  const absent = Buffer.from([4]);
  const value = Buffer.from([5]);
  assert.equal(transaction.map('a').get(absent), undefined);
  transaction.map('a').set(absent, value);
  for (const buffer of [key, large, absent, value]) buffer.fill(9);
  const map = store.readAt(store.seqno).map('a');
  assert.ok(map.get(bytes(1, 2, 3))?.every((byte) => byte === 1));
  assert.deepEqual(transaction.map('a').get(bytes(4)), bytes(5));
  assert.deepEqual(transaction.writeSet().maps[0]?.rows[0]?.key, bytes(4));
  store.apply(writes([[bytes(9), bytes(1)]]));
  assert.equal(transaction.isCurrent(), true);
});

test('pages in both directions visit each row once', () => {
  const store = new Store();
  store.apply(writes(Array.from({ length: 250 }, (_, at) => [bytes(at >> 4, at & 15), bytes(at)])));
  const map = store.readAt(store.seqno).map('a');
  const forward: number[] = [];
  for (let from: Uint8Array | undefined = new Uint8Array(0); from !== undefined; ) {
    const page: Row[] = [...map.range({ from, limit: 7 })];
    for (const row of page) forward.push(row.value[0] as number);
    const last: Uint8Array | undefined = page.at(-1)?.key;
    from = last === undefined ? undefined : bytes(...last, 0);
  }
  const back: number[] = [];
  for (let to: Uint8Array | undefined = bytes(255); to !== undefined; ) {
    const page: Row[] = [...map.range({ to, limit: 7, reverse: true })];
    for (const row of page) back.push(row.value[0] as number);
    to = page.at(-1)?.key;
  }
  const all = Array.from({ length: 250 }, (_, at) => at);
  assert.deepEqual(forward, all);
  assert.deepEqual(back, all.reverse());
});

test('seqnos that cannot be are bugs of the caller', () => {
  const store = new Store();
  put(store, 1, bytes(1));
  assert.throws(() => store.apply(writes([[bytes(1), bytes(1)]]), asSeqno(3)), BugError);
  assert.throws(() => store.skip(asSeqno(1)), BugError);
  assert.throws(() => store.commit(asSeqno(2)), BugError);
  store.commit(asSeqno(1));
  assert.throws(() => store.rollback(asSeqno(0)), BugError);
  assert.throws(() => store.commit(asSeqno(0)), BugError);
});

test('a seqno beyond 2^32 is kept whole', () => {
  const store = new Store();
  const before = 2 ** 40 + 123;
  store.skip(asSeqno(before));
  put(store, 1, bytes(1));
  assert.equal(store.readAt(store.seqno).map('a').versionOf(bytes(1)), before + 1);
});

test('a restored store has the rows, versions, seqno and state of the snapshot', () => {
  const store = new Store();
  const row = (key: number, version: number) => ({
    key: bytes(key),
    value: bytes(key),
    version: version as Seqno,
  });
  store.restoreRows('a', [row(1, 5), row(2, 3)]);
  store.restoreRows('a', [row(4, 9)]);
  store.restoreRows('public:b', [row(1, 2)]);
  store.finishRestore(asSeqno(9));
  const view = store.readAt(asSeqno(9));
  assert.deepEqual(view.mapNames(), ['a', 'public:b']);
  assert.deepEqual([...view.map('a').range()], [row(1, 5), row(2, 3), row(4, 9)]);
  assert.equal(view.map('a').size, 3);
  assert.equal(store.committed, 9);
  put(store, 1, undefined);
  store.seal();
  assert.deepEqual(view.map('a').get(bytes(1)), bytes(1));
  assert.equal(view.map('a').size, 3);
  store.rollback(asSeqno(9));
  assert.equal(store.readAt(asSeqno(9)).map('a').size, 3);
});

test('a snapshot with a doubled or too young row is refused', () => {
  const row = { key: bytes(1), value: bytes(1), version: asSeqno(5) };
  const doubled = new Store();
  doubled.restoreRows('a', [row]);
  assert.throws(() => doubled.restoreRows('a', [row]), { code: 'InvalidWriteSet' });
  const young = new Store();
  young.restoreRows('a', [row]);
  assert.throws(() => young.finishRestore(asSeqno(4)), { code: 'InvalidWriteSet' });
  const used = new Store();
  used.apply({ maps: [] });
  assert.throws(() => used.restoreRows('a', [row]), BugError);
});

test('stats tell keys, maps, states and bytes', () => {
  const store = new Store();
  put(store, 1, utf8Encode('value'));
  put(store, 2, new Uint8Array(100_000));
  store.seal();
  const { keyCount, mapCount, sealedStateCount, liveBytes, reservedBytes } = store.stats();
  assert.deepEqual(
    { keyCount, mapCount, sealedStateCount },
    {
      keyCount: 2,
      mapCount: 1,
      sealedStateCount: 1,
    },
  );
  assert.ok(liveBytes > 100_000 && liveBytes < 102_000);
  assert.ok(reservedBytes >= liveBytes);
});
