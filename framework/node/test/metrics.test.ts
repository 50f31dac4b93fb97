import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { utf8Decode, utf8Encode } from '@coco/base';
import { metrics } from '@coco/monitor';
import type { NodeHarness } from './node-harness.ts';
import { sharedNode } from './shared-node.ts';

/** A line of the text format: a name, perhaps a label, a number. */
const sampleLine = /^([a-z_]+)(?:\{[a-z]+="((?:[^"\\]|\\.)*)"\})? (-?[0-9.e+-]+|\+Inf)$/;

describe('a node', () => {
  let harness: NodeHarness;
  before(async () => {
    harness = await sharedNode();
  });

  test('shows its metrics to Prometheus, without anything of what was written', async () => {
    for (let note = 0; note < 3; note++) {
      const body = utf8Encode('a private note');
      await harness.request(`/app/notes/secret${note}`, { method: 'POST', body });
    }
    await harness.request('/app/notes/absent');
    for (;;) {
      const answer = await harness.request('/node/metrics/prometheus');
      assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
      const text = utf8Decode(answer.bytes);
      assert.doesNotMatch(text, /secret|private|notes/);
      const lines = text.trimEnd().split('\n');
      for (const line of lines)
        assert.match(line, line.startsWith('#') ? /^# (HELP|TYPE) / : sampleLine);
      const values = new Map(
        lines.flatMap((line) => {
          const [, name = '', label, value] = sampleLine.exec(line) ?? [];
          return name ? [[label ? `${name} ${label}` : name, Number(value)] as const] : [];
        }),
      );
      // The replica tells its own once a second.
      if ((values.get('coco_committed_seqno') ?? 0) < 5) continue;
      assert.equal(values.get('coco_role'), 2);
      assert.ok((values.get('coco_commit_seconds_count') ?? 0) > 0);
      assert.ok((values.get('coco_flush_seconds_count') ?? 0) > 0);
      assert.ok((values.get('coco_disk_free_bytes') ?? 0) > 0);
      assert.ok((values.get('coco_store_keys') ?? 0) > 3);
      assert.ok((values.get('coco_failed_requests_total ResourceNotFound') ?? 0) > 0);
      assert.ok((values.get('coco_sessions main') ?? 0) > 0);
      return;
    }
  });

  test('shows the same as JSON, with CCF’s sessions', async () => {
    const json = (await harness.request('/node/metrics')).json as Record<string, unknown>;
    assert.deepEqual(Object.keys(json.sessions as object).sort(), ['active', 'interfaces', 'peak']);
    for (const { name } of metrics) {
      const key = name.replace('coco_', '');
      assert.ok(json[key] !== undefined, key);
    }
  });
});
