/**
 * What the main thread and the replica worker say to each other. Both ends are our own code in one
 * process: no limits, but closed unions.
 */
import type { ErrorRow, Seqno, View } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import type { BatchBody, LedgerBegin } from '@coco/ledger';
import type { LinkMeasures, PeerListen, PeerReport } from '@coco/peers';
import type {
  CoveredEntry,
  KeptSnapshot,
  LedgerMembers,
  ProposedBatch,
  ReplicaMeasures,
  ReplicaMessage,
  StorageLimits,
} from '@coco/replication';

/** What the main thread read of the ledger: the worker must find the same. */
export interface RecoveredFiles {
  readonly lastSeqno: Seqno;
  /** The Merkle root over everything up to it. */
  readonly root: Uint8Array;
  /** The snapshot that the files begin with, if they do. */
  readonly begin?: LedgerBegin | undefined;
}

/** As whom the replica begins. */
type ReplicaBegin =
  /** One of the first nodes of a service, or of a recovered one. */
  | {
      readonly kind: 'start';
      /** The nodes that the service begins with, this one included. */
      readonly voters: readonly NodeId[];
      /** Raft's term of the first election. */
      readonly view: View;
      /** The last seqno of the recovered ledger; 0 for a new one. */
      readonly lastSeqno: Seqno;
    }
  /** A node that the ledger trusts: the leader adds it, and what it lacks is installed. */
  | { readonly kind: 'join' };

/** What the worker is given with its thread: where it listens, before it knows who it is. */
export interface ReplicaPlace {
  /** Where other nodes reach this one; undefined for a node that runs alone. */
  readonly peerListen: PeerListen | undefined;
}

/** How the replica begins. */
export interface ReplicaStart {
  /** Compiled once by the process; see @coco/consensus. */
  readonly raftModule: WebAssembly.Module;
  /** The folder that holds the chunk files. */
  readonly ledgerFolder: string;
  /** Absent for a new ledger. */
  readonly recovered: RecoveredFiles | undefined;
  /** This node's id in Raft: the seqno of the transaction that adds it. */
  readonly nodeId: NodeId;
  readonly begin: ReplicaBegin;
  readonly storage: StorageLimits;
}

export type ToReplica =
  | { readonly kind: 'listen'; readonly request: number }
  | { readonly kind: 'start'; readonly request: number; readonly start: ReplicaStart }
  | { readonly kind: 'propose'; readonly batch: ProposedBatch }
  /** The entry at `seqno` and the signature entry that covers it, for a receipt. */
  | { readonly kind: 'readCovered'; readonly request: number; readonly seqno: Seqno }
  /** What this node lacks before the snapshot that it began from comes in, in the background. */
  | { readonly kind: 'olderBegin'; readonly request: number; readonly ledgerFolder: string }
  | {
      readonly kind: 'olderBatches';
      readonly request: number;
      readonly batches: readonly BatchBody[];
    }
  /** All of it is here and proven. */
  | { readonly kind: 'olderFinish'; readonly request: number }
  /** See ReplicaHost.offerSnapshot. */
  | { readonly kind: 'offerSnapshot'; readonly snapshot: KeptSnapshot }
  /** Whole committed batches from `from` up to `to`, for a node that catches up. */
  | {
      readonly kind: 'readBatches';
      readonly request: number;
      readonly from: Seqno;
      readonly to: Seqno;
      readonly bytesMax: number;
    }
  /** The recovered service is open: its chunks lose `.recovery`. */
  | { readonly kind: 'endRecovery'; readonly request: number }
  /** The other nodes from now on, as the committed ledger has them. */
  | ({ readonly kind: 'setMembers' } & LedgerMembers)
  /** The main thread's state is that of a snapshot: the files begin behind it. */
  | {
      readonly kind: 'installStart';
      readonly request: number;
      readonly order: number;
      readonly after: Seqno;
    }
  /** Verified batches for an order to catch up. */
  | {
      readonly kind: 'installBatches';
      readonly request: number;
      readonly order: number;
      readonly batches: readonly BatchBody[];
    }
  | { readonly kind: 'installed'; readonly request: number; readonly order: number }
  | {
      readonly kind: 'installFailed';
      readonly order: number;
      readonly code: string;
      readonly message: string;
    }
  | { readonly kind: 'heir'; readonly request: number }
  | { readonly kind: 'handOver'; readonly request: number; readonly to: NodeId }
  | { readonly kind: 'readIndex'; readonly request: number }
  /** The main thread has applied what was followed, up to this seqno. */
  | { readonly kind: 'applied'; readonly seqno: Seqno }
  | { readonly kind: 'stop'; readonly request: number };

export type FromReplica =
  /** The node-to-node interface, if any, listens; it lets nobody in yet. */
  | {
      readonly kind: 'listening';
      readonly request: number;
      readonly peerAddress: string | undefined;
    }
  | ReplicaMessage
  | { readonly kind: 'covered'; readonly request: number; readonly covered: CoveredEntry }
  | { readonly kind: 'batches'; readonly request: number; readonly bytes: Uint8Array }
  | { readonly kind: 'heirFound'; readonly request: number; readonly id: NodeId | undefined }
  | { readonly kind: 'done'; readonly request: number }
  /** False: the chunk that goes on behind the snapshot still grows. */
  | { readonly kind: 'olderFinished'; readonly request: number; readonly isDone: boolean }
  | {
      readonly kind: 'refused';
      readonly request: number;
      readonly code: string;
      readonly row: ErrorRow;
      readonly message: string;
    }
  | { readonly kind: 'peers'; readonly report: PeerReport }
  /** Once a second. */
  | {
      readonly kind: 'measured';
      readonly replica: ReplicaMeasures | undefined;
      readonly links: ReadonlyMap<NodeId, LinkMeasures>;
    }
  /** The worker cannot go on: nothing after this is durable. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };
