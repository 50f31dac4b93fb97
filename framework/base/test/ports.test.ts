import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, SeededRandom } from '../src/index.ts';

test('a manual clock runs due timers in order, those included that they set', () => {
  const clock = new ManualClock(1000);
  const seen: string[] = [];
  clock.setTimer(20, () => seen.push(`b at ${clock.monotonicMs()}`));
  clock.setTimer(10, () => {
    seen.push(`a at ${clock.monotonicMs()}`);
    clock.setTimer(5, () => seen.push(`c at ${clock.monotonicMs()}`));
  });
  const cancel = clock.setTimer(12, () => seen.push('cancelled'));
  cancel();
  clock.advance(9);
  assert.deepEqual(seen, []);
  clock.advance(21);
  assert.deepEqual(seen, ['a at 10', 'c at 15', 'b at 20']);
  assert.equal(clock.monotonicMs(), 30);
  assert.equal(clock.nowMs(), 1030);
});

test('timers that are due together run in the order they were set', () => {
  const clock = new ManualClock(0);
  const seen: number[] = [];
  for (const at of [1, 2, 3]) clock.setTimer(5, () => seen.push(at));
  clock.advance(5);
  assert.deepEqual(seen, [1, 2, 3]);
});

test('one seed gives one sequence, another gives another', () => {
  const draw = (seed: number) => [...new SeededRandom(seed).bytes(32)];
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  assert.notDeepEqual(draw(0), new Array(32).fill(0));
  const random = new SeededRandom(3);
  const drawn = Array.from({ length: 1000 }, () => random.below(10));
  assert.equal(new Set(drawn).size, 10);
  assert.ok(drawn.every((value) => value >= 0 && value < 10));
});
