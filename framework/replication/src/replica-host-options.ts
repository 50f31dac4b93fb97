/** What the host of a replica needs from its thread. */
import type { Clock, Log, Random } from '@coco/base';
import type { KnownNode, NodeId, ReplicaLimits, ReplicaPorts } from '@coco/consensus';
import type { LedgerFiles, PatientDisk } from '@coco/ledger';
import type { ReplicaMessage } from './replica-messages.ts';
import type { StorageLimits } from './storage-watch.ts';

export interface ReplicaHostOptions {
  readonly nodeId: NodeId;
  /** From loadRaftModule. */
  readonly raftModule: WebAssembly.Module;
  /** The ledger up to where the replica starts; the host's from here on. */
  readonly files: LedgerFiles;
  /** What the files lie on: from here on a write that has no room waits. */
  readonly disk: PatientDisk;
  readonly storage?: StorageLimits;
  /** Bytes of followed batches that the main thread may have to apply; see FollowedBacklog. */
  readonly backlogBytesMax?: number;
  /** Whether a peer is reached and has room: who is short of it passes office to one that is. */
  readonly isFit?: (peer: NodeId) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log;
  readonly limits?: Partial<ReplicaLimits>;
  readonly send: ReplicaPorts['send'];
  /** The nodes to speak with from now on; who is not among them is cut off. */
  readonly onPeers?: (peers: readonly KnownNode[]) => void;
  /** Takes what happens here, in order. */
  readonly post: (message: ReplicaMessage) => void;
  /** The replica has stopped for good. */
  readonly onFailed: (error: unknown) => void;
}
