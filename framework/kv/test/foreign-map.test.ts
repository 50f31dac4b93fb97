import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '../src/index.ts';

test('a transaction that was begun for some maps can touch no other', () => {
  const transaction = new Store().begin({ maps: new Set(['ethereum.accounts']) });
  transaction.map('ethereum.accounts').set(new Uint8Array([1]), new Uint8Array([2]));
  assert.throws(() => transaction.map('public:ccf.gov.members.info'), { code: 'ForeignMap' });
  assert.throws(() => transaction.map('sawtooth.state'), { code: 'ForeignMap' });
});
