/**
 * A node of production on simulated ports: its main thread (pipeline, follower, office, installer,
 * adapters) and its replica worker (Raft and files), with mailboxes between the two as between
 * threads. Nothing of it is a copy: what is wired here is what the node wires.
 */
import type { Adapter } from '@coco/adapter';
import { asSeqno, type Log } from '@coco/base';
import type { Configuration, NodeId, PeerMessage } from '@coco/consensus';
import type { TransactionStatusTracker } from '@coco/endpoint';
import type { LedgerFiles, LedgerSecrets, Sequencer } from '@coco/ledger';
import {
  adoptSecret,
  BatchFollower,
  BatchPipeline,
  type CatchUpOrder,
  ConfigurationRecorder,
  handOver,
  hostAdapter,
  type LedgerInstaller,
  type LedgerMembers,
  NodeOffice,
  type ReplicaHost,
  type ReplicaMessage,
} from '@coco/replication';
import type { Chance } from './chance.ts';
import { type CommittedLog, nameOf, rangeOf } from './committed-log.ts';
import { check } from './errors.ts';
import { Mailbox } from './mailbox.ts';
import { createHost } from './node-host.ts';
import { carryOut, createInstaller } from './node-installer.ts';
import { nodeLog } from './node-log.ts';
import { followMembers } from './node-members.ts';
import { OlderPart } from './node-older.ts';
import { makeSnapshots } from './node-snapshots.ts';
import { type NodeBeginning, type NodeStart, sequencerOf } from './node-start.ts';
import { simulatedKey } from './rekey.ts';
import type { RunningNode } from './running-node.ts';
import { SimulatedClock } from './simulated-clock.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import type { World } from './world.ts';

/** As the replica worker's. */
const tickMs = 50;
const signMs = { low: 0.2, high: 4 };
/** Small, so that a primary without a majority fills up. */
const uncommittedMax = 60;
/** Configurations of which a commit that is heard may be. */
const rememberedConfigurations = 3;

export class SimulatedNode implements RunningNode {
  readonly id: NodeId;
  readonly nodeId: string;
  readonly owner: number;
  readonly disk: SimulatedDisk;
  readonly files: LedgerFiles;
  readonly clock: SimulatedClock;
  readonly pipeline: BatchPipeline;
  readonly office: NodeOffice;
  readonly tracker: TransactionStatusTracker;
  readonly secrets: LedgerSecrets;
  readonly host: ReplicaHost;
  readonly installer: LedgerInstaller;
  readonly isHostile: boolean;
  isAlive = true;
  /** The members have retired it, and the ledger is closed to it. */
  isLockedOut = false;
  /** It recovers a service that is not open yet; its state is public until `hasState`. */
  isRecovering: boolean;
  hasState: boolean;
  /** What stopped it, if it stopped by itself. */
  failure: unknown;
  /** Whom its channel knows. */
  peers: readonly NodeId[] = [];
  readsFrom: readonly NodeId[] = [];
  /** Configurations, one of which the commit that was heard last was made under. */
  heardConfigurations: readonly Configuration[] = [];
  readonly #world: World;
  readonly #start: NodeStart;
  readonly #chance: Chance;
  readonly #log: CommittedLog;
  readonly #nodeLog: Log;
  readonly #recorder: ConfigurationRecorder;
  readonly #toMain: Mailbox;
  readonly #toWorker: Mailbox;
  #configurations: readonly Configuration[] = [];
  #whenPart: (() => void)[] = [];
  readonly #older: OlderPart;

