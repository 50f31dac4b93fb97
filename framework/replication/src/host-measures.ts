/** What operators may know of a replica: counts, sizes and ids of nodes, nothing of the ledger's content. */
import type { Seqno, View } from '@coco/base';
import type { NodeId, Office, ReplicaStatus, Role } from '@coco/consensus';
import { Histogram, type HistogramMeasures } from './histogram.ts';
import type { StorageLevel } from './storage-watch.ts';

const flushSecondsBounds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];

/** How far a peer is, as the primary knows it. */
interface PeerLag {
  readonly id: NodeId;
  /** Raft entries that it has not acknowledged. */
  readonly entries: number;
  readonly isLearner: boolean;
  /** Whether it answered within the last election timeout. */
  readonly isActive: boolean;
}

export interface ReplicaMeasures {
  readonly role: Role;
  readonly view: View;
  readonly leaderId: NodeId | undefined;
  readonly committedSeqno: Seqno;
  readonly lastSeqno: Seqno;
  /** Only on the primary. */
  readonly peers: readonly PeerLag[];
  /** Of each write of the ledger that was made durable, the write included. */
  readonly flushSeconds: HistogramMeasures;
  /** Campaigns of this node. */
  readonly elections: number;
  /** Leaders that this node has heard of, one after another. */
  readonly leaderChanges: number;
  readonly inFlightBytes: number;
  readonly stagedBytes: number;
  readonly recentBytes: number;
  /** Handed to the main thread and not applied. */
  readonly backlogBytes: number;
  /** Raft's WebAssembly memory, which never shrinks. */
  readonly raftBytes: number;
  readonly diskLevel: StorageLevel;
  readonly diskFreeBytes: number | undefined;
}

export class HostMeasures {
  readonly #flushSeconds = new Histogram(flushSecondsBounds);
  #elections = 0;
  #leaderChanges = 0;
  #leaderId: NodeId | undefined;
  #isCandidate = false;

  flushed(ms: number): void {
    this.#flushSeconds.note(ms / 1000);
  }

  onRole({ role, leaderId }: Office): void {
    const isCandidate = role === 'candidate';
    if (isCandidate && !this.#isCandidate) this.#elections++;
    this.#isCandidate = isCandidate;
    if (leaderId === undefined || leaderId === this.#leaderId) return;
    this.#leaderId = leaderId;
    this.#leaderChanges++;
  }

  of(
    status: ReplicaStatus,
    resources: Pick<ReplicaMeasures, 'backlogBytes' | 'diskLevel' | 'diskFreeBytes'>,
  ): ReplicaMeasures {
    const { office, committedSeqno, lastSeqno, raft, inFlight } = status;
    const { stagedBytes, recentBytes, linearBytes: raftBytes } = status;
    const { role, view, leaderId } = office;
    // Raft counts a primary among its own peers.
    const others = role === 'leader' ? raft.peers.filter(({ id }) => id !== leaderId) : [];
    const peers = others.map(({ id, match, isLearner, isRecentlyActive: isActive }) => ({
      id,
      entries: Math.max(0, raft.lastIndex - match),
      isLearner,
      isActive,
    }));
    return {
      ...resources,
      role,
      view,
      leaderId,
      committedSeqno,
      lastSeqno,
      peers,
      flushSeconds: this.#flushSeconds.measures,
      elections: this.#elections,
      leaderChanges: this.#leaderChanges,
      inFlightBytes: inFlight.bytes,
      stagedBytes,
      recentBytes,
      raftBytes,
    };
  }
}
