/**
 * The machinery that every node runs, however it came to its service: the pipeline on the main
 * thread and the replica worker beside it, joined.
 */

import { readFile } from 'node:fs/promises';
import type { Clock, LedgerError, Log, Seqno } from '@coco/base';
import { loadRaftModule, raftModuleHashUrl, raftModuleUrl } from '@coco/consensus';
import type { SigningKey } from '@coco/crypto';
import type { TransactionStatusTracker } from '@coco/endpoint';
import type { JoinedPeer, LedgerEffects } from '@coco/governance';
import type { Store } from '@coco/kv';
import type { LedgerSecrets, OpenedEntry, Sequencer } from '@coco/ledger';
import { applyStorage } from '@coco/monitor';
import type { PeerReport } from '@coco/peers';
import {
  adoptSecret,
  BatchFollower,
  BatchPipeline,
  ConfigurationRecorder,
  type LedgerMembers,
  NodeOffice,
  type SecretOutcome,
  type SecretReceiver,
  type StorageLimits,
} from '@coco/replication';
import { nodeError } from './errors.ts';
import type { NodeKeys } from './identities.ts';
import type { NodeFolders } from './ledger-folder.ts';
import { MembersFollower } from './members-follower.ts';
import { NodeCatchUp } from './node-catch-up.ts';
import { OtherNodes } from './other-nodes.ts';
import { PeerSilence } from './peer-silence.ts';
import type { ReplicaClient, ReplicaEvents } from './replica-client.ts';
import type { RecoveredFiles, ReplicaStart } from './worker-messages.ts';

/**
 * Under load a batch gathers so long: 40 batches a second at most. Each costs every node several
 * milliseconds of a core: a signature or its verification, a flush, a round of messages.
 */
const batchGatherMs = 25;

/** How the node comes to its service. */
type CoreBegin =
  /** It makes the service, anew or of recovered files, in the first transaction that it executes. */
  | { readonly kind: 'create'; readonly execute: (core: NodeCore) => Promise<void> }
  /** The service trusts it under this id in Raft. */
  | {
      readonly kind: 'join';
      readonly raftId: Seqno;
      /** Who is a member, as the primary told it at `committed`, until the ledger here says more. */
      readonly members: LedgerMembers;
      /** The same nodes, as this one reads from them. */
      readonly peers: readonly JoinedPeer[];
      readonly committed: Seqno;
    };

export interface CoreStart extends NodeFolders {
  readonly ledgerFolder: string;
  /** Absent for a new ledger. */
  readonly recovered?: RecoveredFiles;
  readonly store: Store;
  readonly sequencer: Sequencer;
  /** The secrets that the sequencer encrypts with. */
  readonly secrets: LedgerSecrets;
  readonly tracker: TransactionStatusTracker;
  /** This node's. */
  readonly keys: NodeKeys;
  readonly serviceKey: SigningKey;
  /** Open; it listens already, if it is to. */
  readonly replica: ReplicaClient;
  readonly uncommittedMax: number;
  readonly storage: StorageLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly begin: CoreBegin;
  /** Called once when nothing is durable any more. */
  readonly onFailed: (error: LedgerError) => void;
  /** The members have retired this node: its state stands still, and only its vote is needed. */
  readonly onLockedOut: () => void;
}

export interface NodeCore {
  readonly pipeline: BatchPipeline;
  readonly replica: ReplicaClient;
  readonly tracker: TransactionStatusTracker;
  /** Who leads, as far as this node knows. */
  readonly office: NodeOffice;
  /** How this node gets what it lacks, and whom it asks. */
  readonly catchUp: NodeCatchUp;
  /** How long nothing was heard of other nodes. */
  readonly silence: PeerSilence;
  /** Writes to the ledger what consensus has come to. */
  readonly recorder: ConfigurationRecorder;
  /** What governance does to the ledger beside its rows. */
  readonly ledger: Omit<LedgerEffects, 'forceSnapshot'>;
}

/**
 * Starts Raft. A node that creates a service: resolves when its first transaction is executed. One
 * that joins: at once; it has no state yet. A core that does not begin is stopped.
 * @throws ReplicaFailed, LedgerNotEmpty and what creating the service throws
 */
