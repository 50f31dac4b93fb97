import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asView, ManualClock } from '@coco/base';
import { BatchTiming, type OpenBatchState } from '../src/batch-timing.ts';
import { PipelineHarness } from './pipeline-harness.ts';

const gatherMs = 16;

/** A timing and what it asks for. */
function setUp(gather = gatherMs) {
  const clock = new ManualClock(0);
  const timing = new BatchTiming(clock, gather);
  let calls = 0;
  const isDue = (openCount: number, state: Partial<OpenBatchState> = {}): boolean => {
    const whole = { inFlightCount: 0, isAwaited: false, isUrgent: false, openCount, ...state };
    return timing.isDue(whole, () => calls++);
  };
  return { clock, timing, isDue, calls: () => calls };
}

describe('when a batch closes', () => {
  test('the writes of one client after another never wait', () => {
    const { timing, isDue } = setUp();
    for (let write = 0; write < 5; write++) {
      assert.ok(isDue(1));
      timing.committed(timing.closed(1, false));
    }
  });

  test('a stream that nobody waits for gathers until a span after the last batch', () => {
    const { clock, timing, isDue, calls } = setUp();
    timing.closed(20, false);
    clock.advance(6);
    assert.ok(!isDue(3));
    assert.ok(!isDue(9), 'one timer for all');
    clock.advance(9);
    assert.equal(calls(), 0);
    clock.advance(1);
    assert.equal(calls(), 1);
    assert.ok(isDue(9));
  });

  test('after a pause a stream begins at once', () => {
    const { clock, timing, isDue } = setUp();
    timing.closed(20, false);
    clock.advance(gatherMs);
    assert.ok(isDue(1));
  });

  test('a batch that is large enough, or asked for, does not wait', () => {
    const { timing, isDue } = setUp();
    timing.closed(20, false);
    assert.ok(!isDue(511));
    assert.ok(isDue(512));
    assert.ok(isDue(1, { isUrgent: true }));
  });

  test('clients that were answered are expected back for a moment', () => {
    const { clock, timing, isDue, calls } = setUp();
    timing.committed(timing.closed(16, true));
    assert.ok(!isDue(3, { isAwaited: true }));
    assert.ok(isDue(16, { isAwaited: true }));
    clock.advance(3);
    assert.equal(calls(), 1);
    assert.ok(isDue(3, { isAwaited: true }));
  });

  test('while answered clients come back, one after the other, the rest is waited for', () => {
    const { clock, timing, isDue } = setUp();
    timing.committed(timing.closed(16, true));
    for (let count = 1; count <= 14; count++) {
      clock.advance(1);
      assert.ok(!isDue(count, { isAwaited: true }), `${count} are back`);
    }
    clock.advance(1);
    assert.ok(isDue(15, { isAwaited: true }), 'but not longer than a bound');
    timing.committed(timing.closed(16, true));
    clock.advance(4);
    assert.ok(!isDue(8, { isAwaited: true }));
    clock.advance(2);
    assert.ok(isDue(8, { isAwaited: true }), 'nobody came since');
  });

  test('a client that waits shortens the wait of those who do not', () => {
    const { clock, timing, isDue, calls } = setUp();
    timing.closed(20, false);
    assert.ok(!isDue(5));
    timing.committed({ atMs: 0, entryCount: 20, isAwaited: true });
    assert.ok(!isDue(6, { isAwaited: true }));
    clock.advance(3);
    assert.equal(calls(), 1);
  });

  test('what is awaited goes batch by batch, and side by side once it is many', () => {
    const { clock, isDue, calls } = setUp();
    assert.ok(!isDue(63, { isAwaited: true, inFlightCount: 1 }));
    clock.advance(1000);
    assert.equal(calls(), 0, 'a commit ends this wait');
    assert.ok(isDue(64, { isAwaited: true, inFlightCount: 1 }));
  });

  test('without a span to gather nothing ever waits', () => {
    const { timing, isDue } = setUp(0);
    timing.committed(timing.closed(100, true));
    assert.ok(isDue(1, { isAwaited: true, inFlightCount: 1 }));
  });

  test('a batch that is closed or lost is waited for no more', () => {
    const { clock, timing, isDue, calls } = setUp();
    timing.closed(20, false);
    assert.ok(!isDue(1));
    timing.endWait();
    clock.advance(100);
    timing.closed(20, false);
    assert.ok(!isDue(1));
    timing.closed(20, false);
    clock.advance(100);
    assert.equal(calls(), 0);
  });
});

describe('a pipeline that gathers', () => {
  /** In office, with a batch of ten in flight and three writes behind it. */
  async function withStream() {
    const harness = new PipelineHarness({ gatherMs });
    harness.pipeline.startExecuting();
    for (let at = 0; at < 10; at++) harness.write(`a${at}`, '1');
    await harness.settle();
    assert.equal(harness.proposed.length, 1);
    for (let at = 0; at < 3; at++) harness.write(`b${at}`, '1');
    await harness.settle();
    assert.equal(harness.proposed.length, 1, 'the second batch gathers');
    return harness;
  }

  test('closes when the span is over', async () => {
    const harness = await withStream();
    harness.clock.advance(gatherMs);
    await harness.settle();
    assert.equal(harness.proposed.length, 2);
    assert.equal(harness.proposed[1]?.batch.entryCount, 4);
  });

  test('closes at once for who waits until all is committed', async () => {
    const harness = await withStream();
    const idle = harness.pipeline.whenIdle();
    await harness.settle();
    assert.equal(harness.proposed.length, 2);
    harness.commit(2);
    await idle;
  });

  test('closes at once before office is handed over', async () => {
    const harness = await withStream();
    harness.pipeline.drain();
    await harness.settle();
    assert.equal(harness.proposed.length, 2);
  });

  test('closes nothing in a view that was lost', async () => {
    const harness = await withStream();
    harness.pipeline.loseOffice(asView(3));
    harness.clock.advance(1000);
    await harness.settle();
    assert.equal(harness.proposed.length, 1);
  });

  test('closes as soon as the one before is committed for who waits for a commit', async () => {
    const harness = await withStream();
    const seqno = harness.write('c', '1');
    void harness.pipeline.whenDecided({ view: asView(2), seqno });
    await harness.settle();
    assert.equal(harness.proposed.length, 1);
    harness.commit(1);
    await harness.settle();
    assert.equal(harness.proposed.length, 1, 'the batch behind it');
  });
});
