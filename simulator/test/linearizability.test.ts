import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '@coco/base';
import { isLinearizable, type Operation } from '../src/linearizability.ts';

/** `increment 3 10-20`: called at 10, answered at 20, with the count 3. */
function history(...lines: string[]): Operation[] {
  return lines.map((line) => {
    const [kind = '', count, times = ''] = line.split(' ');
    const [called, answered] = times.split('-');
    assert.ok(kind === 'increment' || kind === 'read');
    const answeredMs = answered === '?' ? Number.POSITIVE_INFINITY : Number(answered);
    return { kind, count: Number(count), calledMs: Number(called), answeredMs };
  });
}

describe('a history of one counter', () => {
  test('is linearizable when each operation can happen between its call and its answer', () => {
    assert.ok(isLinearizable([]));
    assert.ok(isLinearizable(history('increment 1 1-2', 'increment 2 3-4', 'read 2 5-6')));
    assert.ok(isLinearizable(history('increment 2 1-9', 'increment 1 2-8', 'read 1 3-7')));
    assert.ok(isLinearizable(history('increment 1 1-?', 'read 0 2-3', 'read 1 4-5')));
    assert.ok(isLinearizable(history('read 0 5-5', 'increment 1 5-5', 'read 1 5-5')));
  });

  test('is not when a read misses what was answered, or sees what was not called', () => {
    assert.equal(isLinearizable(history('increment 1 1-2', 'read 0 3-4')), false);
    assert.equal(isLinearizable(history('read 1 1-2', 'increment 1 3-4')), false);
    assert.equal(isLinearizable(history('increment 1 1-9', 'read 1 2-3', 'read 0 4-5')), false);
  });

  test('is not when increments are lost, doubled or turned around', () => {
    assert.equal(isLinearizable(history('increment 1 1-2', 'increment 1 3-4')), false);
    assert.equal(isLinearizable(history('increment 1 1-2', 'increment 3 3-4')), false);
    assert.equal(isLinearizable(history('increment 2 1-2', 'increment 1 3-4')), false);
  });

  test('agrees with trying every order, for histories of chance', () => {
    const random = new SeededRandom(5);
    const seen = { yes: 0, no: 0 };
    for (let run = 0; run < 400; run++) {
      const operations = Array.from({ length: 1 + random.below(5) }, (): Operation => {
        const calledMs = random.below(8);
        const kind = random.below(3) === 0 ? 'read' : 'increment';
        return { kind, count: random.below(4), calledMs, answeredMs: calledMs + random.below(6) };
      });
      const expected = orders(operations).some((order) => isAnOrder(order));
      assert.equal(isLinearizable(operations), expected, JSON.stringify(operations));
      seen[expected ? 'yes' : 'no']++;
    }
    assert.ok(seen.yes > 20 && seen.no > 20, JSON.stringify(seen));
  });

  test('of hundreds of operations is searched in no time', () => {
    const operations: Operation[] = [];
    for (let count = 1; count <= 400; count++) {
      operations.push({ kind: 'increment', count, calledMs: count, answeredMs: count + 30 });
    }
    assert.ok(isLinearizable(operations));
    assert.equal(isLinearizable([...operations, ...history('read 200 900-901')]), false);
  });
});

function orders(operations: readonly Operation[]): Operation[][] {
  if (operations.length === 0) return [[]];
  return operations.flatMap((first, at) =>
    orders(operations.filter((_, other) => other !== at)).map((rest) => [first, ...rest]),
  );
}

/** Whether nobody comes before who was answered before it was called, and the counts are right. */
function isAnOrder(order: readonly Operation[]): boolean {
  let count = 0;
  for (const [at, { kind, count: told, answeredMs }] of order.entries()) {
    if (kind === 'increment') count++;
    if (told !== count) return false;
    if (order.slice(0, at).some((earlier) => earlier.calledMs > answeredMs)) return false;
  }
  return true;
}
