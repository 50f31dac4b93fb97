/**
 * The service of a run: one node creates it by the production path (genesis of governance and of
 * every adapter, the first batch, its commit), adds the nodes that the run begins with, each by a
 * transaction of its own, and retires. Its ledger files are what they are given, with the secret.
 */
import type { Adapter } from '@coco/adapter';
import { asSeqno, asView, MemoryDisk, present, type TransactionId } from '@coco/base';
import { createConfiguration, type NodeId } from '@coco/consensus';
import { TransactionStatusTracker } from '@coco/endpoint';
import {
  endorseIdentity,
  genesis,
  nodeInfos,
  nodeVoters,
  raftIdOf,
  serviceInfo,
} from '@coco/governance';
import { Store, type Transaction } from '@coco/kv';
import {
  type CommittedBody,
  createLedgerFiles,
  createLedgerTree,
  LedgerSecrets,
  ledgerSecretBytes,
  SnapshotFiles,
} from '@coco/ledger';
import { CommittedLog } from './committed-log.ts';
import { checkDurable, ledgerFolder } from './durability-checker.ts';
import { identities, services } from './identities.ts';
import { snapshotFolder } from './ledger-sources.ts';
import { addNode, nodeIdOf } from './node-rows.ts';
import { settled, stepUntil } from './pump.ts';
import { takeSecret } from './rekey.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** The creator's id in Raft: the genesis transaction adds it. */
const creatorId = 1;
const firstView = asView(2);
const service = present(services[0], 'there is a first service');

export interface CreatedService {
  readonly log: CommittedLog;
  /** The files of the ledger so far, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The secret that is in force from the first entry on. */
  readonly secret: Uint8Array;
  /** The nodes of the run, all trusted, by their ids in the ledger and in Raft. */
  readonly nodes: readonly { readonly nodeId: string; readonly id: NodeId }[];
}

export async function createService(
  world: World,
  options: {
    readonly adapters: readonly Adapter[];
    readonly nodeCount: number;
    /** Whether a batch that a node of the run has heard to be committed is durable. */
    readonly onNew: (batch: CommittedBody, by: NodeId) => void;
  },
): Promise<CreatedService> {
  const { agenda } = world;
  const { owner, chance } = world.newNode();
  const secret = chance.bytes(ledgerSecretBytes);
  const disk = new SimulatedDisk(new MemoryDisk(), { agenda, chance, owner });
  const log = createLog(secret, disk, options);
  log.admit([creatorId]);
  world.members.trusted(creatorId);
  const files = await settled(
    world,
    createLedgerFiles({ disk: disk.patient, folder: ledgerFolder }),
  );
  const snapshots = await SnapshotFiles.open({ disk, folder: snapshotFolder }, asSeqno(0));
  const node = new SimulatedNode(world, {
    id: creatorId,
    owner,
    service,
    snapshots,
    chance,
    disk,
    files,
    nodeId: identities.nodeId,
    store: new Store(),
    tracker: new TransactionStatusTracker(),
    secrets: secretsOf(secret),
    sequencer: {
      view: firstView,
      start: 'genesis',
      tree: createLedgerTree(),
      committed: asSeqno(0),
    },
    begin: {
      kind: 'start',
      configuration: createConfiguration([creatorId]),
      view: firstView,
      seqno: asSeqno(0),
    },
    log,
    sources: () => [],
  });
  await stepUntil(world, () => node.pipeline.isExecuting, {
    what: 'the creator leads',
    withinMs: 5000,
  });
  executeGenesis(node, options.adapters);
  const { nodeIds, last } = addNodes(node, options.nodeCount);
  await settled(world, node.tracker.whenDecided(last));
  await settled(world, node.pipeline.whenIdle());
  const nodes = addedNodes(node, nodeIds);
  node.crash();
  return { log, files: disk.memory.durableFiles(ledgerFolder), secret, nodes };
}

/** The nodes of the run come, each by a transaction of its own; the creator goes, and it opens. */
function addNodes(
  node: SimulatedNode,
  nodeCount: number,
): { readonly nodeIds: readonly string[]; readonly last: TransactionId } {
  const nodeIds = Array.from({ length: nodeCount }, (_, index) => nodeIdOf(index + 1));
  for (const id of nodeIds) write(node, (transaction) => addNode(transaction, id, 'Trusted'));
  const last = write(node, (transaction) => {
    const info = present(nodeInfos.get(transaction, identities.nodeId), 'it is there');
    const gone = { status: 'Retired', retired_committed: true } as const;
    nodeInfos.put(transaction, identities.nodeId, { ...info, ...gone });
    for (const id of nodeIds) nodeVoters.put(transaction, id, new Uint8Array(8));
    serviceInfo.put(transaction, { ...serviceInfo.require(transaction), status: 'Open' });
    endorseIdentity(transaction, service.key, node.clock.nowMs());
  });
  return { nodeIds, last };
}

function addedNodes(node: SimulatedNode, nodeIds: readonly string[]): CreatedService['nodes'] {
  const state = node.pipeline.committedState();
  return nodeIds.map((nodeId) => ({
    nodeId,
    id: present(raftIdOf(state, nodeId), 'the node was added'),
  }));
}

export function secretsOf(secret: Uint8Array): LedgerSecrets {
  return new LedgerSecrets([{ fromSeqno: asSeqno(1), key: secret }]);
}

function createLog(
  secret: Uint8Array,
  creatorDisk: SimulatedDisk,
  options: Parameters<typeof createService>[1],
): CommittedLog {
  const secrets = secretsOf(secret);
  return new CommittedLog({
    secrets,
    onEntry: (entry) => takeSecret(entry, secrets),
    onNew: (batch, by) => {
      if (by === creatorId) checkDurable(batch, [[creatorDisk]]);
      else options.onNew(batch, by);
    },
  });
}

function write(node: SimulatedNode, act: (transaction: Transaction) => void): TransactionId {
  const { id } = node.pipeline.execute((transaction) => {
    act(transaction);
    return { result: undefined };
  });
  return present(id, 'it writes');
}

function executeGenesis(node: SimulatedNode, adapters: readonly Adapter[]): void {
  write(node, (transaction) => {
    genesis(transaction, {
      members: [
        {
          certificatePem: identities.memberCertificatePem,
          encryptionPublicKeyPem: identities.memberEncryptionPem,
        },
      ],
      constitution: 'export function validate() {}',
      recoveryThreshold: 1,
      node: {
        id: identities.nodeId,
        endorsedCertificatePem: identities.nodeCertificatePem,
        encryptionPublicKeyPem: identities.nodeEncryptionPem,
        quoteInfo: { format: 'Insecure_Virtual', quote: '', endorsements: '' },
        rpcInterfaces: {},
        nodeToNodeInterface: {},
      },
      service: {
        createId: { view: firstView, seqno: asSeqno(1) },
        certificatePem: service.certificatePem,
      },
    });
    for (const adapter of adapters) adapter.genesis(transaction);
  });
}
