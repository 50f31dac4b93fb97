import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno } from '@coco/base';
import { LedgerSecrets } from '../src/index.ts';

const key = (byte: number) => new Uint8Array(32).fill(byte);
const at = (seqno: number, byte: number) => ({ fromSeqno: asSeqno(seqno), key: key(byte) });

test('a secret is in force from its seqno to the next one’s', () => {
  const secrets = new LedgerSecrets([at(1, 1), at(10, 2), at(20, 3)]);
  const expected: readonly (readonly [number, number])[] = [
    [1, 1],
    [9, 1],
    [10, 2],
    [19, 2],
    [20, 3],
    [1000, 3],
  ];
  for (const [seqno, byte] of expected) {
    assert.deepEqual(secrets.secretFor(asSeqno(seqno)).key, key(byte), String(seqno));
  }
});

test('a rolled back rekey takes its secret away, a kept one does not', () => {
  const secrets = new LedgerSecrets([at(1, 1), at(10, 2)]);
  secrets.rollback(asSeqno(9));
  assert.equal(secrets.chain.length, 2);
  secrets.rollback(asSeqno(8));
  assert.deepEqual(secrets.secretFor(asSeqno(50)).key, key(1));
});

test('older secrets go in front, and nothing else does', () => {
  const secrets = new LedgerSecrets([at(10, 2)]);
  assert.equal(secrets.has(asSeqno(9)), false);
  assert.throws(() => secrets.secretFor(asSeqno(9)), { name: 'BugError' });
  assert.throws(() => secrets.prepend([at(10, 3)]), { name: 'BugError' });
  secrets.prepend([at(1, 1), at(5, 4)]);
  assert.deepEqual(secrets.secretFor(asSeqno(9)).key, key(4));
  assert.throws(() => secrets.add(asSeqno(10), key(5)), { name: 'BugError' });
});

test('a key is copied, so that the caller may wipe its own', () => {
  const mine = key(7);
  const secrets = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: mine }]);
  mine.fill(0);
  assert.deepEqual(secrets.secretFor(asSeqno(1)).key, key(7));
  assert.throws(() => new LedgerSecrets([{ fromSeqno: asSeqno(1), key: new Uint8Array(31) }]), {
    name: 'BugError',
  });
});

test('the fingerprint tells secrets apart and does not show them', () => {
  const [one, two] = new LedgerSecrets([at(1, 1), at(2, 2)]).chain;
  assert.notEqual(one?.fingerprint, two?.fingerprint);
  assert.ok(!one?.fingerprint.includes('01010101'));
});

test('a secret of the past is learnt in its place, once', () => {
  const secrets = new LedgerSecrets([at(1, 1), at(20, 3)]);
  for (const { fromSeqno, key: learnt } of [at(10, 2), at(20, 3), at(30, 4), at(10, 2)]) {
    secrets.learn(fromSeqno, learnt);
  }
  assert.deepEqual(
    secrets.chain.map(({ fromSeqno }) => fromSeqno),
    [1, 10, 20, 30],
  );
  assert.deepEqual(secrets.secretFor(asSeqno(19)).key, key(2));
  assert.throws(() => secrets.learn(asSeqno(10), key(9)), { name: 'BugError' });
});
