import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Given } from '../src/command-line.ts';
import { confirm } from '../src/confirmation.ts';

const given = (...flags: readonly string[]): Given => ({
  positionals: [],
  text: () => undefined,
  isSet: (flag) => flags.includes(flag),
  inOrder: () => [],
});

describe('a confirmation', () => {
  test('is given by --yes', async () => {
    await confirm(given('yes'), 'Do it?');
  });

  test('without a terminal is never assumed', async () => {
    const refused = { code: 'NotConfirmed', message: /^Do it\? .*no terminal.*--yes/ };
    await assert.rejects(confirm(given(), 'Do it?', false), refused);
  });
});
