import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BugError,
  defineErrors,
  LedgerError,
  assert as mustHold,
  present,
  refuse,
  registeredErrors,
  unreachable,
} from '../src/index.ts';

test('a refusal carries code, kind, status, metadata and cause', () => {
  const cause = new RangeError('inner');
  const error = refuse('InvalidInput', 'The value does not parse.', { length: 3 }, cause);
  assert.ok(error instanceof LedgerError);
  assert.equal(error.code, 'InvalidInput');
  assert.equal(error.kind, 'refusal');
  assert.equal(error.status, 400);
  assert.deepEqual(error.metadata, { length: 3 });
  assert.equal(error.cause, cause);
  assert.equal('cause' in refuse('InvalidInput', 'No cause.'), false);
});

test('every table is registered', () => {
  defineErrors({ TestOnly: { kind: 'fault', status: 500, meaning: 'Only here.' } });
  assert.equal(registeredErrors().get('TestOnly')?.meaning, 'Only here.');
  assert.equal(registeredErrors().get('DiskFull')?.kind, 'fault');
});

test('two rooms give one code one meaning', () => {
  const row = { kind: 'fault', status: 500, meaning: 'In two rooms.' } as const;
  defineErrors({ TestShared: row });
  defineErrors({ TestShared: { ...row } });
  const others = [{ kind: 'refusal' }, { status: 503 }, { meaning: 'Another.' }] as const;
  for (const other of others) {
    assert.throws(() => defineErrors({ TestShared: { ...row, ...other } }), BugError);
  }
});

test('a broken invariant is a bug, not a refusal', () => {
  assert.throws(() => mustHold(false, 'seqnos rise'), BugError);
  assert.throws(() => present(undefined, 'it is there'), /it is there/);
  assert.throws(() => unreachable('x' as never), BugError);
  assert.equal(present(0, 'zero is there'), 0);
  assert.ok(!(new BugError('x') instanceof LedgerError));
});
