import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asView, utf8Encode } from '@coco/base';
import { endpointError } from '@coco/endpoint';
import { runOptimistic } from '../src/run-optimistic.ts';
import { PipelineHarness, testMap } from './pipeline-harness.ts';

const counter = utf8Encode('counter');

async function begun(): Promise<PipelineHarness> {
  const harness = new PipelineHarness();
  harness.pipeline.startExecuting();
  harness.write('counter', '0');
  await harness.settle();
  harness.commit(1);
  return harness;
}

suite('a handler that waits', () => {
  test('runs again when another write changed what it read, and loses no update', async () => {
    const harness = await begun();
    let runs = 0;
    const add = runOptimistic(harness.pipeline, async (transaction) => {
      const map = transaction.map(testMap);
      const before = Number(new TextDecoder().decode(map.get(counter)));
      if (runs++ === 0) harness.write('counter', '41');
      await Promise.resolve();
      map.set(counter, utf8Encode(String(before + 1)));
      return { result: before };
    });
    assert.equal((await add).result, 41);
    assert.equal(runs, 2);
    assert.equal(harness.read('counter'), '42');
  });

  test('is not disturbed by writes elsewhere, even when its batch commits meanwhile', async () => {
    const harness = await begun();
    let runs = 0;
    const { id } = await runOptimistic(harness.pipeline, async (transaction) => {
      runs++;
      const map = transaction.map(testMap);
      harness.write('other', String(runs));
      await harness.settle();
      harness.commit(harness.proposed.length);
      map.set(utf8Encode('copy'), map.get(counter) ?? utf8Encode('none'));
      return { result: undefined };
    });
    assert.equal(runs, 1);
    assert.ok(id);
    assert.equal(harness.read('copy'), '0');
  });

  test('refuses by what is true now, not by what was true when it began', async () => {
    const harness = await begun();
    let runs = 0;
    const { result } = await runOptimistic(harness.pipeline, async (transaction) => {
      const isThere = transaction.map(testMap).has(utf8Encode('late'));
      if (runs++ === 0) harness.write('late', '1');
      await Promise.resolve();
      if (!isThere) throw endpointError('ResourceNotFound', 'not there');
      return { result: 'found' };
    });
    assert.equal(result, 'found');
  });

  test('gives up with a code when others are always faster', async () => {
    const harness = await begun();
    let runs = 0;
    const attempt = runOptimistic(harness.pipeline, async (transaction) => {
      transaction.map(testMap).get(counter);
      harness.write('counter', String(++runs));
      return { result: undefined };
    });
    await assert.rejects(attempt, { code: 'TransactionCommitAttemptsExceedLimit' });
    assert.equal(runs, 30);
  });

  test('writes nothing when the office was lost while it waited', async () => {
    const harness = await begun();
    const before = harness.store.seqno;
    const attempt = runOptimistic(harness.pipeline, async (transaction) => {
      transaction.map(testMap).set(counter, utf8Encode('9'));
      harness.pipeline.loseOffice(asView(4));
      return { result: undefined };
    });
    await assert.rejects(attempt, { code: 'NodeCannotHandleRequest' });
    assert.equal(harness.store.seqno, before);
  });

  test('hears of its entry when it is appended, and not when it conflicts', async () => {
    const harness = await begun();
    const heard: number[] = [];
    let runs = 0;
    const { id } = await runOptimistic(harness.pipeline, async (transaction) => {
      const map = transaction.map(testMap);
      map.get(counter);
      if (runs++ === 0) harness.write('counter', 'x');
      map.set(counter, utf8Encode('y'));
      return { result: undefined, whenAppended: ({ seqno }) => heard.push(seqno) };
    });
    assert.deepEqual(heard, [id?.seqno]);
  });
});
