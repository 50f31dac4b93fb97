import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, asView, SeededRandom, type TransactionId } from '@coco/base';
import fc from 'fast-check';
import { LedgerSecrets, NonceGuard } from '../src/index.ts';

function secretOf(byte: number) {
  const key = new Uint8Array(32).fill(byte);
  return new LedgerSecrets([{ fromSeqno: asSeqno(1), key }]).secretFor(asSeqno(1));
}

const id = (view: number, seqno: number): TransactionId => ({
  view: asView(view),
  seqno: asSeqno(seqno),
});

const bug = { name: 'BugError' };

test('an id is used once under one secret', () => {
  const guard = new NonceGuard();
  guard.use(secretOf(1), id(2, 5));
  assert.throws(() => guard.use(secretOf(1), id(2, 5)), bug);
  guard.use(secretOf(2), id(2, 5));
});

test('the same key in another chain is the same secret', () => {
  const guard = new NonceGuard();
  guard.use(secretOf(1), id(2, 5));
  const other = new LedgerSecrets([{ fromSeqno: asSeqno(3), key: new Uint8Array(32).fill(1) }]);
  assert.throws(() => guard.use(other.secretFor(asSeqno(5)), id(2, 5)), bug);
});

test('after a rollback the old view’s seqnos stay used, and the new view’s are free', () => {
  const guard = new NonceGuard();
  const secret = secretOf(1);
  for (let seqno = 1; seqno <= 10; seqno++) guard.use(secret, id(2, seqno));
  assert.throws(() => guard.use(secret, id(2, 6)), bug);
  guard.use(secret, id(4, 6));
  assert.throws(() => guard.use(secret, id(2, 11)), bug);
});

test('an id set aside is used once, also behind later ones, and not in another view', () => {
  const guard = new NonceGuard();
  const secret = secretOf(1);
  guard.reserve(secret, id(2, 3));
  guard.use(secret, id(2, 4));
  guard.use(secret, id(2, 3));
  assert.throws(() => guard.use(secret, id(2, 3)), bug);
  guard.reserve(secret, id(2, 5));
  guard.use(secret, id(3, 5));
  assert.throws(() => guard.use(secret, id(2, 5)), bug);
});

test('what a recovered ledger shows as used is forbidden', () => {
  const guard = new NonceGuard();
  guard.forbid(secretOf(1), id(4, 100));
  assert.throws(() => guard.use(secretOf(1), id(4, 100)), bug);
  assert.throws(() => guard.use(secretOf(1), id(3, 200)), bug);
  guard.use(secretOf(1), id(4, 101));
});

test('whatever is asked, no id passes twice', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = new SeededRandom(seed);
      const guard = new NonceGuard();
      const used = new Set<string>();
      const secrets = [secretOf(0), secretOf(1)];
      for (let step = 0; step < 200; step++) {
        const key = random.below(2);
        const secret = secrets[key] ?? secretOf(key);
        const next = id(1 + random.below(4), 1 + random.below(30));
        const isReservation = random.below(3) === 0;
        try {
          if (isReservation) guard.reserve(secret, next);
          else guard.use(secret, next);
        } catch (error) {
          assert.equal((error as Error).name, 'BugError');
          continue;
        }
        if (isReservation) continue;
        const text = `${key} ${next.view} ${next.seqno}`;
        assert.ok(!used.has(text), text);
        used.add(text);
      }
      assert.ok(used.size > 0);
    }),
    { numRuns: 30 },
  );
});
