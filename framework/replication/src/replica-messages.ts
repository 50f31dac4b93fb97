/**
 * What a replica takes and what it says, in one stream: values, so that it runs on a thread of its
 * own or in the simulator.
 */
import type { Seqno, View } from '@coco/base';
import type { NodeId, SnapshotOffer } from '@coco/consensus';
import type { CommittedBody } from '@coco/ledger';
import type { StorageLevel } from './storage-watch.ts';

/** A signed batch on its way to Raft; see the handle in docs/formats/handle.md. */
export interface ProposedBatch {
  readonly kind: 'genesis' | 'opening' | 'batch';
  readonly view: View;
  readonly firstSeqno: Seqno;
  readonly entryCount: number;
  readonly body: Uint8Array;
  readonly digest: Uint8Array;
}

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

/** What this node lacks, and must have before its replica goes on; see catch-up.ts. */
export interface CatchUpOrder {
  /** Counts from 1: answers name it. */
  readonly request: number;
  readonly offer: SnapshotOffer;
  /** The first seqno that this node's files lack. */
  readonly next: Seqno;
}

/** Raft's configuration. While a replacement is under way, who leaves still votes. */
export interface ConfigurationReport {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
}

/** How much room the ledger's disk has; told when the level changes. */
export interface StorageReport {
  readonly level: StorageLevel;
  readonly freeBytes: number | undefined;
}

/** The receiver relies on the order. */
export type ReplicaMessage =
  | ({ readonly kind: 'role' } & RoleReport)
  /** Batches of this primary, up to this seqno. */
  | { readonly kind: 'committed'; readonly seqno: Seqno }
  /** A batch that the main thread does not hold. */
  | { readonly kind: 'followed'; readonly batch: FollowedBatch }
  | ({ readonly kind: 'install' } & CatchUpOrder)
  /** The ledger wants this primary to leave: hand office over to this node first. */
  | { readonly kind: 'passOn'; readonly to: NodeId }
  /** Raft's configuration no longer names this node, and never will: it is to end. */
  | { readonly kind: 'removed' }
  | ({ readonly kind: 'configuration' } & ConfigurationReport)
  | ({ readonly kind: 'storage' } & StorageReport);
