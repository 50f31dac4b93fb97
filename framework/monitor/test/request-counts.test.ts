import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LogFields, ManualClock } from '@coco/base';
import { endpointError } from '@coco/endpoint';
import { RequestCounts } from '../src/request-counts.ts';

test('failures are counted by code, and logged once a second for each', () => {
  const clock = new ManualClock(0);
  const lines: { level: string; event: string; fields: LogFields }[] = [];
  const counts = new RequestCounts(clock, {
    write: (level, event, fields = {}) => lines.push({ level, event, fields }),
  });
  const full = endpointError('TooManyPendingTransactions', 'full');
  const missing = endpointError('ResourceNotFound', 'missing');
  for (let at = 0; at < 100; at++) counts.failed(full);
  counts.failed(missing);
  clock.advance(1000);
  counts.failed(full);
  counts.failed(new TypeError('a bug'));
  for (let at = 0; at < 3; at++) counts.answered();
  assert.deepEqual(
    lines.map(({ level, event, fields }) => [level, event, fields.code, fields.count]),
    [
      ['warning', 'request.failed', 'TooManyPendingTransactions', 1],
      ['debug', 'request.failed', 'ResourceNotFound', 1],
      ['warning', 'request.failed', 'TooManyPendingTransactions', 100],
      ['error', 'request.bug', undefined, undefined],
    ],
  );
  assert.deepEqual(Object.fromEntries(counts.byCode), {
    TooManyPendingTransactions: 101,
    ResourceNotFound: 1,
  });
  assert.deepEqual([counts.requests, counts.refusals, counts.faults], [3, 1, 102]);
});
