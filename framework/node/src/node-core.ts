/**
 * The machinery that every node runs, however its service began: the pipeline on the main thread
 * and the replica worker beside it, joined. It resolves once this node may execute.
 */

import { readFile } from 'node:fs/promises';
import { assert, type Clock, type LedgerError, type Log, present, type Seqno } from '@coco/base';
import { loadRaftModule, raftModuleHashUrl, raftModuleUrl } from '@coco/consensus';
import type { SigningKey } from '@coco/crypto';
import type { TransactionStatusTracker } from '@coco/endpoint';
import type { LedgerEffects } from '@coco/governance';
import type { Store } from '@coco/kv';
import type { LedgerSecrets, Sequencer } from '@coco/ledger';
import type { PeerListen, PeerReport } from '@coco/peers';
import {
  adoptSecret,
  BatchFollower,
  BatchPipeline,
  NodeOffice,
  type SecretReceiver,
  type StorageLimits,
} from '@coco/replication';
import { ReplicaClient } from './replica-client.ts';
import { applyStorage } from './storage-alarm.ts';
import type { RecoveredFiles } from './worker-messages.ts';

/** This node's id in Raft: the seqno of the transaction that adds it to the service. */
export interface CoreStart {
  readonly ledgerFolder: string;
  /** Absent for a new ledger. */
  readonly recovered?: RecoveredFiles;
  readonly store: Store;
  readonly sequencer: Sequencer;
  /** The secrets that the sequencer encrypts with. */
  readonly secrets: LedgerSecrets;
  readonly tracker: TransactionStatusTracker;
  /** Who this node is to a rekey. */
  readonly receiver: Omit<SecretReceiver, 'secrets'>;
  readonly serviceKey: SigningKey;
  /** Undefined for a node that runs alone. */
  readonly peerListen: PeerListen | undefined;
  readonly uncommittedMax: number;
  readonly storage: StorageLimits;
  readonly clock: Clock;
  readonly log: Log;
  /** Executes the transaction that creates or recovers the service. */
  readonly begin: (core: NodeCore) => Promise<void>;
  /** Called once when nothing is durable any more. */
  readonly onFailed: (error: LedgerError) => void;
}

export interface NodeCore {
  readonly pipeline: BatchPipeline;
  readonly replica: ReplicaClient;
  readonly tracker: TransactionStatusTracker;
  /** What governance does to the ledger beside its rows. */
  readonly ledger: Omit<LedgerEffects, 'forceSnapshot'>;
}

/**
 * Starts Raft, waits until this node is the primary, and begins the service. A core whose service
 * does not begin is stopped.
 * @throws ReplicaFailed, LedgerNotEmpty, AddressInUse and what `begin` throws
 */
export async function openCore(start: CoreStart): Promise<NodeCore> {
  const { sequencer, clock, log } = start;
  const { promise: elected, resolve } = Promise.withResolvers<void>();
  // A replica that fails never elects nor commits: without this the start would wait for ever.
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined);
  let replica: ReplicaClient | undefined;
  const pipeline = new BatchPipeline({
    ...start,
    isRecovery: start.recovered !== undefined,
    ports: {
      clock,
      log,
      sign: (input) => start.serviceKey.signInPool(input),
      propose: (batch, kind) => present(replica, 'the replica runs').propose(batch, kind),
      defer: (callback) => setImmediate(callback),
    },
  });
  const follower = new BatchFollower({
    state: pipeline.state,
    secrets: start.secrets,
    serviceSpki: start.serviceKey.spki,
    onEntry: (entry) => adoptSecret(entry, { ...start.receiver, secrets: start.secrets }),
  });
  const office = new NodeOffice({ pipeline, follower, log, onPrimary: resolve });
  replica = await startReplica(start, { office, pipeline }, (error) => {
    reject(error);
    start.onFailed(error);
  });
  const ledger = {
    addSecret: (fromSeqno: Seqno, secret: Uint8Array) => sequencer.rekey(fromSeqno, secret),
    forceChunk: () => sequencer.forceChunk(),
  };
  const core = { pipeline, replica, tracker: start.tracker, ledger };
  try {
    await Promise.race([elected.then(() => start.begin(core)), failed]);
    return core;
  } catch (error) {
    await replica.stop();
    throw error;
  }
}

async function startReplica(
  start: CoreStart,
  main: { readonly office: NodeOffice; readonly pipeline: BatchPipeline },
  onFailed: (error: LedgerError) => void,
): Promise<ReplicaClient> {
  const { sequencer, log } = start;
  const { office, pipeline } = main;
  const begin = {
    kind: 'start',
    voters: [sequencer.nextSeqno],
    view: sequencer.view,
    lastSeqno: (sequencer.nextSeqno - 1) as Seqno,
  } as const;
  const { ledgerFolder, recovered, peerListen, storage } = start;
  const nodeId = sequencer.nextSeqno;
  const client: ReplicaClient = await ReplicaClient.start(
    { raftModule: await raftModule(), ledgerFolder, recovered, nodeId, begin, peerListen, storage },
    {
      onRole: (role) => office.onRole(role),
      onCommitted: (seqno) => office.onCommitted(seqno),
      onFollowed: (batch) => office.onFollowed(batch),
      onPeers: (report) => logPeers(log, report),
      onConfiguration: ({ voters, learners }) => {
        const counts = { voters: voters.length, learners: learners.length };
        log.write('info', 'consensus.configuration', counts);
      },
      onPassOn: (to) => office.onPassOn(to, client),
      onRemoved: () => log.write('warning', 'node.removed'),
      onStorage: (report) => applyStorage({ gate: pipeline.gate, log }, report),
      onInstall: () => assert(false, 'no node joins yet: none has to catch up'),
      onFailed,
    },
  );
  return client;
}

function logPeers(log: Log, { kind, ...fields }: PeerReport): void {
  log.write(kind === 'up' ? 'info' : 'warning', `peer.${kind}`, fields);
}

async function raftModule(): Promise<WebAssembly.Module> {
  return loadRaftModule(await readFile(raftModuleUrl), await readFile(raftModuleHashUrl, 'utf8'));
}
