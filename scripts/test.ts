/**
 * `npm test [-- room...]`: node's test runner over every room's test/index.ts (one process per
 * room) and the repository's own. Words choose rooms (`npm test -- framework/kv`, `kv`,
 * `repository`); options beginning with a dash go to node's runner as they are.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { chooseRooms, listRooms, root } from './rooms.ts';
import { runShown } from './run.ts';

/** A test that hangs ends the run with its name instead of hanging it. */
const testMsMax = 170_000;

function main(): number {
  const words = process.argv.slice(2);
  const options = words.filter((word) => word.startsWith('-'));
  const names = words.filter((word) => !word.startsWith('-') && word !== 'repository');
  const wantsOwn = words.includes('repository');
  const rooms = names.length === 0 && wantsOwn ? [] : chooseRooms(names);
  if (rooms === undefined) {
    const known = ['repository', ...listRooms()].join(', ');
    console.error(`${names.join(', ')}: no such room. Choose from ${known}.`);
    return 1;
  }
  const files = rooms.map((room) => `${room}/test/index.ts`);
  if (names.length === 0 || wantsOwn) files.push('test/index.ts');
  const present = files.filter((file) => existsSync(join(root, file)));
  if (present.length === 0) {
    console.error(`No tests found: create ${files[0] ?? 'test/index.ts'}.`);
    return 1;
  }
  const concurrency = Math.max(2, availableParallelism());
  return runShown(process.execPath, [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${testMsMax}`,
    ...options,
    ...present,
  ]);
}

process.exitCode = main();
