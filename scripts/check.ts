/**
 * `npm run check [-- step...]`: types, format and lint, import boundaries, dead code, and the
 * repository's own tests (tidy, docs). Every step runs, also after a failure; a failed step shows
 * its tool's report and what to do about it.
 */
import { join } from 'node:path';
import { checkBoundaries } from './boundaries.ts';
import { root } from './rooms.ts';
import { type Outcome, runQuietly } from './run.ts';

interface Step {
  readonly name: string;
  readonly remedy: string;
  readonly run: () => Outcome;
}

const houseTests = ['tidy', 'docs', 'errors'].map((name) => `test/${name}.test.ts`);

const tool = (path: string, ...args: string[]): Outcome =>
  runQuietly(process.execPath, [join(root, 'node_modules', path), ...args]);

const steps: readonly Step[] = [
  {
    name: 'types',
    remedy: 'Put the types right; `node node_modules/typescript/bin/tsc -p .` shows this again.',
    run: () => tool('typescript/bin/tsc', '-p', '.', '--pretty', 'false'),
  },
  {
    name: 'format and lint',
    remedy: 'Run `npx biome check --write <files>`, then put right by hand what it leaves.',
    run: () => tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'),
  },
  {
    name: 'boundaries',
    remedy: 'Import another room by its door, from the rooms above yours (ARCHITECTURE.md).',
    run: checkBoundaries,
  },
  {
    name: 'dead code',
    remedy:
      'Delete what nothing uses, or export it from the room’s door if it is meant for others.',
    run: () => tool('knip/bin/knip.js', '--no-progress', '--no-config-hints'),
  },
  {
    name: 'tidy and docs',
    remedy: 'Each finding says what to do; `npm test -- repository` shows them again.',
    run: () => runQuietly(process.execPath, ['--test', '--test-reporter=dot', ...houseTests]),
  },
];

function main(): number {
  const words = process.argv.slice(2);
  const chosen = steps.filter((s) => words.length === 0 || words.some((w) => s.name.includes(w)));
  if (chosen.length === 0) {
    console.error(`No such step. Choose from: ${steps.map((step) => step.name).join(', ')}.`);
    return 1;
  }
  const failed: string[] = [];
  for (const step of chosen) {
    const begin = performance.now();
    const { status, output } = step.run();
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${step.name} (${seconds} s)`);
    if (status === 0) continue;
    failed.push(step.name);
    console.log(`${output.trim()}\n\nWhat to do: ${step.remedy}\n`);
  }
  if (failed.length === 0) return 0;
  console.error(`check failed: ${failed.join(', ')}`);
  return 1;
}

process.exitCode = main();
