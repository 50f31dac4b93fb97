/** The rule of recovery against Raft: from enough files nothing committed is missing, ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '@coco/base';
import { RaftModel } from './raft-model.ts';

const seeds = 2500;
const stepsMax = 220;

test('files that are enough hold all that committed, whatever the nodes did before', () => {
  let [enough, short, tooFew] = [0, 0, 0];
  for (let seed = 1; seed <= seeds; seed++) {
    const random = new SeededRandom(seed);
    const model = new RaftModel(random);
    const steps = 20 + random.below(stepsMax);
    for (let at = 0; at < steps; at++) model.step();
    const withFiles = model.idsWithFiles;
    const given = withFiles.filter(() => random.below(5) > 1);
    if (given.length === 0) continue;
    const judgement = model.judge(given, { mayBeginLate: true });
    const lacking = model.lacking(judgement.best);
    if (judgement.isEnough) {
      enough++;
      assert.equal(lacking, 0, `seed ${seed}: files of ${given} lack ${lacking} committed batches`);
    } else tooFew++;
    if (lacking > 0) short++;
    const all = model.judge(withFiles, { mayBeginLate: true });
    assert.equal(model.lacking(all.best), 0);
    // Everybody's files are enough, but for nodes that were trusted and never got any.
    const isWhole = all.nodes.every(({ nodeId }) => withFiles.includes(Number(nodeId)));
    assert.equal(isWhole && !all.isEnough, false, `seed ${seed}: all files are too few`);
  }
  // The model provokes what the rule is about: losses, and sets that are enough without being all.
  assert.ok(enough > 500 && tooFew > 500 && short > 50, `${enough}, ${tooFew}, ${short}`);
});
