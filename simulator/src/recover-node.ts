/**
 * The node that recovers a service, wired as the node of production does it: the public part of the
 * files first, under a new identity and a fresh secret; then, when the members have brought the old
 * secrets, the whole; then it opens. Shares are not simulated: the secrets are simply there.
 */
import { asSeqno, asView, type MemoryDisk, type Seqno, type View } from '@coco/base';
import { createConfiguration } from '@coco/consensus';
import {
  endorseIdentity,
  nodeSecrets,
  recover,
  recoveryViewGap,
  type ServiceStatus,
  serviceInfo,
  type Writable,
} from '@coco/governance';
import { isPublicMap, Store } from '@coco/kv';
import {
  type LedgerFiles,
  LedgerSecrets,
  ledgerSecretBytes,
  type RecoveredLedger,
  recoverLedger,
  SnapshotFiles,
} from '@coco/ledger';
import type { RecoveryDecision } from '@coco/recovery';
import { recoveredTracker, replay, storeLimits } from '@coco/replication';
import type { Cluster } from './cluster.ts';
import { ledgerFolder } from './durability-checker.ts';
import { identities } from './identities.ts';
import { snapshotFolder } from './ledger-sources.ts';
import { recoveringNodeIdOf } from './node-rows.ts';
import { sealFor } from './rekey.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedNode } from './simulated-node.ts';

const pollMs = 10;

export interface NodeRecovery {
  readonly node: SimulatedNode;
  /** Resolves when the service is open; never, where the node ends before. */
  readonly opened: Promise<void>;
}

interface Parts {
  readonly cluster: Cluster;
  readonly decision: RecoveryDecision;
  readonly ledger: RecoveredLedger;
  /** The secret that is in force from the first entry of the recovered service on. */
  readonly fresh: Uint8Array;
  readonly next: Seqno;
  readonly view: View;
}

/** Begins the node on the files of `memory`. */
export async function recoverNode(
  cluster: Cluster,
  place: { readonly memory: MemoryDisk; readonly decision: RecoveryDecision },
): Promise<NodeRecovery> {
  const { world, log } = cluster;
  const { memory, decision } = place;
  const { owner, chance } = world.newNode();
  const disk = new SimulatedDisk(memory, { agenda: world.agenda, chance, owner });
  const store = new Store(storeLimits);
  const ledger = await recoverLedger({
    disk: disk.patient,
    folder: ledgerFolder,
    onBatch: (batch) => replay(store, batch, (name) => isPublicMap(name)),
  });
  await ledger.truncate();
  const { seqno } = ledger.lastId;
  const next = asSeqno(seqno + 1);
  const fresh = chance.bytes(ledgerSecretBytes);
  log.secrets.rollback(asSeqno(seqno - 1));
  log.secrets.add(next, fresh);
  const view = asView(Math.max(decision.highestView, ledger.highestView) + recoveryViewGap);
  world.members.trusted(next);
  log.admit([next]);
  const node = new SimulatedNode(world, {
    id: next,
    owner,
    nodeId: recoveringNodeIdOf(owner),
    service: cluster.identity,
    chance,
    disk,
    files: await openFiles(disk, ledger),
    snapshots: await SnapshotFiles.open({ disk, folder: snapshotFolder }, seqno),
    store,
    tracker: recoveredTracker(ledger),
    secrets: new LedgerSecrets([{ fromSeqno: next, key: fresh }]),
    sequencer: { view, start: 'recovery', tree: ledger.tree, committed: seqno },
    begin: { kind: 'recover', configuration: createConfiguration([next]), view, seqno },
    log,
    sources: (reader) => cluster.sourcesOf(reader),
  });
  cluster.addFirst(node);
  return { node, opened: open(node, { cluster, decision, ledger, fresh, next, view }) };
}

/** The worker reads the ledger for itself. */
async function openFiles(
  { patient: disk }: SimulatedDisk,
  { lastId, root }: RecoveredLedger,
): Promise<LedgerFiles> {
  const verified = { seqno: lastId.seqno, root };
  const ledger = await recoverLedger({ disk, folder: ledgerFolder, verified });
  await ledger.truncate();
  return ledger.openFiles();
}

async function open(node: SimulatedNode, parts: Parts): Promise<void> {
  const { cluster, ledger, next } = parts;
  const { pipeline } = node;
  while (!pipeline.isExecuting) await cluster.world.agenda.pause(pollMs, node.owner);
  write(node, (transaction) => recoverPublic(transaction, node, parts));
  await pipeline.whenIdle();
  // The members' vote to open it.
  write(node, (transaction) => setService(transaction, 'WaitingForRecoveryShares'));
  const store = new Store(storeLimits);
  const old = cluster.log.secrets.chain.filter(({ fromSeqno }) => fromSeqno < next);
  await ledger.replayPrivate(new LedgerSecrets(old), (batch) => replay(store, batch, () => true));
  await pipeline.whenIdle();
  pipeline.replaceStore(store);
  node.hasState = true;
  node.secrets.prepend(old);
  pipeline.execute((transaction) => {
    setService(transaction, 'Open');
    endorseIdentity(transaction, cluster.identity.key, node.clock.nowMs());
    return { result: undefined, whenAppended: () => pipeline.state.sequencer.forceChunk() };
  });
  await pipeline.whenIdle();
  await node.askWorker(() => node.host.endRecovery());
  node.endRecovery();
}

/** The recovered service's first transaction. */
function recoverPublic(
  transaction: Writable,
  { nodeId }: SimulatedNode,
  { cluster, decision, fresh, next, view }: Parts,
): void {
  recover(transaction, {
    node: {
      id: nodeId,
      endorsedCertificatePem: identities.nodeCertificatePem,
      encryptionPublicKeyPem: identities.nodeEncryptionPem,
      quoteInfo: { format: 'Insecure_Virtual', quote: '', endorsements: '' },
      rpcInterfaces: {},
      nodeToNodeInterface: { published_address: `node-${nodeId.slice(0, 8)}:1` },
    },
    service: { createId: { view, seqno: next }, certificatePem: cluster.identity.certificatePem },
    ledgerSecret: { version: next, secret: fresh },
    record: decision.record,
  });
  // Production's cipher draws numbers that no seed repeats.
  const row = { version: next, encrypted_secret: sealFor(nodeId, fresh) };
  nodeSecrets.put(transaction, { [nodeId]: [row] });
}

function setService(transaction: Writable, status: ServiceStatus): void {
  serviceInfo.put(transaction, { ...serviceInfo.require(transaction), status });
}

function write(node: SimulatedNode, act: (transaction: Writable) => void): void {
  node.pipeline.execute((transaction) => {
    act(transaction);
    return { result: undefined };
  });
}
