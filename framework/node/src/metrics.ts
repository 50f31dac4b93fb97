/** The numbers of GET /node/metrics: CCF's sessions, and Coco's own. */

import type { JsonValue } from '@coco/base';
import type { HttpListener } from '@coco/http';
import type { NodeCore } from './node-core.ts';

export interface RequestCounts {
  requests: number;
  refusals: number;
  faults: number;
}

/** A snapshot of the counters; names end in their unit. */
export function collectMetrics(node: {
  readonly core: NodeCore;
  readonly listeners: ReadonlyMap<string, HttpListener>;
  readonly counts: RequestCounts;
}): JsonValue {
  const { core, listeners, counts } = node;
  const { pipeline, replica } = core;
  const interfaces: Record<string, JsonValue> = {};
  let active = 0;
  // Of all interfaces together: their peaks need not have come at one time.
  let peak = 0;
  for (const [name, listener] of listeners) {
    const counted = listener.connections();
    interfaces[name] = {
      active: counted.active,
      peak: counted.peak,
      soft_cap: counted.softMax,
      hard_cap: counted.hardMax,
    };
    active += counted.active;
    peak += counted.peak;
  }
  const { heapUsed, rss, external } = process.memoryUsage();
  return {
    sessions: { active, peak, interfaces },
    requests_total: counts.requests,
    refusals_total: counts.refusals,
    faults_total: counts.faults,
    batches_total: pipeline.measures.batches,
    entries_total: pipeline.measures.entries,
    uncommitted_entries: pipeline.uncommittedCount,
    last_commit_seconds: pipeline.measures.lastCommitMs / 1000,
    refused_peers_total: replica.refusedPeers,
    flushes_total: replica.flushes.count,
    flush_seconds_total: replica.flushes.seconds,
    memory_rss_bytes: rss,
    memory_heap_bytes: heapUsed,
    memory_external_bytes: external,
  };
}
