/** The boundary checker fails on planted violations and on having looked at nothing. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { cruise } from '../scripts/boundaries.ts';
import type { Outcome } from '../scripts/run.ts';

/** Each planted file breaks the rule beside it. */
const planted: readonly (readonly [string, string, string])[] = [
  ['framework/base/src/down.ts', `import '../../kv/src/index.ts';`, 'imports-point-up'],
  ['framework/node/src/inside.ts', `import '../../kv/src/store.ts';`, 'by-the-door'],
  ['framework/kv/src/file.ts', `import 'node:fs';`, 'core-does-no-io'],
  ['framework/kv/src/wait.ts', `import 'node:timers/promises';`, 'core-does-no-io'],
  ['framework/kv/src/net.ts', `import type { Socket } from 'node:net';`, 'core-does-no-io'],
  ['framework/kv/src/hash.ts', `import 'node:crypto';`, 'cryptography-in-one-room'],
  ['framework/base/src/text.ts', `import 'node:util';`, 'runs-in-browsers'],
  ['framework/kv/src/one.ts', `import './two.ts';`, 'no-cycles'],
  ['framework/kv/src/two.ts', `import './one.ts';`, 'no-cycles'],
  ['framework/kv/src/tested.ts', `import '../test/index.ts';`, 'source-without-tests'],
  ['framework/kv/src/lost.ts', `import './nowhere.ts';`, 'resolvable'],
  [
    'clients/sdk/src/kv.ts',
    `import '../../../framework/kv/src/index.ts';`,
    'clients-know-no-server',
  ],
  ['adapters/corda/src/x.ts', `import '../../quorum/src/index.ts';`, 'adapters-are-separate'],
  [
    'framework/node/src/x.ts',
    `import '../../../adapters/quorum/src/index.ts';`,
    'imports-point-up',
  ],
];
const innocent = [
  'framework/kv/src/index.ts',
  'framework/kv/src/store.ts',
  'framework/kv/test/index.ts',
  'adapters/quorum/src/index.ts',
];

suite('import boundaries', () => {
  let folder = '';
  let outcome: Outcome = { status: 0, output: '' };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'coco-boundaries-'));
    for (const file of innocent) plant(file, 'export {};');
    for (const [file, text] of planted) plant(file, `${text}\nexport {};`);
    const files = [...planted.map(([file]) => file), ...innocent];
    outcome = cruise(folder, ['framework', 'adapters', 'clients'], files);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function plant(file: string, text: string): void {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }

  for (const [file, text, rule] of planted) {
    test(`${rule} finds ${text} in ${file}`, () => {
      assert.equal(outcome.status, 1);
      const lines = outcome.output.split('\n');
      assert.ok(
        lines.some((line) => line.startsWith(rule) && line.includes(file)),
        outcome.output,
      );
    });
  }

  test('files that break no rule are not reported', () => {
    const lines = outcome.output.split('\n').map((line) => line.split(' -> ')[0] ?? '');
    for (const file of innocent) assert.ok(!lines.some((line) => line.endsWith(file)), file);
  });

  test('an expected file that was not read is a finding', () => {
    const { status, output } = cruise(folder, ['adapters'], ['framework/kv/src/store.ts']);
    assert.equal(status, 1);
    assert.match(output, /framework\/kv\/src\/store\.ts was not read/);
  });
});
