/** The rooms' error tables, docs/ERRORS.md and the tests agree with one another. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { definedCodes, readPage, registeredCodes, renderPage } from '../scripts/errors-page.ts';
import { listFiles, listRooms, root } from '../scripts/rooms.ts';

suite('error codes', async () => {
  const defined = await definedCodes();

  test('the rooms register exactly the codes of their tables', async () => {
    const registered = await registeredCodes();
    assert.ok(registered.size > 100, `only ${registered.size} codes were registered`);
    const written = [...new Set(defined.map(({ code }) => code))].sort();
    assert.deepEqual([...registered.keys()].sort(), written);
  });

  test('no code is defined by two rooms', () => {
    const rooms = new Map<string, string>();
    for (const { code, room } of defined) {
      const other = rooms.get(code);
      assert.ok(!other, `${code} is defined in ${other} and ${room}: keep one, import it`);
      rooms.set(code, room);
    }
  });

  test('docs/ERRORS.md holds each code once, as the code has it, and no other', () => {
    assert.equal(
      readPage(),
      renderPage(defined),
      'docs/ERRORS.md differs from the code: run `node scripts/errors-page.ts --write`',
    );
  });

  test('a code has an error status and a meaning', () => {
    for (const { code, room, status, meaning } of defined) {
      assert.match(code, /^[A-Z][A-Za-z0-9]+$/, `${code} of ${room}: write it in PascalCase`);
      assert.ok(status >= 400 && status < 600, `${code} of ${room}: ${status} is no error status`);
      assert.match(meaning, /^.+\.$/, `${code} of ${room}: its meaning is a sentence`);
    }
  });

  test('each code stands in a test that provokes it', () => {
    const folders = listRooms().flatMap((room) => [`${room}/test`, `${room}/interop`]);
    const tests = folders
      .flatMap((folder) => listFiles(folder, '.ts'))
      .map((path) => readFileSync(join(root, path), 'utf8'))
      .join('\n');
    const untested = defined.filter(({ code }) => !new RegExp(`\\b${code}\\b`).test(tests));
    const list = untested.map(({ code, room }) => `${room}: ${code}`).join('\n');
    assert.equal(untested.length, 0, `write tests that provoke these codes:\n${list}`);
  });
});
