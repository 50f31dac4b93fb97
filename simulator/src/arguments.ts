/** The command line of `npm run simulate`. */
import { refuse } from '@coco/base';

export interface Arguments {
  /** The first seed; the next runs take the ones behind it. */
  readonly seed: number | undefined;
  readonly steps: number;
  readonly nodeCount: number;
  /** How many seeds; without it, as long as `seconds` says. */
  readonly runs: number | undefined;
  readonly seconds: number | undefined;
  /** Whether the whole transcript is shown. */
  readonly isVerbose: boolean;
  /** Whether calls into rooms are counted, which takes time. */
  readonly countsCalls: boolean;
}

const stepsDefault = 3000;
const nodesMax = 7;

export const usage: string = `npm run simulate -- [--seed S] [--steps N] [--nodes n] [--runs R | --seconds T] [--verbose]

  --seed S      the first seed (a fresh one without it); equal seeds give equal runs
  --steps N     events before everything heals (${stepsDefault})
  --nodes n     nodes of the cluster, 1 to ${nodesMax} (3)
  --runs R      seeds to run, one after another (1)
  --seconds T   runs seeds for so long
  --verbose     shows what happens while it happens
  --uncounted   does not count calls into rooms, which takes time`;

/** @throws InvalidInput */
export function parseArguments(words: readonly string[]): Arguments {
  const values = new Map<string, number>();
  const flags = new Set<string>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '--verbose' || word === '--uncounted') {
      flags.add(word);
      continue;
    }
    const value = Number(words[++at]);
    const isKnown = ['--seed', '--steps', '--nodes', '--runs', '--seconds'].includes(word);
    if (!isKnown || !Number.isSafeInteger(value) || value < 1) {
      throw refuse('InvalidInput', `"${word}" is no option with a whole number.`);
    }
    values.set(word, value);
  }
  const nodeCount = values.get('--nodes') ?? 3;
  if (nodeCount > nodesMax) throw refuse('InvalidInput', `A cluster has 1 to ${nodesMax} nodes.`);
  return {
    seed: values.get('--seed'),
    steps: values.get('--steps') ?? stepsDefault,
    nodeCount,
    runs: values.get('--runs'),
    seconds: values.get('--seconds'),
    isVerbose: flags.has('--verbose'),
    countsCalls: !flags.has('--uncounted'),
  };
}
