/**
 * Every metric of a node, in the order of docs/operations/metrics.md, which a test compares with
 * this table. Counts, sizes, times and ids of nodes: nothing of what clients write or read.
 */

import type { LinkMeasures } from '@coco/peers';
import type { ReplicaMeasures, StorageLevel } from '@coco/replication';
import type { MeasuredCore } from './measured-core.ts';
import type { NodeAlarms } from './node-alarms.ts';
import type { MetricSample, MetricValue } from './prometheus-text.ts';
import type { RequestCounts } from './request-counts.ts';

export interface MeasuredNode {
  readonly core: MeasuredCore;
  readonly counts: RequestCounts;
  /** Requests that this node passed on to the primary. */
  readonly forwardedCount: number;
  readonly alarms: NodeAlarms | undefined;
  readonly snapshots: { readonly made: number; readonly failed: number } | undefined;
}

interface Metric {
  readonly name: string;
  readonly type: MetricSample['type'];
  readonly label?: string;
  readonly help: string;
  readonly read: (node: MeasuredNode) => MetricValue;
}

const roles: readonly ReplicaMeasures['role'][] = ['follower', 'candidate', 'leader'];
const levels: readonly StorageLevel[] = ['ample', 'low', 'short', 'scarce', 'full'];

/** A metric of the replica, as the worker has told it last. */
function replica(read: (measures: ReplicaMeasures) => MetricValue): Metric['read'] {
  return ({ core }) => {
    const { replica: measures } = core.replica.measures;
    return measures && read(measures);
  };
}

function link(read: (link: LinkMeasures) => number | undefined): Metric['read'] {
  return ({ core }) => {
    const values = new Map<string, number>();
    for (const [id, measures] of core.replica.measures.links) {
      const value = read(measures);
      if (value !== undefined) values.set(String(id), value);
    }
    return values;
  };
}

const consensusMetrics: readonly Metric[] = [
  {
    name: 'coco_role',
    type: 'gauge',
    help: '0 backup, 1 candidate, 2 primary.',
    read: replica(({ role }) => roles.indexOf(role)),
  },
  {
    name: 'coco_view',
    type: 'gauge',
    help: 'View that the node is in.',
    read: replica(({ view }) => view),
  },
  {
    name: 'coco_leader_id',
    type: 'gauge',
    help: 'Raft id of the primary as this node knows it; 0 when it knows of none.',
    read: replica(({ leaderId }) => leaderId ?? 0),
  },
  {
    name: 'coco_committed_seqno',
    type: 'gauge',
    help: 'Last seqno that is committed and delivered here.',
    read: replica(({ committedSeqno }) => committedSeqno),
  },
  {
    name: 'coco_applied_seqno',
    type: 'gauge',
    help: 'Last seqno that the state shows as committed.',
    read: ({ core }) => core.pipeline.committedSeqno,
  },
  {
    name: 'coco_peer_lag_entries',
    type: 'gauge',
    label: 'peer',
    help: 'Raft entries that a peer has not acknowledged; on the primary.',
    read: replica(({ peers }) => new Map(peers.map(({ id, entries }) => [String(id), entries]))),
  },
  {
    name: 'coco_elections_total',
    type: 'counter',
    help: 'Campaigns of this node.',
    read: replica(({ elections }) => elections),
  },
  {
    name: 'coco_leader_changes_total',
    type: 'counter',
    help: 'Times that another node became primary, as this node saw it.',
    read: replica(({ leaderChanges }) => leaderChanges),
  },
  {
    name: 'coco_rollbacks_total',
    type: 'counter',
    help: 'Times that this node lost its office and what was not committed.',
    read: ({ core }) => core.pipeline.measures.rollbacks,
  },
];

const linkMetrics: readonly Metric[] = [
  {
    name: 'coco_link_up',
    type: 'gauge',
    label: 'peer',
    help: '1 while the link to a peer stands.',
    read: link(({ isUp }) => (isUp ? 1 : 0)),
  },
  {
    name: 'coco_link_queued_bytes',
    type: 'gauge',
    label: 'peer',
    help: 'Bytes that wait to be sent to a peer; at most 32 MiB.',
    read: link(({ queuedBytes }) => queuedBytes),
  },
  {
    name: 'coco_link_dropped_total',
    type: 'counter',
    label: 'peer',
    help: 'Messages to a peer that were dropped because its link was down or slow.',
    read: link(({ dropped }) => dropped),
  },
  {
    name: 'coco_link_round_trip_seconds',
    type: 'gauge',
    label: 'peer',
    help: 'Time from a beat to its echo.',
    read: link(({ roundTripMs }) => roundTripMs && roundTripMs / 1000),
  },
  {
    name: 'coco_peer_clock_skew_seconds',
    type: 'gauge',
    label: 'peer',
    help: 'Clock of a peer less the clock of this node.',
    read: link(({ skewMs }) => skewMs && skewMs / 1000),
  },
  {
    name: 'coco_refused_peers_total',
    type: 'counter',
    help: 'Connections at the node-to-node interface that no trusted node was behind.',
    read: ({ core }) => core.replica.refusedPeers,
  },
];

