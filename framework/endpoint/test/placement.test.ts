import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asView, LedgerError } from '@coco/base';
import { ClientSession, forwardingOf, redirectionOf } from '../src/index.ts';

suite('where an endpoint is answered', () => {
  test('follows from its mode where it says nothing', () => {
    const found = (['write', 'optimistic', 'read', 'command'] as const).map((mode) => [
      forwardingOf({ mode }),
      redirectionOf({ mode }),
    ]);
    assert.deepEqual(found, [
      ['always', 'to_primary'],
      ['always', 'to_primary'],
      ['sometimes', 'none'],
      ['never', 'none'],
    ]);
  });

  test('is what it says otherwise', () => {
    assert.equal(forwardingOf({ mode: 'command', forwardingRequired: 'always' }), 'always');
    assert.equal(redirectionOf({ mode: 'command', forwardingRequired: 'always' }), 'to_primary');
    assert.equal(redirectionOf({ mode: 'read', redirectionStrategy: 'to_backup' }), 'to_backup');
    assert.equal(redirectionOf({ mode: 'write', redirectionStrategy: 'none' }), 'none');
  });
});

suite('a client’s session', () => {
  test('is bound to the view of its first request', () => {
    const session = new ClientSession();
    assert.equal(session.view, undefined);
    session.enter(asView(2));
    session.enter(asView(2));
    assert.throws(
      () => session.enter(asView(3)),
      (error) => error instanceof LedgerError && error.code === 'SessionConsistencyLost',
    );
    assert.equal(session.view, 2);
  });
});
