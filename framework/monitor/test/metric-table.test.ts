import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { metrics } from '../src/metric-table.ts';
import { encodePrometheus } from '../src/prometheus-text.ts';

test('metrics are written as Prometheus reads them', () => {
  const text = encodePrometheus([
    { name: 'coco_a', type: 'gauge', help: 'One\nline, a \\.', label: undefined, value: 1.5 },
    {
      name: 'coco_b_total',
      type: 'counter',
      help: 'Labels.',
      label: 'code',
      value: new Map([['a"b\\c', 2]]),
    },
    { name: 'coco_none', type: 'gauge', help: 'Unknown.', label: undefined, value: undefined },
    {
      name: 'coco_h',
      type: 'histogram',
      help: 'A histogram.',
      label: undefined,
      value: {
        buckets: [
          [0.5, 1],
          [2, 3],
        ],
        count: 4,
        sum: 9,
      },
    },
  ]);
  assert.deepEqual(text.split('\n'), [
    '# HELP coco_a One\\nline, a \\\\.',
    '# TYPE coco_a gauge',
    'coco_a 1.5',
    '# HELP coco_b_total Labels.',
    '# TYPE coco_b_total counter',
    'coco_b_total{code="a\\"b\\\\c"} 2',
    '# HELP coco_h A histogram.',
    '# TYPE coco_h histogram',
    'coco_h_bucket{le="0.5"} 1',
    'coco_h_bucket{le="2"} 3',
    'coco_h_bucket{le="+Inf"} 4',
    'coco_h_sum 9',
    'coco_h_count 4',
    '',
  ]);
});

test('the page of metrics lists them as the code does, in order', async () => {
  const page = new URL('../../../docs/operations/metrics.md', import.meta.url);
  const rows = (await readFile(page, 'utf8'))
    .split('\n')
    .filter((line) => /^\| `coco_[a-z_]+` \| /.test(line));
  const expected = metrics.map(({ name, type, label = '', help }) =>
    `| \`${name}\` | ${type} | ${label && `\`${label}\``} | ${help} |`.replaceAll('  ', ' '),
  );
  assert.deepEqual(rows, expected);
  for (const { name, type } of metrics) {
    assert.match(name, /^coco_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
  }
});

test('each alarm has a page, and a test that makes it fire', async () => {
  const operations = new URL('../../../docs/operations/', import.meta.url);
  const rows = (await readFile(new URL('alarms.md', operations), 'utf8'))
    .split('\n')
    .map((line) =>
      /\| `([a-zA-Z.]+)` \|.*\| \[[a-z]+\]\(([a-z]+\.md)\) \| `([^`]+)` \|$/.exec(line),
    )
    .filter((row) => row !== null);
  assert.equal(rows.length, 10);
  for (const [, event = '', page = '', path = ''] of rows) {
    assert.match(await readFile(new URL(page, operations), 'utf8'), new RegExp(event), page);
    const source = await readFile(new URL(`../../${path}`, operations), 'utf8');
    assert.match(source, new RegExp(event), `${path} fires ${event}`);
  }
});
