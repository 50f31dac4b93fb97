import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget } from '../src/byte-budget.ts';

test('a budget refuses when it is used up, with the limit named, and serves again', () => {
  const budget = new ByteBudget(100);
  budget.hold(99);
  budget.assertFree();
  budget.hold(50);
  assert.throws(() => budget.assertFree(), {
    code: 'TooManyPendingTransactions',
    message: /may hold 100 bytes together/,
  });
  budget.release(50);
  budget.assertFree();
  assert.equal(budget.held, 99);
});
