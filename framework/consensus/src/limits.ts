/** The room's limits, in one place, each with the reason for its value (style rule 12). */

export interface ReplicaLimits {
  /**
   * Bytes of one batch body. The ledger closes batches far below; a peer's claim is cut here.
   * Invariant: bodyBytesMax * messageEntriesMax <= stagedBytesMax, or a message could never be
   * staged and its receiver would never catch up.
   */
  readonly bodyBytesMax: number;
  /** Batches that this leader has proposed and that are not committed. */
  readonly inFlightBatchesMax: number;
  /** Bytes of their bodies. Bounds the memory of every node: backups hold them until commit. */
  readonly inFlightBytesMax: number;
  /** Bytes of bodies staged for Raft between two Readys. Beyond, messages are ignored. */
  readonly stagedBytesMax: number;
  /** Bytes of bodies kept after commit, for peers that are a little behind. */
  readonly recentBytesMax: number;
  /** Bytes of bodies attached to one message; the rest is fetched. */
  readonly messageBodyBytesMax: number;
  /** Handles in one Raft message: each names a body. */
  readonly messageEntriesMax: number;
  /** Bytes of one Raft message without bodies. */
  readonly messageBytesMax: number;
  /** Messages held per peer because a body is missing. */
  readonly heldMessagesMax: number;
  /** Ticks after which missing bodies are asked for again. */
  readonly fetchRetryTicks: number;
  /** Ticks after which a held message is forgotten; Raft sends anew. */
  readonly heldTicksMax: number;
  /** Ticks after which an unanswered ReadIndex round is sent again. */
  readonly readRetryTicks: number;
  /** Ticks after which waiting readers are refused. */
  readonly readTicksMax: number;
  /** Readers that may wait for one round. */
  readonly waitingReadersMax: number;
  /** Committed Raft entries kept at least (at most twice as many), so that slow peers need no snapshot. */
  readonly keptEntries: number;
  /** Ticks without a leader after which a follower campaigns (drawn from 1 to 2 times this). */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Raft messages on the way to one peer that it has not answered. */
  readonly inFlightMessagesMax: number;
}

export const defaultLimits: ReplicaLimits = {
  bodyBytesMax: 16 << 20,
  inFlightBatchesMax: 64,
  inFlightBytesMax: 128 << 20,
  stagedBytesMax: 128 << 20,
  recentBytesMax: 32 << 20,
  messageBodyBytesMax: 16 << 20,
  messageEntriesMax: 8,
  messageBytesMax: 1 << 20,
  heldMessagesMax: 64,
  fetchRetryTicks: 5,
  heldTicksMax: 50,
  readRetryTicks: 3,
  readTicksMax: 20,
  waitingReadersMax: 10_000,
  keptEntries: 1024,
  electionTicks: 10,
  heartbeatTicks: 1,
  inFlightMessagesMax: 64,
};