const commitMetrics: readonly Metric[] = [
  {
    name: 'coco_entries_total',
    type: 'counter',
    help: 'Transactions executed here.',
    read: ({ core }) => core.pipeline.measures.entries,
  },
  {
    name: 'coco_batches_total',
    type: 'counter',
    help: 'Batches of this primary that were committed.',
    read: ({ core }) => core.pipeline.measures.batches,
  },
  {
    name: 'coco_batch_entries',
    type: 'histogram',
    help: 'Entries of a batch, its signature included.',
    read: ({ core }) => core.pipeline.measures.batchEntries.measures,
  },
  {
    name: 'coco_commit_seconds',
    type: 'histogram',
    help: 'Time from the closing of a batch to its commit.',
    read: ({ core }) => core.pipeline.measures.commitSeconds.measures,
  },
  {
    name: 'coco_last_commit_seconds',
    type: 'gauge',
    help: 'The same, of the last batch.',
    read: ({ core }) => core.pipeline.measures.lastCommitMs / 1000,
  },
  {
    name: 'coco_uncommitted_entries',
    type: 'gauge',
    help: 'Entries executed and not yet committed.',
    read: ({ core }) => core.pipeline.uncommittedCount,
  },
  {
    name: 'coco_in_flight_bytes',
    type: 'gauge',
    help: 'Bytes of batches proposed and not committed; at most 128 MiB.',
    read: replica(({ inFlightBytes }) => inFlightBytes),
  },
  {
    name: 'coco_backlog_bytes',
    type: 'gauge',
    help: 'Bytes of batches committed and not yet applied here.',
    read: replica(({ backlogBytes }) => backlogBytes),
  },
  {
    name: 'coco_flush_seconds',
    type: 'histogram',
    help: 'Time that a write of the ledger took to be durable.',
    read: replica(({ flushSeconds }) => flushSeconds),
  },
  {
    name: 'coco_snapshots_made_total',
    type: 'counter',
    help: 'Snapshots made by this node.',
    read: ({ snapshots }) => snapshots?.made,
  },
  {
    name: 'coco_snapshots_failed_total',
    type: 'counter',
    help: 'Snapshots that failed.',
    read: ({ snapshots }) => snapshots?.failed,
  },
];

const resourceMetrics: readonly Metric[] = [
  {
    name: 'coco_disk_level',
    type: 'gauge',
    help: '0 ample, 1 low, 2 short, 3 scarce, 4 full.',
    read: replica(({ diskLevel }) => levels.indexOf(diskLevel)),
  },
  {
    name: 'coco_disk_free_bytes',
    type: 'gauge',
    help: 'Room on the disk of the ledger.',
    read: replica(({ diskFreeBytes }) => diskFreeBytes),
  },
  {
    name: 'coco_memory_level',
    type: 'gauge',
    help: '0 ample, 1 low, 2 short, 3 scarce.',
    read: ({ alarms }) => alarms && levels.indexOf(alarms.memory.level),
  },
  {
    name: 'coco_memory_share',
    type: 'gauge',
    help: 'Of the limit that is nearest (machine, heap, store), 0 to 1.',
    read: ({ alarms }) => alarms?.memory.share,
  },
  {
    name: 'coco_memory_used_bytes',
    type: 'gauge',
    help: 'What is used of that limit.',
    read: ({ alarms }) => alarms?.memory.usedBytes,
  },
  {
    name: 'coco_memory_limit_bytes',
    type: 'gauge',
    help: 'The limit that is nearest.',
    read: ({ alarms }) => alarms?.memory.limitBytes,
  },
  {
    name: 'coco_memory_rss_bytes',
    type: 'gauge',
    help: 'Memory of the process.',
    read: () => process.memoryUsage.rss(),
  },
  {
    name: 'coco_memory_heap_bytes',
    type: 'gauge',
    help: 'JavaScript heap of the main thread, garbage included.',
    read: () => process.memoryUsage().heapUsed,
  },
  {
    name: 'coco_memory_external_bytes',
    type: 'gauge',
    help: 'Buffers outside the heap.',
    read: () => process.memoryUsage().external,
  },
  {
    name: 'coco_raft_memory_bytes',
    type: 'gauge',
    help: 'WebAssembly memory of Raft, which never shrinks.',
    read: replica(({ raftBytes }) => raftBytes),
  },
  {
    name: 'coco_store_keys',
    type: 'gauge',
    help: 'Keys of the state.',
    read: ({ core }) => core.pipeline.state.store.stats().keyCount,
  },
  {
    name: 'coco_store_bytes',
    type: 'gauge',
    help: 'Memory of the state: keys, values, index, and what older readable states hold.',
    read: ({ core }) => core.pipeline.state.store.stats().liveBytes,
  },
];

const requestMetrics: readonly Metric[] = [
  {
    name: 'coco_requests_total',
    type: 'counter',
    help: 'Requests of clients.',
    read: ({ counts }) => counts.requests,
  },
  {
    name: 'coco_refusals_total',
    type: 'counter',
    help: 'Requests that were the client’s mistake.',
    read: ({ counts }) => counts.refusals,
  },
  {
    name: 'coco_faults_total',
    type: 'counter',
    help: 'Requests that failed for another reason.',
    read: ({ counts }) => counts.faults,
  },
  {
    name: 'coco_forwarded_requests_total',
    type: 'counter',
    help: 'Requests that this node passed on to the primary.',
    read: ({ forwardedCount }) => forwardedCount,
  },
  {
    name: 'coco_failed_requests_total',
    type: 'counter',
    label: 'code',
    help: 'Both, by error code.',
    read: ({ counts }) => counts.byCode,
  },
  {
    name: 'coco_troubles',
    type: 'gauge',
    label: 'trouble',
    help: '1 while an alarm of the network lasts: noPrimary, electionStorm, lag, clockSkew.',
    read: ({ alarms }) => new Map([...(alarms?.troubles ?? [])].map((trouble) => [trouble, 1])),
  },
];

export const metrics: readonly Metric[] = [
  ...consensusMetrics,
  ...linkMetrics,
  ...commitMetrics,
  ...resourceMetrics,
  ...requestMetrics,
];

export function sampleMetrics(node: MeasuredNode): readonly MetricSample[] {
  return metrics.map(({ name, type, label, help, read }) => ({
    name,
    type,
    label,
    help,
    value: read(node),
  }));
}
