import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatChunkName, parseChunkName } from '../src/chunk-name.ts';

test('names of chunk files are parsed and written back', () => {
  const names = [
    'ledger_1',
    'ledger_1-15',
    'ledger_16-37.committed',
    'ledger_38.recovery',
    'ledger_38-40.recovery',
    'ledger_38-40.committed.recovery',
  ];
  for (const name of names) {
    const parsed = parseChunkName(name);
    assert.ok(parsed, name);
    assert.equal(formatChunkName(parsed), name);
  }
});

test('other names are no chunk’s', () => {
  const names = [
    '',
    'ledger_',
    'ledger_0',
    'ledger_01',
    'ledger_5-4',
    'ledger_1.committed',
    'ledger_1-2.ignored',
    'ledger_1-2.committed.ignored',
    'ledger_1-2.recovery.committed',
    'xledger_1',
    'ledger_1 ',
    'ledger_99999999999999999',
    'snapshot_1_2.committed',
  ];
  for (const name of names) assert.equal(parseChunkName(name), undefined, name);
});
