import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assert as mustHold } from '@coco/base';
import { bugReport } from '../src/bug-report.ts';

function thrownBy(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('the report of a bug', () => {
  test('has the sentence of an assertion and where it stands', () => {
    const { message, at } = bugReport(thrownBy(() => mustHold(false, 'seqnos rise')));
    assert.equal(message, 'seqnos rise');
    assert.match(at, /assert\.ts:\d+/);
  });

  test('quotes nothing of what a client sent', () => {
    const secret = 'marker of a secret';
    const errors = [
      thrownBy(() => JSON.parse(`{"key": ${secret}}`)),
      thrownBy(() => BigInt(secret)),
      new TypeError(`first line\n    at ${secret} (${secret}:1:1)\n${secret}`),
      secret,
      { secret },
    ];
    for (const error of errors) {
      const report = bugReport(error);
      assert.doesNotMatch(JSON.stringify(report), /marker/);
      assert.match(report.message, /Error|^a thrown (string|object)$/);
    }
  });
});
