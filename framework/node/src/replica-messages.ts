/**
 * What the main thread and the replica worker say to each other. Both ends are our own code in one
 * process: no limits, but closed unions.
 */
import type { ErrorRow, Seqno, View } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import type { CommittedBody } from '@coco/ledger';
import type { PeerListen } from './peer-channel.ts';
import type { Peer } from './peer-link.ts';

/** What the main thread read of the ledger: the worker must find the same. */
export interface RecoveredFiles {
  readonly lastSeqno: Seqno;
  /** The Merkle root over everything up to it. */
  readonly root: Uint8Array;
}

/** How the worker begins. */
export interface ReplicaStart {
  /** Compiled once by the process; see @coco/consensus. */
  readonly raftModule: WebAssembly.Module;
  /** The folder that holds the chunk files. */
  readonly ledgerFolder: string;
  /** Absent for a new ledger. */
  readonly recovered: RecoveredFiles | undefined;
  /** Raft's term of the first election. */
  readonly view: View;
  /** This node's id in Raft: the seqno of the transaction that adds it. */
  readonly nodeId: NodeId;
  /** The nodes that the service begins with, this one included. */
  readonly voters: readonly NodeId[];
  /** The last seqno of the recovered ledger; 0 for a new one. */
  readonly lastSeqno: Seqno;
  /** Where other nodes reach this one; undefined for a node that runs alone. */
  readonly peerListen: PeerListen | undefined;
}

/** A signed batch on its way to Raft; see the handle in docs/formats/handle.md. */
export interface ProposedBatch {
  readonly kind: 'genesis' | 'opening' | 'batch';
  readonly view: View;
  readonly firstSeqno: Seqno;
  readonly entryCount: number;
  readonly body: Uint8Array;
  readonly digest: Uint8Array;
}

export type ToReplica =
  | { readonly kind: 'start'; readonly request: number }
  | { readonly kind: 'propose'; readonly batch: ProposedBatch }
  /** The entry at `seqno` and the signature entry that covers it, for a receipt. */
  | { readonly kind: 'readCovered'; readonly request: number; readonly seqno: Seqno }
  /** The recovered service is open: its chunks lose `.recovery`. */
  | { readonly kind: 'endRecovery'; readonly request: number }
  /** The other nodes from now on; who is not among them is cut off. */
  | { readonly kind: 'setPeers'; readonly peers: readonly Peer[] }
  | { readonly kind: 'handOver'; readonly request: number; readonly to: NodeId }
  | { readonly kind: 'readIndex'; readonly request: number }
  | { readonly kind: 'stop'; readonly request: number };

/** What this node is, as Raft has it. */
export interface RoleReport {
  readonly role: 'leader' | 'follower' | 'candidate';
  readonly view: View;
  /** The leader of the view, by its id in Raft. */
  readonly leaderId: number | undefined;
  /** Everything of older views is committed and delivered. */
  readonly canExecute: boolean;
}

/** A committed batch with its body. */
export type FollowedBatch = CommittedBody;

export interface CoveredEntry {
  readonly entry: Uint8Array;
  readonly signature: Uint8Array;
}

/** What became of connections to other nodes. */
export type PeerReport =
  | { readonly kind: 'up'; readonly id: NodeId }
  | { readonly kind: 'lost'; readonly id: NodeId; readonly code: string }
  /** A node's own connection to here was ended, for what it did or did not do. */
  | { readonly kind: 'cut'; readonly id: NodeId; readonly code: string }
  /** Connections so far that no trusted node was behind, and the code of the last. */
  | { readonly kind: 'refused'; readonly count: number; readonly code: string };

export type FromReplica =
  /** The files are open, Raft runs, and the node-to-node interface, if any, listens. */
  | {
      readonly kind: 'started';
      readonly request: number;
      readonly peerAddress: string | undefined;
    }
  | ({ readonly kind: 'role' } & RoleReport)
  /** Batches of this primary, up to this seqno. */
  | { readonly kind: 'committed'; readonly seqno: Seqno }
  /** A batch that the main thread does not hold. */
  | { readonly kind: 'followed'; readonly batch: FollowedBatch }
  | { readonly kind: 'covered'; readonly request: number; readonly covered: CoveredEntry }
  | { readonly kind: 'done'; readonly request: number }
  | {
      readonly kind: 'refused';
      readonly request: number;
      readonly code: string;
      readonly row: ErrorRow;
      readonly message: string;
    }
  | { readonly kind: 'measured'; readonly flushes: number; readonly flushSeconds: number }
  | { readonly kind: 'peers'; readonly report: PeerReport }
  /** The worker cannot go on: nothing after this is durable. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };
