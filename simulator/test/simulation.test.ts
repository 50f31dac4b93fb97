/** Short runs of fixed seeds; `npm run simulate` and the interop suite run long ones. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { present } from '@coco/base';
import { type SimulationReport, sentenceOf, simulate } from '../src/index.ts';
import { Totals } from '../src/totals.ts';

async function passed(seed: number, steps: number, nodeCount: number): Promise<SimulationReport> {
  const outcome = await simulate({ seed, steps, nodeCount });
  if (outcome.kind === 'passed') return outcome.report;
  const { error, transcript } = outcome.failure;
  const text = `seed ${seed}: ${sentenceOf(error)}\n${transcript.slice(-40).join('\n')}`;
  throw new assert.AssertionError({ message: text });
}

describe('a simulated cluster', () => {
  test('of three nodes keeps every rule and comes to rest', async () => {
    const totals = new Totals(3);
    let [acknowledged, transfers] = [0, 0];
    for (const seed of [4, 8]) {
      const report = await passed(seed, 1300, 3);
      totals.add(report);
      acknowledged += present(report.counts.acknowledged, 'counted');
      transfers += present(report.counts.transfers, 'counted');
    }
    assert.ok(acknowledged > 10 && transfers > 4, totals.text(undefined));
    assert.match(
      totals.text(new Map([['framework/kv', 3]])),
      /2 runs, 2600 steps, 3 nodes\n.*kv 3/,
    );
    assert.ok(totals.zeros(new Map()).includes('framework/kv'), 'an uncalled room is told');
  });

  test('of one node takes office again after each resignation', async () => {
    const { counts } = await passed(3, 900, 1);
    assert.ok(present(counts.views, 'counted') > 1, JSON.stringify(counts));
  });

  test('gives the same run for the same seed, to the byte, and another for another', async () => {
    const [one, same, other] = [
      await passed(5, 400, 3),
      await passed(5, 400, 3),
      await passed(6, 400, 3),
    ];
    assert.equal(one.digest, same.digest);
    assert.notEqual(one.digest, other.digest);
  });

  test('says what it was about when a rule breaks', async () => {
    const failure = new RangeError('the listener breaks');
    const onLine = (line: string): void => {
      if (/: commits /.test(line)) throw failure;
    };
    const outcome = await simulate({ seed: 1, steps: 500, nodeCount: 3, onLine });
    assert.ok(outcome.kind === 'failed');
    assert.equal(outcome.failure.error, failure);
    assert.match(outcome.failure.transcript.at(-1) ?? '', /the run: fails: RangeError/);
  });
});
