/**
 * `npm run simulate`: runs seeds and says what happened. A failure prints the seed, the commit and
 * the end of the transcript, and the same command line runs it again; the exit code is then 1.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { LedgerError } from '@coco/base';
import { type Arguments, parseArguments, usage } from './arguments.ts';
import { RoomCalls } from './room-calls.ts';
import { type SimulationOutcome, sentenceOf, simulate } from './simulation.ts';
import { Totals } from './totals.ts';

const seedMax = 2 ** 31;

async function main(): Promise<number> {
  const options = parseArguments(process.argv.slice(2));
  const calls = new RoomCalls();
  if (options.countsCalls) await calls.start();
  const totals = new Totals(options.nodeCount);
  const firstSeed = options.seed ?? randomInt(1, seedMax);
  const endMs = performance.now() + (options.seconds ?? 0) * 1000;
  const runsMax = options.runs ?? (options.seconds === undefined ? 1 : Number.POSITIVE_INFINITY);
  for (let run = 0; run < runsMax; run++) {
    if (options.seconds !== undefined && performance.now() >= endMs) break;
    const seed = firstSeed + run;
    const outcome = await simulate({ ...options, seed, ...listener(options) });
    if (outcome.kind === 'failed') return reportFailure(outcome, { ...options, seed });
    totals.add(outcome.report);
    const { simulatedMs, digest, counts } = outcome.report;
    const what = `${(simulatedMs / 1000).toFixed(1)} s, ${counts.batches} batches`;
    console.log(`seed ${seed}: ${what}, ${counts.views} views, digest ${digest.slice(0, 16)}`);
  }
  const taken = options.countsCalls ? await calls.take() : undefined;
  console.log(totals.text(taken));
  const zeros = totals.zeros(taken);
  if (zeros.length === 0) return 0;
  console.error(`These never happened, so nothing is shown about them: ${zeros.join(', ')}.`);
  return 1;
}

function listener({ isVerbose }: Arguments): { onLine?: (line: string) => void } {
  return isVerbose ? { onLine: (line) => console.log(line) } : {};
}

function reportFailure(
  { failure }: Extract<SimulationOutcome, { kind: 'failed' }>,
  { seed, steps, nodeCount }: Pick<Arguments, 'steps' | 'nodeCount'> & { readonly seed: number },
): number {
  const { error, transcript } = failure;
  console.error(transcript.join('\n'));
  console.error(`\nThe rule that broke: ${sentenceOf(error)}`);
  if (error instanceof Error && !(error instanceof LedgerError)) console.error(error.stack);
  const { stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  console.error(`\nseed ${seed}, commit ${stdout?.trim() || 'unknown'}; again:`);
  console.error(`npm run simulate -- --seed ${seed} --steps ${steps} --nodes ${nodeCount}`);
  return 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof LedgerError)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 1;
}
