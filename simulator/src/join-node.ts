/**
 * A node joins: the primary tells one that the committed ledger trusts its id in Raft, the members
 * and the ledger secrets; it begins with an empty disk and nothing else.
 */
import { asSeqno, asView, MemoryDisk, type Seqno, utf8Encode } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import { TransactionStatusTracker } from '@coco/endpoint';
import { nodeInfos, trustedNode } from '@coco/governance';
import { Store } from '@coco/kv';
import {
  createLedgerFiles,
  createLedgerTree,
  type LedgerSecret,
  LedgerSecrets,
  SnapshotFiles,
} from '@coco/ledger';
import { ledgerMembers } from '@coco/node';
import type { LedgerMembers } from '@coco/replication';
import type { CommittedLog } from './committed-log.ts';
import { ledgerFolder } from './durability-checker.ts';
import { check } from './errors.ts';
import type { ServiceIdentity } from './identities.ts';
import { snapshotFolder } from './ledger-sources.ts';
import type { NodeStart } from './node-start.ts';
import type { RunningNode } from './running-node.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** What a trusted node is given. */
export interface JoinedNode {
  readonly nodeId: string;
  readonly id: NodeId;
  readonly members: LedgerMembers;
  readonly committed: Seqno;
  readonly secrets: readonly Pick<LedgerSecret, 'fromSeqno' | 'key'>[];
}

/** What the primary answers to a node that asks again; undefined while it is not trusted. */
export async function welcome(node: RunningNode, nodeId: string): Promise<JoinedNode | undefined> {
  await node.askWorker(() => node.host.readIndex());
  const state = node.pipeline.committedState();
  const trusted = trustedNode(state, nodeId);
  if (!trusted) return undefined;
  const { seqno: committed } = state;
  return {
    nodeId,
    id: trusted.raftId,
    members: ledgerMembers(state, nodeId, { write: () => {} }),
    committed,
    secrets: node.secrets.until(committed),
  };
}

/** Begins the process of a node that was told so. */
export async function joinNode(
  joined: JoinedNode,
  place: {
    readonly world: World;
    readonly log: CommittedLog;
    readonly service: ServiceIdentity;
    readonly sources: NodeStart['sources'];
  },
): Promise<SimulatedNode> {
  const { world, log, service, sources } = place;
  const { id, nodeId, members, committed, secrets } = joined;
  const row = log.state.value(nodeInfos.name, utf8Encode(nodeId));
  const isPending = row === undefined || nodeInfos.decode(row).status === 'Pending';
  check(!isPending, `${nodeId} is Pending and is given the ledger secrets`);
  const { owner, chance } = world.newNode();
  const disk = new SimulatedDisk(new MemoryDisk(), { agenda: world.agenda, chance, owner });
  return new SimulatedNode(world, {
    id,
    owner,
    service,
    nodeId,
    chance,
    disk,
    snapshots: await SnapshotFiles.open({ disk, folder: snapshotFolder }, asSeqno(0)),
    files: await createLedgerFiles({ disk: disk.patient, folder: ledgerFolder }),
    store: new Store(),
    tracker: new TransactionStatusTracker(),
    secrets: new LedgerSecrets(secrets),
    sequencer: { view: asView(1), start: 'join', tree: createLedgerTree(), committed: asSeqno(0) },
    begin: { kind: 'join', members, committed },
    log,
    sources,
  });
}
