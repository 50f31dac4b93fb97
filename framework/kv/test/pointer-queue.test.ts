import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BugError } from '@coco/base';
import fc from 'fast-check';
import { PointerQueue } from '../src/pointer-queue.ts';

test('a queue gives at both ends what a list would', () => {
  const moves = fc.array(
    fc.record({
      kind: fc.constantFrom('push', 'push', 'dropFirst', 'dropLast'),
      count: fc.integer({ min: 1, max: 1500 }),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(moves, (list) => {
      const queue = new PointerQueue();
      const model: number[] = [];
      let next = -5;
      for (const { kind, count } of list) {
        for (let step = 0; step < count; step++) {
          if (kind === 'push') {
            queue.push(next);
            model.push(next++);
          } else if (model.length > 0) {
            if (kind === 'dropFirst') {
              assert.equal(queue.first(), model.shift());
              queue.dropFirst();
            } else {
              assert.equal(queue.last(), model.pop());
              queue.dropLast();
            }
          }
        }
        assert.equal(queue.length, model.length);
        for (let at = 0; at < model.length; at += 97) assert.equal(queue.at(at), model[at]);
      }
    }),
    { numRuns: 60 },
  );
});

test('an empty queue has nothing to give', () => {
  const queue = new PointerQueue();
  assert.throws(() => queue.first(), BugError);
  assert.throws(() => queue.dropFirst(), BugError);
  assert.throws(() => queue.dropLast(), BugError);
});
