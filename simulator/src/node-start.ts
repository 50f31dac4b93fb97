/** What a simulated node begins with. */
import type { Seqno, View } from '@coco/base';
import type { Configuration, NodeId } from '@coco/consensus';
import type { TransactionStatusTracker } from '@coco/endpoint';
import type { Store } from '@coco/kv';
import {
  type LedgerFiles,
  type LedgerSecrets,
  type NonceRule,
  Sequencer,
  type SequencerOptions,
  type SnapshotFiles,
} from '@coco/ledger';
import type { CatchUpSource, LedgerMembers } from '@coco/replication';
import type { Chance } from './chance.ts';
import type { CommittedLog } from './committed-log.ts';
import type { ServiceIdentity } from './identities.ts';
import type { RunningNode } from './running-node.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

/** Small, so that many chunks come and go in a run. */
const chunkBytes = 12_000;

export type NodeBeginning =
  | {
      readonly kind: 'start';
      readonly configuration: Configuration;
      readonly view: View;
      readonly seqno: Seqno;
    }
  /** One that goes on from the files of a service that was lost. */
  | {
      readonly kind: 'recover';
      readonly configuration: Configuration;
      readonly view: View;
      readonly seqno: Seqno;
    }
  /** A node that was told that the service trusts it, and who else is a member. */
  | { readonly kind: 'join'; readonly members: LedgerMembers; readonly committed: Seqno };

export interface NodeStart {
  /** Its process, on the agenda. */
  readonly owner: number;
  readonly service: ServiceIdentity;
  /** In Raft. */
  readonly id: NodeId;
  /** In the ledger. */
  readonly nodeId: string;
  readonly chance: Chance;
  readonly disk: SimulatedDisk;
  readonly files: LedgerFiles;
  readonly snapshots: SnapshotFiles;
  /** Whether its host serves what it likes. */
  readonly isHostile?: boolean;
  readonly store: Store;
  readonly tracker: TransactionStatusTracker;
  readonly secrets: LedgerSecrets;
  readonly sequencer: Pick<
    SequencerOptions,
    'view' | 'lastView' | 'start' | 'tree' | 'committed'
  > & {
    readonly openChunkBytes?: number;
  };
  readonly begin: NodeBeginning;
  readonly log: CommittedLog;
  /** Nodes that serve the ledger to this one, of those that it knows. */
  readonly sources: (node: RunningNode) => readonly CatchUpSource[];
}

/** The node's place in the ledger. */
export function sequencerOf(start: NodeStart, guard: NonceRule): Sequencer {
  const { id, algorithm } = start.service.key;
  const signer = { keyId: id, algorithm, issuer: 'simulated service', subject: 'ledger' };
  return new Sequencer({ ...start.sequencer, secrets: start.secrets, guard, signer, chunkBytes });
}
