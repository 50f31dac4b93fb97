/** What a replica needs from its owner, and what it tells it. */
import type { Clock, Log, Random, Seqno, View } from '@coco/base';
import type { Configuration, NodeId } from './configuration.ts';
import type { Handle } from './handle.ts';
import type { ReplicaLimits } from './limits.ts';
import type { StoredBatch } from './log-tail.ts';
import type { Office } from './office.ts';
import type { PeerMessage } from './peer-message.ts';
import type { SnapshotOffer } from './snapshot-offer.ts';

export interface ReplicaPorts {
  /**
   * Removes everything from `truncateFrom` on, if given, then appends the batches, and resolves
   * when both are durable. Called again only after it has resolved. A rejection stops the replica.
   */
  persist(batches: readonly StoredBatch[], truncateFrom: Seqno | undefined): Promise<void>;
  /** Sends, or drops: Raft repeats what matters. Must not block and keeps the order per peer. */
  send(to: NodeId, message: PeerMessage): void;
  /** A committed body from the ledger's files, for a peer; undefined when it is not there. */
  readBody(handle: Handle): Promise<Uint8Array | undefined>;
  /**
   * Makes the ledger up to the offer's last batch durable here: verifies and installs the named
   * ledger snapshot, fetches the chunks after it, and drops what was not committed. The last
   * batch's signature covers everything before it. A rejection stops the replica.
   */
  installSnapshot(offer: SnapshotOffer): Promise<void>;
}

export interface ReplicaEvents {
  /**
   * Role, view, leader or canExecute changed. A leader executes only while canExecute is true.
   * When it ends, the owner discards everything above the last committed batch at once; what of
   * it commits all the same comes by onCommitted, as it does on a backup.
   */
  onRole(office: Office): void;
  /** Batches in order; each is durable on a majority. On the leader these are its own. */
  onCommitted(batches: readonly StoredBatch[]): void;
  /** A membership change was applied, or a snapshot brought another configuration. */
  onConfiguration(configuration: Configuration): void;
  /**
   * The service has removed this node: no configuration names it any more, and none will. The
   * owner ends the node. May be told more than once.
   */
  onRemoved(): void;
  /** The replica has stopped for good: PersistFailed, or a bug. The owner ends the node. */
  onFailed(error: unknown): void;
}

export interface ReplicaOptions {
  /** The seqno of the transaction that added this node; never used before by any process. */
  readonly id: NodeId;
  /** From loadRaftModule. */
  readonly module: WebAssembly.Module;
  /** Draws election timeouts. A seeded one makes a run repeatable to the byte. */
  readonly random: Random;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly limits?: Partial<ReplicaLimits>;
  readonly ports: ReplicaPorts;
  readonly events: ReplicaEvents;
}

/** Where a service begins. */
export interface ServiceStart {
  readonly configuration: Configuration;
  /** The first view: 2 for a new service, the last view + 2 for a recovered one. */
  readonly view: View;
  /** The last seqno of the recovered ledger; 0 for a new service. */
  readonly seqno: Seqno;
}
