/**
 * A node of production on simulated ports: its main thread (pipeline, follower, office, adapters)
 * and its replica worker (Raft and files), with mailboxes between the two as between threads.
 * Nothing of it is a copy: what is wired here is what run-node.ts wires.
 */
import type { Adapter } from '@coco/adapter';
import { asSeqno, type Log, type Seqno, type View } from '@coco/base';
import type { Configuration, NodeId, PeerMessage } from '@coco/consensus';
import type { TransactionStatusTracker } from '@coco/endpoint';
import type { Store } from '@coco/kv';
import type { LedgerFiles, LedgerSecrets, NonceRule, OpenedEntry } from '@coco/ledger';
import { Sequencer, type SequencerOptions } from '@coco/ledger';
import {
  BatchFollower,
  BatchPipeline,
  handOver,
  hostAdapter,
  NodeOffice,
  ReplicaHost,
  type ReplicaMessage,
} from '@coco/replication';
import type { Chance } from './chance.ts';
import { type CommittedLog, nameOf } from './committed-log.ts';
import { check } from './errors.ts';
import { Mailbox } from './mailbox.ts';
import { serviceKey, signAsService } from './service-key.ts';
import { SimulatedClock } from './simulated-clock.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import type { World } from './world.ts';

/** As the replica worker's. */
const tickMs = 50;
const signMs = { low: 0.2, high: 4 };
/** Small, so that many chunks come and go in a run. */
const chunkBytes = 12_000;
/** Less than two batches: the replica often has to wait for its main thread. */
const backlogBytesMax = 4_000;
/** As small as the disks that fill up in a run. */
const storageLimits = { warningBytes: 40_000, reserveBytes: 20_000 };
/** Small, so that a primary without a majority fills up. */
const uncommittedMax = 60;

export interface NodeStart {
  readonly id: NodeId;
  readonly disk: SimulatedDisk;
  readonly files: LedgerFiles;
  readonly store: Store;
  readonly tracker: TransactionStatusTracker;
  readonly secrets: LedgerSecrets;
  readonly sequencer: Pick<
    SequencerOptions,
    'view' | 'lastView' | 'start' | 'tree' | 'committed'
  > & {
    readonly openChunkBytes?: number;
  };
  readonly service: {
    readonly configuration: Configuration;
    readonly view: View;
    readonly seqno: Seqno;
  };
  readonly log: CommittedLog | undefined;
  readonly onEntry: (entry: OpenedEntry, secrets: LedgerSecrets) => void;
}

export class SimulatedNode {
  readonly id: NodeId;
  readonly disk: SimulatedDisk;
  readonly clock: SimulatedClock;
  readonly pipeline: BatchPipeline;
  readonly office: NodeOffice;
  readonly tracker: TransactionStatusTracker;
  readonly host: ReplicaHost;
  isAlive = true;
  /** What stopped it, if it stopped by itself. */
  failure: unknown;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #log: CommittedLog | undefined;
  readonly #toMain: Mailbox;
  readonly #toWorker: Mailbox;

