import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno, asView, utf8Encode } from '@coco/base';
import { Store } from '@coco/kv';
import { PipelineHarness, testMap } from './pipeline-harness.ts';

describe('the batch pipeline', () => {
  test('refuses writes until the replica leads', () => {
    const harness = new PipelineHarness();
    assert.throws(() => harness.write('a', '1'), { code: 'NodeCannotHandleRequest' });
  });

  test('gathers writes into one batch, ended by a signature', async () => {
    const harness = new PipelineHarness();
    harness.pipeline.startExecuting();
    for (const name of ['a', 'b', 'c']) harness.write(name, '1');
    assert.equal(harness.proposed.length, 0);
    await harness.settle();
    assert.equal(harness.proposed.length, 1);
    const [first] = harness.proposed;
    assert.equal(first?.kind, 'genesis');
    assert.equal(first?.batch.entryCount, 4);
    assert.deepEqual(first?.batch.signatureId, { view: 2, seqno: 4 });
  });

  test('keeps two batches in flight and gathers the rest behind them', async () => {
    const harness = new PipelineHarness();
    harness.pipeline.startExecuting();
    for (const name of ['a', 'b', 'c', 'd']) {
      harness.write(name, '1');
      await harness.settle();
    }
    assert.equal(harness.proposed.length, 2);
    harness.commit(1);
    await harness.settle();
    assert.equal(harness.proposed.length, 2);
    assert.equal(harness.proposed.at(-1)?.batch.entryCount, 3, 'c and d share a batch');
  });

  test('tells a commit after its batch is durable, and not before', async () => {
    const harness = new PipelineHarness();
    harness.pipeline.startExecuting();
    const seqno = harness.write('a', '1');
    await harness.settle();
    const id = { view: asView(2), seqno };
    assert.equal(harness.tracker.status(id), 'Pending');
    assert.equal(harness.pipeline.committedSeqno, 0);
    harness.commit(1);
    assert.equal(harness.tracker.status(id), 'Committed');
    assert.equal(harness.pipeline.committedSeqno, 2);
    assert.equal(harness.pipeline.uncommittedCount, 0);
  });

  test('shows observers each batch once, in order, with its state', async () => {
    const harness = new PipelineHarness();
    const seen: string[] = [];
    harness.pipeline.addObserver({
      onCommitted: ({ firstSeqno, lastSeqno, state }) => {
        const row = state.map(testMap).get(utf8Encode('a'));
        seen.push(`${firstSeqno}-${lastSeqno}:${row?.[0]}`);
      },
      rolledBack: () => {},
    });
    harness.pipeline.startExecuting();
    harness.write('a', '1');
    await harness.settle();
    harness.write('a', '2');
    await harness.settle();
    harness.commit(2);
    assert.deepEqual(seen, ['1-2:49', '3-4:50']);
  });

  test('a write that throws, or is discarded, leaves nothing', async () => {
    const harness = new PipelineHarness();
    harness.pipeline.startExecuting();
    assert.throws(
      () =>
        harness.pipeline.execute((transaction) => {
          transaction.map(testMap).set(utf8Encode('a'), utf8Encode('1'));
          throw new RangeError('the contract fails');
        }),
      RangeError,
    );
    const { id } = harness.pipeline.execute((transaction) => {
      transaction.map(testMap).set(utf8Encode('a'), utf8Encode('1'));
      return { result: undefined, isDiscarded: true };
    });
    assert.equal(id, undefined);
    assert.equal(harness.read('a'), undefined);
    await harness.settle();
    assert.equal(harness.proposed.length, 0);
    assert.equal(harness.write('b', '1'), 1);
  });

  test('a sealer writes the last entry of a batch, and its maps bind it', async () => {
    const harness = new PipelineHarness();
    let hasWork = true;
    harness.pipeline.addSealer({
      name: 'blocks',
      maps: new Set(['test.blocks']),
      seal: (transaction, { firstSeqno, sealSeqno }) => {
        assert.throws(() => transaction.map(testMap), { code: 'ForeignMap' });
        if (hasWork) {
          transaction
            .map('test.blocks')
            .set(utf8Encode(`${sealSeqno}`), utf8Encode(`${firstSeqno}`));
        }
        return { result: undefined };
      },
    });
    harness.pipeline.startExecuting();
    harness.write('a', '1');
    await harness.settle();
    assert.equal(harness.proposed[0]?.batch.entryCount, 3);
    harness.pipeline.requestBatch();
    await harness.settle();
    assert.equal(harness.proposed[1]?.batch.entryCount, 2, 'a block alone, on request');
    harness.commit(2);
    hasWork = false;
    harness.pipeline.requestBatch();
    await harness.settle();
    assert.equal(harness.proposed.length, 0, 'nothing to say is no batch');
  });

  test('bounds what waits for commit', async () => {
    const harness = new PipelineHarness({ uncommittedMax: 3 });
    harness.pipeline.startExecuting();
    for (const name of ['a', 'b', 'c']) harness.write(name, '1');
    assert.throws(() => harness.write('d', '1'), { code: 'TooManyPendingTransactions' });
    await harness.settle();
    harness.commit(1);
    assert.equal(harness.write('d', '1'), 5);
  });

  for (const depth of [0, 1, 2]) {
    test(`loses what is above commit with its office, ${depth} batches in flight`, async () => {
      const harness = new PipelineHarness();
      const rolledBack: number[] = [];
      harness.pipeline.addObserver({
        onCommitted: () => {},
        rolledBack: (to) => rolledBack.push(to),
      });
      harness.pipeline.startExecuting();
      harness.write('kept', '1');
      await harness.settle();
      harness.commit(1);
      const lost = [];
      for (let batch = 0; batch < depth; batch++) {
        lost.push(harness.write(`lost${batch}`, '1'));
        await harness.settle();
      }
      lost.push(harness.write('open', '1'));
      harness.pipeline.loseOffice(asView(3));
      assert.equal(harness.pipeline.committedSeqno, 2);
      assert.equal(harness.pipeline.uncommittedCount, 0);
      assert.deepEqual(rolledBack, [2]);
      assert.equal(harness.read('kept'), '1');
      assert.equal(harness.read('open'), undefined);
      assert.throws(() => harness.write('later', '1'), { code: 'NodeCannotHandleRequest' });
      for (const seqno of lost) {
        assert.notEqual(harness.tracker.status({ view: asView(2), seqno }), 'Committed');
      }
    });
  }

  for (const depth of [0, 1, 2]) {
    test(`a rekey is lost with its office, ${depth} batches in flight, and made again`, async () => {
      const harness = new PipelineHarness();
      const { pipeline, secrets } = harness;
      pipeline.startExecuting();
      harness.write('before', '1');
      const kept = harness.rekey();
      harness.write('behind', '1');
      await harness.settle();
      harness.commit(1);
      for (let batch = 0; batch < depth; batch++) {
        harness.rekey();
        harness.write('behind', '2');
        await harness.settle();
      }
      harness.rekey();
      const starts = () => secrets.chain.map(({ fromSeqno }) => fromSeqno);
      assert.equal(starts().length, 3 + depth);
      pipeline.loseOffice(asView(3));
      assert.deepEqual(starts(), [1, kept], 'what is committed stands, and nothing else');
    });
  }

  test('a rekey that conflicts, throws or is discarded brings no secret', async () => {
    const harness = new PipelineHarness();
    harness.pipeline.startExecuting();
    const tracked = harness.pipeline.beginTracked();
    const rows = tracked.transaction.map(testMap);
    rows.get(utf8Encode('a'));
    rows.set(utf8Encode('b'), utf8Encode('1'));
    harness.write('a', '1');
    const whenAppended = () => assert.fail('nothing is appended');
    const written = { result: undefined, whenAppended };
    assert.equal(harness.pipeline.executeTracked(tracked, written), 'conflict');
    harness.pipeline.execute((transaction) => {
      transaction.map(testMap).set(utf8Encode('c'), utf8Encode('1'));
      return { ...written, isDiscarded: true };
    });
    assert.equal(harness.secrets.chain.length, 1);
  });

  test('a signature that comes back after the office is lost is dropped', async () => {
    const harness = new PipelineHarness();
    harness.pipeline.startExecuting();
    harness.write('first', '1');
    await harness.settle();
    harness.commit(1);
    harness.write('lost', '1');
    const settled = harness.settle();
    harness.pipeline.loseOffice(asView(3));
    await settled;
    assert.equal(harness.proposed.length, 0);
  });

  test('an unfinished recovery tells no commit; an ended one tells all', async () => {
    const harness = new PipelineHarness({ isRecovery: true });
    harness.pipeline.startExecuting();
    const id = { view: asView(2), seqno: harness.write('a', '1') };
    await harness.settle();
    harness.commit(1);
    assert.equal(harness.tracker.status(id), 'Pending');
    await harness.pipeline.whenIdle();
    harness.pipeline.replaceStore(new Store());
    assert.equal(harness.read('a'), '1', 'what ran since is in the new state');
    harness.pipeline.endRecovery();
    assert.equal(harness.tracker.status(id), 'Committed');
    assert.equal(harness.pipeline.committedSeqno, asSeqno(2));
  });

  test('what a recovery loses with its office is not in the state that it takes', async () => {
    const harness = new PipelineHarness({ isRecovery: true });
    harness.pipeline.startExecuting();
    harness.write('kept', '1');
    await harness.settle();
    harness.commit(1);
    harness.write('lost', '1');
    const idle = harness.pipeline.whenIdle();
    harness.pipeline.loseOffice(asView(3));
    await idle;
    harness.pipeline.replaceStore(new Store());
    assert.equal(harness.read('kept'), '1');
    assert.equal(harness.read('lost'), undefined);
  });
});
