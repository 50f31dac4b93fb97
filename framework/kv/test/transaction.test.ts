import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, BugError } from '@coco/base';
import fc from 'fast-check';
import { type MapReader, Store } from '../src/index.ts';

const bytes = (...content: number[]): Uint8Array => Uint8Array.from(content);

function storeWith(...keys: number[]): Store {
  const store = new Store();
  const transaction = store.begin();
  for (const key of keys) transaction.map('a').set(bytes(key), bytes(key));
  store.apply(transaction.writeSet());
  return store;
}

const keysOf = (map: MapReader): number[] => [...map.range()].map((row) => row.key[0] as number);

test('a transaction changes nothing until it is applied', () => {
  const store = storeWith(1);
  const transaction = store.begin();
  assert.equal(transaction.hasWrites, false);
  transaction.map('a').set(bytes(2), bytes(2));
  transaction.map('a').delete(bytes(1));
  assert.equal(transaction.hasWrites, true);
  assert.deepEqual(keysOf(store.readAt(store.seqno).map('a')), [1]);
  assert.deepEqual(keysOf(transaction.map('a')), [2]);
  store.apply(transaction.writeSet());
  assert.deepEqual(keysOf(store.readAt(store.seqno).map('a')), [2]);
});

test('a write set is in byte order of names and keys, whatever the order of the writes', () => {
  const transaction = new Store().begin();
  for (const name of ['b', '\u{1f600}', '\uff5e', 'a']) {
    for (const key of [bytes(200), bytes(2, 1), bytes(2)]) transaction.map(name).set(key, bytes(0));
  }
  const { maps } = transaction.writeSet();
  assert.deepEqual(
    maps.map(({ name }) => name),
    ['a', 'b', '\uff5e', '\u{1f600}'],
  );
  assert.deepEqual(
    maps[0]?.rows.map(({ key }) => key),
    [bytes(2), bytes(2, 1), bytes(200)],
  );
});

test('a version is that of the last applied write, own writes apart', () => {
  const store = storeWith(1);
  const map = store.begin().map('a');
  map.set(bytes(1), bytes(9));
  map.set(bytes(2), bytes(9));
  assert.equal(map.versionOf(bytes(1)), 1);
  assert.equal(map.versionOf(bytes(2)), undefined);
  assert.deepEqual(
    [...map.range()].map(({ version }) => version),
    [2, 2],
  );
});

test('a rolled-back savepoint is gone, the one rolled back to is not', () => {
  const transaction = storeWith(1).begin();
  const map = transaction.map('a');
  const first = transaction.savepoint();
  map.set(bytes(2), bytes(2));
  const second = transaction.savepoint();
  map.delete(bytes(1));
  map.set(bytes(2), bytes(3));
  transaction.rollbackTo(second);
  assert.deepEqual(map.get(bytes(2)), bytes(2));
  transaction.rollbackTo(first);
  assert.throws(() => transaction.rollbackTo(second), { code: 'SavepointGone' });
  assert.deepEqual(keysOf(map), [1]);
  assert.equal(transaction.hasWrites, false);
  map.set(bytes(3), bytes(3));
  transaction.rollbackTo(first);
  assert.deepEqual(keysOf(map), [1]);
  const other = storeWith(1).begin();
  assert.throws(() => other.rollbackTo(first), { code: 'SavepointGone' });
  other.savepoint();
  assert.throws(() => other.rollbackTo(first), { code: 'SavepointGone' });
});

test('what savepoints hold counts as written, what nothing brings back does not', () => {
  const store = new Store({ transactionBytesMax: 100 });
  const transaction = store.begin();
  const map = transaction.map('a');
  for (let round = 0; round < 50; round++) map.set(bytes(1), new Uint8Array(60));
  const savepoint = transaction.savepoint();
  for (let round = 0; round < 50; round++) map.set(bytes(1), new Uint8Array(30));
  assert.throws(() => map.set(bytes(2), new Uint8Array(30)), { code: 'WriteSetTooLarge' });
  assert.equal(map.has(bytes(2)), false);
  transaction.rollbackTo(savepoint);
  map.set(bytes(2), new Uint8Array(30));
  assert.equal(map.size, 2);
});

test('a transaction has a limit of savepoints', () => {
  const transaction = new Store().begin();
  assert.throws(
    () => {
      for (let count = 0; count <= 65_536; count++) transaction.savepoint();
    },
    { code: 'WriteSetTooLarge' },
  );
});

test('a range sees the writes that are made ahead of it and not those behind', () => {
  for (const reverse of [false, true]) {
    const map = storeWith(10, 20, 30, 40).begin().map('a');
    const ahead = reverse ? -5 : 5;
    const seen: number[] = [];
    for (const row of map.range({ reverse })) {
      const key = row.key[0] as number;
      seen.push(key);
      if (key % 10 > 0) continue;
      map.set(bytes(key + ahead), bytes(1));
      map.set(bytes(key - ahead), bytes(1));
      map.delete(bytes(key + 4 * ahead));
    }
    assert.deepEqual(seen, reverse ? [40, 35, 30, 25] : [10, 15, 20, 25]);
  }
});

