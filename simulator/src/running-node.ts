/** A simulated node as its own parts and its surroundings see it. */
import type { NodeId } from '@coco/consensus';
import type { LedgerFiles, LedgerSecrets } from '@coco/ledger';
import type { BatchPipeline, ReplicaHost } from '@coco/replication';
import type { SimulatedClock } from './simulated-clock.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

export interface RunningNode {
  /** In Raft. */
  readonly id: NodeId;
  /** In the ledger. */
  readonly nodeId: string;
  readonly name: string;
  /** Its process, on the agenda. */
  readonly owner: number;
  /** Whether its host serves what it likes. */
  readonly isHostile: boolean;
  /** Whom its channel knows. */
  readonly peers: readonly NodeId[];
  /** Whose addresses it has, to read the ledger from: those that its own ledger names. */
  readonly readsFrom: readonly NodeId[];
  readonly disk: SimulatedDisk;
  readonly files: LedgerFiles;
  readonly secrets: LedgerSecrets;
  readonly clock: SimulatedClock;
  readonly pipeline: BatchPipeline;
  readonly host: ReplicaHost;
  /** Runs a call on the worker, and its answer back on the main thread. */
  askWorker<Answer>(call: () => Answer | Promise<Answer>): Promise<Answer>;
  /** Resolves when it is part of the service. */
  whenPart(): Promise<void>;
}
