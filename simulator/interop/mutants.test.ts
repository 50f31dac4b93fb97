/** Every mutant must be caught, in every size of network in which it does harm. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mutants, nodeCountsOf } from '../src/mutants.ts';
import { runMutant } from '../src/run-mutant.ts';

/** Most fall at the first seed; a mistake that shows seldom may need several. */
const effort = { runs: 80, steps: 3000 };

describe('mutants', () => {
  for (const mutant of mutants) {
    for (const nodeCount of nodeCountsOf(mutant)) {
      test(`"${mutant.name}" is caught on ${nodeCount} nodes`, async (context) => {
        const { caughtBy, output } = await runMutant(mutant, { ...effort, nodeCount });
        assert.ok(caughtBy !== undefined, `it survives: ${output.slice(-2000)}`);
        context.diagnostic(caughtBy.slice(0, 200));
      });
    }
  }

  test('a patch that no longer fits its file is told, and is not a catch', async () => {
    const patch = { file: 'framework/kv/src/store.ts', find: 'no such text', replace: '' };
    const mutant = { name: 'no such mutant', patches: [patch] };
    const { caughtBy, output } = await runMutant(mutant, { runs: 1, steps: 100, nodeCount: 1 });
    assert.equal(caughtBy, undefined);
    assert.match(output, /There is no mutant/);
  });
});
