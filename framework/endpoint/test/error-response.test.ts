import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BugError, refuse } from '@coco/base';
import { errorResponse } from '../src/error-response.ts';
import { bodyOf } from './endpoint-fixture.ts';

suite('error response', () => {
  test('a coded error answers with its status, code and sentence', () => {
    const response = errorResponse(refuse('RequestBodyTooLarge', 'At most 1 byte.'), {
      details: [{ auth_policy: 'a', code: 'b', message: 'c' }],
      headers: { 'retry-after': '3' },
    });
    assert.equal(response.status, 413);
    assert.deepEqual(response.headers, { 'content-type': 'application/json', 'retry-after': '3' });
    assert.deepEqual(bodyOf(response), {
      error: {
        code: 'RequestBodyTooLarge',
        message: 'At most 1 byte.',
        details: [{ auth_policy: 'a', code: 'b', message: 'c' }],
      },
    });
  });

  test('any other error tells nothing of itself', () => {
    for (const error of [new TypeError('secret of a user'), 'secret of a user', undefined]) {
      const response = errorResponse(error);
      assert.equal(response.status, 500);
      assert.deepEqual(bodyOf(response), {
        error: { code: 'InternalError', message: 'The node failed to carry out the request.' },
      });
    }
  });

  test('a broken invariant is not answered', () => {
    const bug = new BugError('x must hold');
    assert.throws(() => errorResponse(bug), bug);
  });
});
