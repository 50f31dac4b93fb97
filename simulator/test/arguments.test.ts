import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from '../src/arguments.ts';

test('the command line names seed, steps and nodes, and has defaults', () => {
  const { seed, steps, nodeCount, runs } = parseArguments(['--seed', '7', '--steps', '100']);
  assert.deepEqual(
    { seed, steps, nodeCount, runs },
    { seed: 7, steps: 100, nodeCount: 3, runs: undefined },
  );
  assert.equal(parseArguments(['--nodes', '5', '--verbose']).isVerbose, true);
});

test('what is no option, no whole number or too many nodes is refused', () => {
  for (const words of [
    ['--seed'],
    ['--seed', 'x'],
    ['--steps', '0'],
    ['--nodes', '8'],
    ['--x', '1'],
  ]) {
    assert.throws(() => parseArguments(words), { code: 'InvalidInput' });
  }
});
