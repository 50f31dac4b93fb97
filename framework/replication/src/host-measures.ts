/** What operators may know of a replica: counts, sizes and ids of nodes, nothing of the ledger's content. */
import type { Seqno, View } from '@coco/base';
import type { NodeId, Office, ReplicaStatus, Role } from '@coco/consensus';
import type { StorageLevel } from './storage-watch.ts';

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
  readonly flushes: number;
  readonly flushSeconds: number;
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
  #flushes = 0;
  #flushMs = 0;
  #elections = 0;
  #leaderChanges = 0;
  #leaderId: NodeId | undefined;
  #isCandidate = false;

  flushed(ms: number): void {
    this.#flushes++;
    this.#flushMs += ms;
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
    others: Pick<ReplicaMeasures, 'backlogBytes' | 'diskLevel' | 'diskFreeBytes'>,
  ): ReplicaMeasures {
    const { office, committedSeqno, lastSeqno, raft, inFlight } = status;
    const { stagedBytes, recentBytes, linearBytes: raftBytes } = status;
    const { role, view, leaderId } = office;
    const peers = raft.peers.map(({ id, match, isLearner, isRecentlyActive: isActive }) => ({
      id,
      entries: Math.max(0, raft.lastIndex - match),
      isLearner,
      isActive,
    }));
    return {
      ...others,
      role,
      view,
      leaderId,
      committedSeqno,
      lastSeqno,
      peers: role === 'leader' ? peers : [],
      flushes: this.#flushes,
      flushSeconds: this.#flushMs / 1000,
      elections: this.#elections,
      leaderChanges: this.#leaderChanges,
      inFlightBytes: inFlight.bytes,
      stagedBytes,
      recentBytes,
      raftBytes,
    };
  }
}
