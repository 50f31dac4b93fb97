import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { diskFault, ManualClock } from '@coco/base';
import { PrimaryJob } from '../src/primary-job.ts';

const intervalMs = 1000;

interface Trace {
  readonly clock: ManualClock;
  readonly events: string[];
  runs: number;
  isOnDuty: boolean;
  readonly job: PrimaryJob;
}

function start(run: (trace: Trace) => Promise<void> = async () => {}): Trace {
  const clock = new ManualClock(0);
  const events: string[] = [];
  const trace = { clock, events, runs: 0, isOnDuty: true } as Omit<Trace, 'job'> & {
    job?: PrimaryJob;
  };
  trace.job = new PrimaryJob({
    name: 'test',
    clock,
    log: { write: (level, event, fields) => events.push(`${level} ${event} ${fields?.code}`) },
    intervalMs,
    isOnDuty: () => trace.isOnDuty,
    run: () => {
      trace.runs++;
      return run(trace as Trace);
    },
  });
  return trace as Trace;
}

suite('a job of the primary', () => {
  test('runs at once and at its times, and when it is woken', async () => {
    const trace = start();
    await trace.job.whenIdle();
    assert.equal(trace.runs, 1);
    trace.clock.advance(intervalMs - 1);
    await trace.job.whenIdle();
    assert.equal(trace.runs, 1);
    trace.clock.advance(1);
    await trace.job.whenIdle();
    trace.job.wake();
    await trace.job.whenIdle();
    assert.equal(trace.runs, 3);
  });

  test('rests while the node is not on duty', async () => {
    const trace = start();
    trace.isOnDuty = false;
    trace.clock.advance(5 * intervalMs);
    await trace.job.whenIdle();
    assert.equal(trace.runs, 0);
    trace.isOnDuty = true;
    trace.clock.advance(intervalMs);
    await trace.job.whenIdle();
    assert.equal(trace.runs, 1);
  });

  test('never runs twice at once; what wakes it meanwhile makes it run once more', async () => {
    const gate = Promise.withResolvers<void>();
    const trace = start(() => gate.promise);
    await Promise.resolve();
    for (let wakes = 0; wakes < 5; wakes++) trace.job.wake();
    trace.clock.advance(9 * intervalMs);
    await Promise.resolve();
    assert.equal(trace.runs, 1);
    gate.resolve();
    await trace.job.whenIdle();
    assert.equal(trace.runs, 2);
  });

  test('a fault is logged, and the job runs again in its time', async () => {
    const trace = start(async () => {
      throw diskFault('DiskFull', 'no space');
    });
    await trace.job.whenIdle();
    assert.deepEqual(trace.events, ['warning job.failed DiskFull']);
    trace.clock.advance(intervalMs);
    await trace.job.whenIdle();
    assert.equal(trace.runs, 2);
  });

  test('a stopped job lets the run end and begins no other', async () => {
    const gate = Promise.withResolvers<void>();
    const trace = start(() => gate.promise);
    await Promise.resolve();
    trace.job.wake();
    const stopped = trace.job.stop();
    gate.resolve();
    await stopped;
    trace.job.wake();
    trace.clock.advance(9 * intervalMs);
    await trace.job.whenIdle();
    assert.equal(trace.runs, 1);
  });
});
