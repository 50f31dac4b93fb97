/** Runs a mutant in a process of its own, seed after seed, until a run fails: then it is caught. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.ts';

const hooks = new URL('./mutant-hooks.ts', import.meta.url).href;
const main = fileURLToPath(new URL('./main.ts', import.meta.url));
/** As main.ts words it. */
const rule = /^The rule that broke: (.*)$/m;
const outputMax = 1 << 20;

export interface MutantOutcome {
  /** The rule that the mutant broke; undefined when it survived. */
  readonly caughtBy: string | undefined;
  /** What the process said, for who wonders why. */
  readonly output: string;
}

export async function runMutant(
  mutant: Mutant,
  options: { readonly nodeCount: number; readonly runs: number; readonly steps: number },
): Promise<MutantOutcome> {
  const { nodeCount, runs, steps } = options;
  const numbers = { '--seed': 1, '--runs': runs, '--steps': steps, '--nodes': nodeCount };
  const words = Object.entries(numbers).flatMap(([word, value]) => [word, String(value)]);
  const child = spawn(process.execPath, ['--import', hooks, main, '--uncounted', ...words], {
    env: { ...process.env, COCO_MUTANT: mutant.name },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: unknown): void => {
    output = (output + String(chunk)).slice(-outputMax);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
  return { caughtBy: rule.exec(output)?.[1], output };
}
