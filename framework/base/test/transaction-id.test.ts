import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  asRaftIndex,
  asSeqno,
  asView,
  BugError,
  compareTransactionIds,
  formatTransactionId,
  parseTransactionId,
  viewMax,
} from '../src/index.ts';

test('a transaction id gives back view and seqno', () => {
  const ids = fc.record(
    {
      view: fc.integer({ min: 0, max: viewMax }).map(asView),
      seqno: fc.maxSafeNat().map(asSeqno),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(ids, (id) => assert.deepEqual(parseTransactionId(formatTransactionId(id)), id)),
  );
});

test('other texts are refused', () => {
  const texts = [
    '',
    '2',
    '2.',
    '.5',
    '2.5.1',
    '02.5',
    '2.05',
    '-1.5',
    '2.5 ',
    '1e3.5',
    '2147483648.1',
  ];
  for (const text of [...texts, `2.${'9'.repeat(16)}`, `${'9'.repeat(400)}.1`]) {
    assert.throws(() => parseTransactionId(text), { code: 'InvalidInput' }, text);
  }
});

test('numbers out of range are bugs of ours', () => {
  for (const make of [asView, asSeqno, asRaftIndex]) {
    for (const value of [-1, 0.5, Number.NaN, 2 ** 53]) assert.throws(() => make(value), BugError);
  }
  assert.throws(() => asView(viewMax + 1), BugError);
});

test('ids of one history are ordered by seqno', () => {
  const id = (view: number, seqno: number) => ({ view: asView(view), seqno: asSeqno(seqno) });
  assert.ok(compareTransactionIds(id(2, 9), id(4, 10)) < 0);
  assert.ok(compareTransactionIds(id(4, 9), id(2, 9)) > 0);
  assert.equal(compareTransactionIds(id(2, 9), id(2, 9)), 0);
});
