/**
 * `npm run bench [-- word...]`: runs every bench/*.bench.ts of the rooms in turn, each in its own
 * process with nothing beside it; words choose those whose path holds one of them. Figures compare
 * on one machine only, so the machine stands above them.
 */
import { cpus, release, totalmem } from 'node:os';
import { listFiles, listRooms } from './rooms.ts';
import { runQuietly, runShown } from './run.ts';

function main(): number {
  const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));
  const options = process.argv.slice(2).filter((word) => word.startsWith('-'));
  const all = [...listRooms(), 'test'].flatMap((room) => listFiles(`${room}/bench`, '.bench.ts'));
  const chosen = all.filter((f) => words.length === 0 || words.some((word) => f.includes(word)));
  if (chosen.length === 0) {
    console.error(`No bench matches ${words.join(', ')}. There are: ${all.join(', ')}.`);
    return 1;
  }
  printMachine();
  let failed = 0;
  for (const file of chosen) {
    console.log(`\n== ${file}`);
    const status = runShown(process.execPath, ['--expose-gc', file, ...options]);
    if (status !== 0) failed++;
    if (status !== 0)
      console.error(`${file} ended with ${status}: it failed or missed its budget.`);
  }
  console.log(`\n${chosen.length} benches, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function printMachine(): void {
  const processors = cpus();
  const memoryGiB = (totalmem() / 2 ** 30).toFixed(0);
  const commit = runQuietly('git', ['describe', '--always', '--dirty']).output.trim();
  console.log(`machine  ${processors[0]?.model ?? process.arch}, ${processors.length} cores`);
  console.log(`memory   ${memoryGiB} GiB, ${process.platform} ${release()}`);
  console.log(`node     ${process.version}, V8 ${process.versions.v8}`);
  console.log(`openssl  ${process.versions.openssl}`);
  console.log(`commit   ${commit}`);
}

process.exitCode = main();
