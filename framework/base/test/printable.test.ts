import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable } from '../src/index.ts';

test('text from outside keeps its lines and moves nothing on a terminal', () => {
  assert.equal(printable('bank-a\nübung ✓'), 'bank-a\nübung ✓');
  for (const hostile of ['\u001b[2J', '\r', '\u0007', '\u202e', '\u200b', '\u2028', '\u0085']) {
    const shown = printable(`a${hostile}b`);
    assert.ok(shown.startsWith('a�') && shown.endsWith('b'), JSON.stringify(hostile));
    assert.ok(!shown.includes(hostile), JSON.stringify(hostile));
  }
});