  constructor(world: World, start: NodeStart) {
    const { agenda, nonces } = world;
    const { id, tracker, secrets, chance } = start;
    this.id = id;
    this.nodeId = start.nodeId;
    this.owner = start.owner;
    this.isRecovering = start.begin.kind === 'recover';
    this.hasState = !this.isRecovering;
    this.disk = start.disk;
    this.files = start.files;
    this.isHostile = start.isHostile ?? false;
    this.tracker = tracker;
    this.secrets = secrets;
    this.#world = world;
    this.#start = start;
    this.#log = start.log;
    this.#nodeLog = nodeLog(world, this);
    this.#chance = chance;
    this.#toMain = new Mailbox(agenda, chance, start.owner);
    this.#toWorker = new Mailbox(agenda, chance, start.owner);
    this.clock = new SimulatedClock(agenda, start.owner);
    this.pipeline = this.#createPipeline(start, sequencerOf(start, nonces.guardOf(this.name)));
    const { pipeline, clock } = this;
    const receiver = { secrets, nodeId: start.nodeId, encryptionKey: simulatedKey(start.nodeId) };
    const follower = new BatchFollower({
      state: pipeline.state,
      secrets,
      serviceSpki: start.service.key.spki,
      onEntry: (entry) => adoptSecret(entry, receiver),
    });
    this.office = new NodeOffice({
      pipeline,
      follower,
      log: this.#nodeLog,
      onLockedOut: () => {
        world.counts.add('locked out');
        this.isLockedOut = true;
      },
    });
    this.#recorder = new ConfigurationRecorder({ pipeline, clock, log: this.#nodeLog });
    const shared = { world, start, follower, receiver, log: this.#nodeLog };
    this.installer = createInstaller(this, shared);
    this.host = this.#createHost(shared);
    const parts = { world, start, log: this.#nodeLog };
    makeSnapshots(this, parts);
    const onFailed = (error: unknown): void => {
      this.failure ??= error;
    };
    this.#older = new OlderPart(this, { ...parts, onFailed });
    world.network.receivers.set(id, this);
    const tell = (members: LedgerMembers): void =>
      this.#toWorker.post(() => this.#setMembers(members));
    followMembers(pipeline, { start, log: this.#nodeLog, tell });
    this.#begin(start.begin);
    this.#tickFor(world);
  }

  get name(): string {
    return `node ${this.id}`;
  }

  get isShort(): boolean {
    return this.host.isShort;
  }

  /** Whether it holds what was committed when the service took it in: then it answers clients. */
  get isPart(): boolean {
    const { begin } = this.#start;
    if (this.isLockedOut || this.isRecovering) return false;
    return this.pipeline.committedSeqno >= (begin.kind === 'join' ? begin.committed : 1);
  }

  /** The seqno of the snapshot that it began from; 0 where its files begin with the ledger. */
  get startedAfter(): number {
    return this.#older.isDone ? 0 : (this.installer.startedFrom?.seqno ?? 0);
  }

  /** Resolves when it is part of the service. */
  whenPart(): Promise<void> {
    if (this.isPart) return Promise.resolve();
    return new Promise((resolve) => this.#whenPart.push(resolve));
  }

  /** The service that it recovers is open. */
  endRecovery(): void {
    this.pipeline.endRecovery();
    this.isRecovering = false;
    this.#tellPart();
  }

  /** Gives an adapter its host; it seals and observes from here on. */
  startAdapter(adapter: Adapter): void {
    const { pipeline, clock } = this;
    adapter.start(
      hostAdapter(adapter, {
        pipeline,
        clock,
        random: this.#chance,
        log: this.#nodeLog,
        view: () => pipeline.view,
        // Calls between nodes over HTTPS are not simulated: nobody is reached.
        callPrimary: async () => undefined,
      }),
    );
  }

  step(from: NodeId, message: PeerMessage, isIntact: boolean): void {
    if (!this.isAlive) return;
    const verdict = this.host.step(from, message);
    const reason = verdict.kind === 'accept' ? '' : `: ${JSON.stringify(verdict)}`;
    check(
      verdict.kind !== 'reject' || !isIntact,
      `${this.name} rejects an honest message${reason}`,
    );
  }

  unreachable(peer: NodeId): void {
    if (this.isAlive) this.host.unreachable(peer);
  }

  /** Production's way to pass office on. @throws HandOverFailed and others */
  handOver(to: NodeId): Promise<void> {
    return handOver({ pipeline: this.pipeline, replica: this.#replica }, to);
  }

  /** Runs a call on the worker, and its answer back on the main thread. */
  askWorker<Answer>(call: () => Answer | Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#toWorker.post(() => {
        Promise.resolve()
          .then(call)
          .then(
            (answer) => this.#toMain.post(() => resolve(answer)),
            (error: unknown) => this.#toMain.post(() => reject(error)),
          );
      });
    });
  }

  /** Ends it as a power cut would: nothing runs any more, what was not flushed is lost or torn. */
  crash(): void {
    this.disk.memory.crash(this.#chance);
    this.end();
  }

  /** Ends the process; the machine stays, and so does what was written. */
  end(): void {
    this.isAlive = false;
    this.#world.agenda.kill(this.owner);
    this.#world.network.receivers.delete(this.id);
  }

  get #replica(): { handOver(to: NodeId): Promise<void> } {
    return { handOver: (to) => this.askWorker(() => this.host.handOver(to)) };
  }

  #begin(begin: NodeBeginning): void {
    if (begin.kind === 'join') {
      this.#setMembers(begin.members);
      this.host.join();
    } else this.host.start(begin);
  }

  #setMembers(members: LedgerMembers): void {
    this.readsFrom = members.peers.map(({ id }) => id);
    this.host.setMembers(members);
  }

  #tickFor({ agenda }: World): void {
    agenda.after(this.#chance.between(tickMs * 0.8, tickMs * 1.2), this.owner, () => {
      this.host.tick();
      this.#tickFor(this.#world);
    });
  }

  #createPipeline(start: NodeStart, sequencer: Sequencer): BatchPipeline {
    const { agenda } = this.#world;
    const { store, tracker } = start;
    const pipeline = new BatchPipeline({
      store,
      sequencer,
      tracker,
      uncommittedMax,
      isRecovery: this.isRecovering,
      ports: {
        clock: this.clock,
        log: this.#nodeLog,
        sign: async (input) => {
          await agenda.pause(this.#chance.between(signMs.low, signMs.high), this.owner);
          return start.service.key.sign(input);
        },
        propose: (batch, kind) => {
          this.#log.proposes(this.id, batch);
          this.#world.transcript.write(this.name, `proposes ${kind} ${rangeOf(batch)}`);
          const { view, firstSeqno, entryCount, body, digest } = batch;
          const proposed = { kind, view, firstSeqno, entryCount, body, digest };
          this.#toWorker.post(() => this.host.propose(proposed));
        },
        defer: (callback) => void agenda.after(0, this.owner, callback),
      },
    });
    pipeline.addObserver({
      onCommitted: (batch) => {
        this.#log.commits(this.id, { ...batch, isWhole: this.hasState });
        this.#tellPart();
        const { view, firstSeqno, lastSeqno } = batch;
        this.#world.transcript.write(this.name, `commits ${view}.${firstSeqno}-${lastSeqno}`);
      },
      rolledBack: (to) => this.#world.transcript.write(this.name, `goes back to ${to}`),
    });
    return pipeline;
  }

  #createHost(shared: {
    readonly world: World;
    readonly start: NodeStart;
    readonly log: Log;
  }): ReplicaHost {
    return createHost(this, {
      ...shared,
      post: (message) => this.#post(message),
      onPeers: (ids) => {
        this.peers = ids;
        this.#world.network.setPeers(this.id, ids);
      },
      onFailed: (error) => {
        this.failure = error;
      },
    });
  }

  /** On the worker: what it says reaches the main thread later, in order. */
  #post(message: ReplicaMessage): void {
    if (message.kind === 'configuration') {
      const { configuration, office } = this.host.status();
      this.#configurations = [...this.#configurations, configuration].slice(
        -rememberedConfigurations,
      );
      const view = office.canExecute ? office.view : undefined;
      this.#world.members.configured(this.id, { configuration, office: view });
    }
    const configurations = this.#configurations;
    this.#toMain.post(() => {
      this.heardConfigurations = configurations;
      this.#receive(message);
    });
  }

  #receive(message: ReplicaMessage): void {
    const { transcript, counts } = this.#world;
    switch (message.kind) {
      case 'role': {
        const { role, view, canExecute } = message;
        const what = canExecute ? 'is primary' : role;
        transcript.write(this.name, `${what} in view ${view}`);
        this.office.onRole(message);
        break;
      }
      case 'committed':
        this.office.onCommitted(message.seqno);
        break;
      case 'followed': {
        this.#log.delivers(this.id, message.batch);
        const { batch } = message;
        transcript.write(this.name, `is given ${rangeOf(batch)} ${nameOf(batch.body)}`);
        this.office.onFollowed(batch);
        const applied = asSeqno(batch.firstSeqno + batch.entryCount - 1);
        this.#toWorker.post(() => this.host.applied(applied));
        break;
      }
      case 'configuration': {
        const { voters, learners } = message;
        transcript.write(this.name, `voters ${voters.join(' ')} learners ${learners.join(' ')}`);
        this.#recorder.onConfiguration(message);
        break;
      }
      case 'install':
        counts.add('install');
        this.#install(message);
        break;
      case 'passOn':
        counts.add('office passed on');
        this.office.onPassOn(message.to, this.#replica);
        break;
      case 'removed':
        counts.add('removed node ends');
        transcript.write(this.name, 'ends: it was removed');
        this.end();
        break;
      case 'storage':
        this.#world.transcript.write(this.name, `has ${message.level} room on its disk`);
        this.pipeline.gate.setStorage(message.level);
        break;
      default:
    }
  }

  #tellPart(): void {
    if (this.isPart) for (const resolve of this.#whenPart.splice(0)) resolve();
  }

  /** Fetches what the replica lacks, as the node does. */
  #install(order: CatchUpOrder): void {
    this.#world.transcript.write(this.name, `lacks the ledger from ${order.next} on`);
    carryOut(this, order).then(
      () => this.#older.begin(this.installer.startedFrom),
      (error: unknown) => {
        this.failure ??= error;
      },
    );
  }
}