test('a range over many own writes is ordered, those included that come in between', () => {
  const map = new Store().begin().map('a');
  const written = new Set<number>();
  const check = (): void => {
    const sorted = [...written].sort((left, right) => left - right);
    const found = [...map.range()].map(
      (row) => ((row.key[0] as number) << 8) | (row.key[1] as number),
    );
    assert.deepEqual(found, sorted);
    const back = [...map.range({ reverse: true, limit: 3 })].map((row) => row.key[1]);
    assert.deepEqual(
      back,
      sorted
        .reverse()
        .slice(0, 3)
        .map((number) => number & 255),
    );
  };
  for (let step = 0; step < 3000; step++) {
    const number = Math.imul(step + 1, 0x9e37_79b1) >>> 16;
    map.set(bytes(number >>> 8, number), bytes(1));
    written.add(number);
    if (step % 500 === 0) check();
  }
  check();
});

test('a transaction reads its own state while others write, until it is gone', () => {
  const store = storeWith(1, 2);
  const transaction = store.begin();
  const map = transaction.map('a');
  store.apply({ maps: [{ name: 'a', rows: [{ key: bytes(1), value: undefined }] }] });
  assert.deepEqual(keysOf(map), [1, 2]);
  assert.equal(map.size, 2);
  store.commit(asSeqno(2));
  assert.throws(() => map.get(bytes(1)), { code: 'StateForgotten' });
});

test('a transaction on a sealed state outlives commits', () => {
  const store = storeWith(1, 2);
  store.seal();
  const transaction = store.begin({ at: asSeqno(1), tracksReads: true });
  store.apply({ maps: [{ name: 'a', rows: [{ key: bytes(1), value: bytes(7) }] }] });
  store.commit(asSeqno(2));
  assert.deepEqual(transaction.map('a').get(bytes(2)), bytes(2));
  assert.equal(transaction.isCurrent(), true);
  assert.deepEqual(transaction.map('a').get(bytes(1)), bytes(1));
  assert.equal(transaction.isCurrent(), false);
  assert.throws(() => store.begin({ at: asSeqno(0) }), { code: 'StateForgotten' });
});

test('only a transaction that tracks its reads tells whether they are current', () => {
  assert.throws(() => storeWith(1).begin().isCurrent(), BugError);
});

test('a write beyond where a range stopped does not make its reader stale', () => {
  for (const reverse of [false, true]) {
    const store = storeWith(10, 20, 30);
    const transaction = store.begin({ tracksReads: true });
    const seen = [...transaction.map('a').range({ limit: 1, reverse })];
    assert.equal(seen.length, 1);
    const write = (key: number): void => {
      store.apply({ maps: [{ name: 'a', rows: [{ key: bytes(key), value: bytes(0) }] }] });
    };
    write(reverse ? 20 : 11);
    assert.equal(transaction.isCurrent(), true);
    write(reverse ? 31 : 9);
    assert.equal(transaction.isCurrent(), false);
  }
});

test('a transaction whose state was rolled back is not current', () => {
  const store = storeWith(1);
  const transaction = store.begin({ tracksReads: true });
  store.rollback(asSeqno(0));
  assert.equal(transaction.isCurrent(), false);
});

test('the reads that a transaction tracks have a limit of bytes', () => {
  const store = new Store({ transactionBytesMax: 1000 });
  const map = store.begin({ tracksReads: true }).map('a');
  assert.throws(
    () => {
      for (let key = 0; key < 20; key++) map.get(bytes(key));
    },
    { code: 'WriteSetTooLarge' },
  );
});

/** A read that a handler might do, as a function of the map alone. */
const reads = fc.array(
  fc.oneof(
    fc.nat(15).map((key) => (map: MapReader) => String(map.get(bytes(key)))),
    fc.nat(15).map((key) => (map: MapReader) => String(map.has(bytes(key)))),
    fc.constant((map: MapReader) => String(map.size)),
    fc
      .record({ from: fc.nat(15), to: fc.nat(15), limit: fc.nat(4), reverse: fc.boolean() })
      .map(({ from, to, limit, reverse }) => (map: MapReader) => {
        const range = map.range({ from: bytes(from), to: bytes(to), limit, reverse });
        return [...range].map(({ key, value }) => `${key}=${value}`).join();
      }),
  ),
  { maxLength: 5 },
);
const changes = fc.array(
  fc.record({ key: fc.nat(15), value: fc.option(fc.nat(3), { nil: undefined }) }),
  { maxLength: 4 },
);

test('reads of a current transaction come out the same now', () => {
  let currentCount = 0;
  let staleCount = 0;
  fc.assert(
    fc.property(changes, reads, changes, (before, list, after) => {
      const store = storeWith(3, 7, 11);
      const write = (rows: typeof before): void => {
        for (const { key, value } of rows) {
          const transaction = store.begin();
          if (value === undefined) transaction.map('a').delete(bytes(key));
          else transaction.map('a').set(bytes(key), bytes(value));
          store.apply(transaction.writeSet());
        }
      };
      write(before);
      const transaction = store.begin({ tracksReads: true });
      const then = list.map((read) => read(transaction.map('a')));
      assert.equal(transaction.isCurrent(), true);
      write(after);
      const isCurrent = transaction.isCurrent();
      if (isCurrent) currentCount++;
      else staleCount++;
      const now = list.map((read) => read(store.readAt(store.seqno).map('a')));
      if (isCurrent) assert.deepEqual(now, then);
    }),
    { numRuns: 400 },
  );
  assert.ok(currentCount > 50 && staleCount > 50, `${currentCount} and ${staleCount}`);
});
