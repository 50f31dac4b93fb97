import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerError, ManualClock } from '@coco/base';
import { pause, withDeadline } from '../src/deadline.ts';

const hasCode = (code: string) => (error: unknown) =>
  error instanceof LedgerError && error.code === code;
const never = () => new Promise<never>(() => undefined);

test('work that heeds no signal ends at the deadline by the clock, and not before', async () => {
  const clock = new ManualClock(0);
  let isEnded = false;
  const work = withDeadline({ clock, limitMs: 100 }, never).finally(() => {
    isEnded = true;
  });
  const refused = assert.rejects(work, hasCode('ServiceTimeout'));
  clock.advance(99);
  await Promise.resolve();
  assert.equal(isEnded, false);
  clock.advance(1);
  await refused;
});

test('work ends when the caller aborts, before or while it runs', async () => {
  const clock = new ManualClock(0);
  const controller = new AbortController();
  const { signal } = controller;
  const work = withDeadline({ clock, limitMs: 100, signal }, never);
  controller.abort();
  await assert.rejects(work, hasCode('RequestAborted'));
  let hasRun = false;
  const late = withDeadline({ clock, limitMs: 100, signal }, async () => {
    hasRun = true;
  });
  await assert.rejects(late, hasCode('RequestAborted'));
  assert.equal(hasRun, false);
});

test('a pause lasts its time, or until its signal aborts', async () => {
  const clock = new ManualClock(0);
  const controller = new AbortController();
  const first = pause(clock, 50, controller.signal);
  clock.advance(50);
  await first;
  const second = pause(clock, 50, controller.signal);
  controller.abort(
    new LedgerError('Reason', { kind: 'fault', status: 500, meaning: '' }, '', {}, undefined),
  );
  await assert.rejects(second, hasCode('Reason'));
});