export async function openCore(start: CoreStart): Promise<NodeCore> {
  const { begin, log, replica } = start;
  const { promise: elected, resolve: onPrimary } = Promise.withResolvers<void>();
  // A replica that fails never elects nor commits: without this the start would wait for ever.
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined);
  const core = buildCore(start, onPrimary);
  core.pipeline.addObserver(membersFollower(start));
  const events: ReplicaEvents = {
    onRole: (role) => core.office.onRole(role),
    onCommitted: (seqno) => core.office.onCommitted(seqno),
    onFollowed: (batch) => core.office.onFollowed(batch),
    onPeers: (report) => {
      core.silence.note(report);
      logPeers(log, report);
    },
    onConfiguration: (configuration) => {
      const { voters, learners } = configuration;
      const counts = { voters: voters.length, learners: learners.length };
      log.write('info', 'consensus.configuration', counts);
      core.recorder.onConfiguration(configuration);
    },
    onPassOn: (to) => core.office.onPassOn(to, replica),
    onRemoved: () => start.onFailed(removed()),
    onStorage: (report) => applyStorage({ gate: core.pipeline.gate, log }, report),
    onInstall: (order) => void core.catchUp.carryOut(order),
    onFailed: (error) => {
      reject(error);
      start.onFailed(error);
    },
  };
  try {
    await replica.start(await replicaStart(start), events);
    if (begin.kind === 'join') replica.setMembers(begin.members);
    else await Promise.race([elected.then(() => begin.execute(core)), failed]);
    return core;
  } catch (error) {
    core.recorder.stop();
    await replica.stop();
    throw error;
  }
}

function buildCore(start: CoreStart, onPrimary: () => void): NodeCore {
  const { sequencer, clock, log, replica, tracker, secrets } = start;
  const pipeline = new BatchPipeline({
    ...start,
    isRecovery: start.recovered !== undefined,
    gatherMs: batchGatherMs,
    ports: {
      clock,
      log,
      sign: (input) => start.serviceKey.signInPool(input),
      propose: (batch, kind) => replica.propose(batch, kind),
      defer: (callback) => setImmediate(callback),
    },
  });
  const receiver = receiverOf(start);
  const serviceSpki = start.serviceKey.spki;
  const { state } = pipeline;
  const onEntry = (entry: OpenedEntry): SecretOutcome => adoptSecret(entry, receiver);
  const follower = new BatchFollower({ state, secrets, serviceSpki, onEntry });
  const others = otherNodes(start, pipeline);
  const shared = { state, follower, receiver, serviceSpki, replica, clock, log };
  return {
    pipeline,
    replica,
    tracker,
    office: new NodeOffice({ pipeline, follower, log, onPrimary, onLockedOut: start.onLockedOut }),
    catchUp: new NodeCatchUp({
      ...shared,
      others,
      folders: start,
      ledgerFolder: start.ledgerFolder,
    }),
    recorder: new ConfigurationRecorder({ pipeline, clock, log }),
    silence: new PeerSilence(clock),
    ledger: {
      addSecret: (fromSeqno: Seqno, secret: Uint8Array) => sequencer.rekey(fromSeqno, secret),
      forceChunk: () => sequencer.forceChunk(),
    },
  };
}

function removed(): LedgerError {
  const message = 'The members have retired this node, and the network goes on without it.';
  return nodeError('NodeRemoved', message);
}

/** Who this node is to a rekey. */
function receiverOf({ keys, secrets }: CoreStart): SecretReceiver {
  return { nodeId: keys.key.id, encryptionKey: keys.encryptionKey, secrets };
}

function otherNodes({ keys, clock, begin }: CoreStart, pipeline: BatchPipeline): OtherNodes {
  const first = begin.kind === 'join' ? begin.peers : [];
  return new OtherNodes({ keys, clock, first, committed: () => pipeline.committedState() });
}

function membersFollower({ begin, keys, replica, log }: CoreStart): MembersFollower {
  return new MembersFollower({
    nodeId: keys.key.id,
    from: begin.kind === 'join' ? begin.committed : (0 as Seqno),
    log,
    tell: (members) => replica.setMembers(members),
  });
}

async function replicaStart(start: CoreStart): Promise<ReplicaStart> {
  const { sequencer, ledgerFolder, recovered, storage, begin } = start;
  const shared = { raftModule: await raftModule(), ledgerFolder, recovered, storage };
  if (begin.kind === 'join') return { ...shared, nodeId: begin.raftId, begin: { kind: 'join' } };
  // The creating transaction adds this node.
  const nodeId = sequencer.nextSeqno;
  const lastSeqno = (nodeId - 1) as Seqno;
  const { view } = sequencer;
  return { ...shared, nodeId, begin: { kind: 'start', voters: [nodeId], view, lastSeqno } };
}

function logPeers(log: Log, { kind, ...fields }: PeerReport): void {
  log.write(kind === 'up' ? 'info' : 'warning', `peer.${kind}`, fields);
}

async function raftModule(): Promise<WebAssembly.Module> {
  return loadRaftModule(await readFile(raftModuleUrl), await readFile(raftModuleHashUrl, 'utf8'));
}
