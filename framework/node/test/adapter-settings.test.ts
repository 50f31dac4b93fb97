import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Adapter, GovernedSettings } from '@coco/adapter';
import { BugError, utf8Encode } from '@coco/base';
import { Store } from '@coco/kv';
import { adapterSettings } from '../src/adapter-settings.ts';
import { createNotesAdapter } from './notes-adapter.ts';

const key = utf8Encode('settings');

function noting(map: string): Adapter {
  const governed: GovernedSettings = {
    check: () => {},
    apply: (transaction) => transaction.map(map).set(key, key),
  };
  return Object.assign(createNotesAdapter(), { governed });
}

suite('settings of adapters', () => {
  test('an adapter writes into its own maps', () => {
    const adapter = noting('notes.rows');
    const settings = adapterSettings(() => [adapter]);
    const transaction = new Store().begin();
    settings.check('notes', {});
    settings.apply(transaction, 'notes', {});
    assert.deepEqual(
      transaction.writeSet().maps.map(({ name }) => name),
      ['notes.rows'],
    );
  });

  test('and into no other', () => {
    const settings = adapterSettings(() => [noting('public:ccf.gov.service.info')]);
    const transaction = new Store().begin();
    assert.throws(() => settings.apply(transaction, 'notes', {}), BugError);
    assert.equal(transaction.hasWrites, false);
  });

  test('who names an adapter that is not there, or has none, is told which there are', () => {
    const settings = adapterSettings(() => [createNotesAdapter()]);
    for (const name of ['shop', 'notes']) {
      assert.throws(() => settings.check(name, {}), {
        code: 'AdapterUnknown',
        message: `${name} is no adapter with settings; there are: none.`,
      });
    }
  });
});