  constructor(world: World, start: NodeStart) {
    const { agenda, chance, nonces } = world;
    const { id, tracker, secrets } = start;
    this.id = id;
    this.disk = start.disk;
    this.tracker = tracker;
    this.#world = world;
    this.#log = start.log;
    this.#chance = chance(id);
    this.#toMain = new Mailbox(agenda, this.#chance, id);
    this.#toWorker = new Mailbox(agenda, this.#chance, id);
    this.clock = new SimulatedClock(agenda, id);
    const sequencer = sequencerOf(start, nonces.guardOf(this.name));
    this.pipeline = this.#createPipeline(start, sequencer);
    const follower = new BatchFollower({
      state: this.pipeline.state,
      secrets,
      serviceSpki: serviceKey.spki,
      onEntry: (entry) => {
        start.onEntry(entry, secrets);
        return 'none';
      },
    });
    const { pipeline } = this;
    this.office = new NodeOffice({ pipeline, follower, log: this.#logPort() });
    this.host = this.#createHost(start);
    world.network.receivers.set(id, this);
    this.host.start(start.service);
    this.#tickFor(world);
  }

  get name(): string {
    return `node ${this.id}`;
  }

  get isShort(): boolean {
    return this.host.isShort;
  }

  /** Gives an adapter its host; it seals and observes from here on. */
  startAdapter(adapter: Adapter): void {
    const { pipeline, clock } = this;
    adapter.start(
      hostAdapter(adapter, {
        pipeline,
        clock,
        random: this.#chance,
        log: this.#logPort(),
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
    return handOver({ pipeline: this.pipeline, replica: this.#officePort() }, to);
  }

  #officePort(): { handOver(to: NodeId): Promise<void> } {
    return { handOver: (to) => this.askWorker(() => this.host.handOver(to)) };
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
    this.isAlive = false;
    this.disk.memory.crash(this.#chance);
    this.#world.agenda.kill(this.id);
    this.#world.network.receivers.delete(this.id);
  }

  #tickFor({ agenda }: World): void {
    agenda.after(this.#chance.between(tickMs * 0.8, tickMs * 1.2), this.id, () => {
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
      ports: {
        clock: this.clock,
        log: this.#logPort(),
        sign: async (input) => {
          await agenda.pause(this.#chance.between(signMs.low, signMs.high), this.id);
          return signAsService(input);
        },
        propose: (batch, kind) => {
          this.#log?.proposes(this.id, batch);
          this.#world.transcript.write(this.name, `proposes ${kind} ${rangeOf(batch)}`);
          const { view, firstSeqno, entryCount, body, digest } = batch;
          const proposed = { kind, view, firstSeqno, entryCount, body, digest };
          this.#toWorker.post(() => this.host.propose(proposed));
        },
        defer: (callback) => void agenda.after(0, this.id, callback),
      },
    });
    pipeline.addObserver({
      onCommitted: (batch) => {
        this.#log?.commits(this.id, batch);
        const { view, firstSeqno, lastSeqno } = batch;
        this.#world.transcript.write(this.name, `commits ${view}.${firstSeqno}-${lastSeqno}`);
      },
      rolledBack: (to) => this.#world.transcript.write(this.name, `goes back to ${to}`),
    });
    return pipeline;
  }

  #createHost(start: NodeStart): ReplicaHost {
    return new ReplicaHost({
      nodeId: this.id,
      raftModule: this.#world.raftModule,
      files: start.files,
      disk: start.disk.patient,
      storage: storageLimits,
      backlogBytesMax,
      isFit: (peer) => this.#world.network.receivers.get(peer)?.isShort === false,
      clock: this.clock,
      random: this.#chance,
      log: this.#logPort(),
      send: (to, message) => {
        if (this.isAlive) this.#world.network.send(this.id, to, message);
      },
      post: (message) => this.#toMain.post(() => this.#receive(message)),
      onFailed: (error) => {
        this.failure = error;
      },
    });
  }

  #receive(message: ReplicaMessage): void {
    switch (message.kind) {
      case 'role': {
        const { role, view, canExecute } = message;
        const what = canExecute ? 'is primary' : role;
        this.#world.transcript.write(this.name, `${what} in view ${view}`);
        this.office.onRole(message);
        break;
      }
      case 'committed':
        this.office.onCommitted(message.seqno);
        break;
      case 'followed': {
        this.#log?.delivers(this.id, message.batch);
        const { batch } = message;
        this.#world.transcript.write(this.name, `is given ${rangeOf(batch)} ${nameOf(batch.body)}`);
        this.office.onFollowed(batch);
        const applied = asSeqno(batch.firstSeqno + batch.entryCount - 1);
        this.#toWorker.post(() => this.host.applied(applied));
        break;
      }
      case 'install':
        check(false, 'no node is so far behind that it needs a snapshot');
        break;
      case 'passOn':
        this.#world.transcript.write(this.name, `is short of room: node ${message.to} is not`);
        this.office.onPassOn(message.to, this.#officePort());
        break;
      case 'storage':
        this.#world.transcript.write(this.name, `has ${message.level} room on its disk`);
        this.pipeline.gate.setStorage(message.level);
        break;
      default:
    }
  }

  #logPort(): Log {
    return {
      write: (level, event, fields = {}) => {
        if (level === 'debug' || event === 'consensus.role') return;
        if (event === 'consensus.refused') this.#world.counts.add('dropped proposal');
        this.#world.transcript.write(this.name, `${event} ${JSON.stringify(fields)}`);
      },
    };
  }
}

function sequencerOf(start: NodeStart, guard: NonceRule): Sequencer {
  const { id, algorithm } = serviceKey;
  const signer = { keyId: id, algorithm, issuer: 'simulated service', subject: 'ledger' };
  return new Sequencer({ ...start.sequencer, secrets: start.secrets, guard, signer, chunkBytes });
}

function rangeOf(batch: {
  readonly view: View;
  readonly firstSeqno: Seqno;
  readonly entryCount: number;
}): string {
  return `${batch.view}.${batch.firstSeqno}-${batch.firstSeqno + batch.entryCount - 1}`;
}
