/**
 * Raft and the ledger's files of one node, joined: what consensus persists goes to the files, what
 * commits is told to the node's main thread. It does no I/O and starts no timer: disk, network and
 * clock are ports, so that the replica worker runs it on a thread and the simulator on its own
 * time. Everything it says is one stream of messages, in order; the receiver relies on that order.
 */

import {
  assert,
  type Clock,
  LedgerError,
  type Log,
  present,
  type Random,
  type Seqno,
  type View,
} from '@coco/base';
import {
  type Configuration,
  lastSeqnoOf,
  type NodeId,
  type Office,
  type PeerMessage,
  Replica,
  type ReplicaLimits,
  type ReplicaPorts,
  type ReplicaStatus,
  type SnapshotOffer,
  type StoredBatch,
  type Verdict,
} from '@coco/consensus';
import type { BatchBody, LedgerFiles, PatientDisk } from '@coco/ledger';
import { CatchUp } from './catch-up.ts';
import { replicationError } from './errors.ts';
import { MembershipDriver } from './membership-driver.ts';
import { readBody } from './read-body.ts';
import type { CoveredEntry, ProposedBatch, ReplicaMessage } from './replica-messages.ts';
import type { KeptSnapshot } from './snapshot-maker.ts';
import { type StorageLimits, StorageWatch, storageLimitsDefault } from './storage-watch.ts';

/** Between two measures of the disk's room: a second, by the worker's beat of 50 ms. */
const measureTicks = 20;

export interface ReplicaHostOptions {
  readonly nodeId: NodeId;
  /** From loadRaftModule. */
  readonly raftModule: WebAssembly.Module;
  /** The ledger up to where the replica starts; the host's from here on. */
  readonly files: LedgerFiles;
  /** What the files lie on: from here on a write that has no room waits. */
  readonly disk: PatientDisk;
  readonly storage?: StorageLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log;
  readonly limits?: Partial<ReplicaLimits>;
  readonly send: ReplicaPorts['send'];
  /** Takes what happens here, in order. */
  readonly post: (message: ReplicaMessage) => void;
  /** The replica has stopped for good. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * Beats after which a view that the main thread does not begin is given up: ten seconds, for it may
 * have much to read before; one, where the ledger has retired this node.
 */
const idleTicksMax = { member: 200, retired: 20 };

interface HandOver {
  readonly resolve: () => void;
}

export class ReplicaHost {
  readonly #options: ReplicaHostOptions;
  readonly #files: LedgerFiles;
  readonly #replica: Replica;
  readonly #catchUp: CatchUp;
  readonly #membership: MembershipDriver;
  readonly #storage: StorageWatch;
  /** Whether office could pass to another voter. */
  #hasOtherVoters = false;
  #tickCount = 0;
  /** The last seqno that this replica has delivered, or began with. */
  #committed: Seqno;
  #office: Office | undefined;
  /** The last view in which the main thread was told that it may execute. */
  #announced: View | undefined;
  /** The newest view in which the main thread has proposed: it knows the ledger up to there. */
  #begun: View | undefined;
  #handOver: HandOver | undefined;
  /** Beats in which this node leads and its main thread has not begun the view. */
  #idleTicks = 0;
  #hasEnded = false;
  #flushCount = 0;
  #flushMs = 0;

  constructor(options: ReplicaHostOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#committed = options.files.committed;
    this.#catchUp = new CatchUp(options.files, (order) =>
      options.post({ kind: 'install', ...order }),
    );
    this.#membership = new MembershipDriver({
      nodeId: options.nodeId,
      log: options.log,
      propose: (change) => this.#replica.proposeMembership(change),
      passOn: (to) => options.post({ kind: 'passOn', to }),
    });
    const { disk, storage = storageLimitsDefault, post } = options;
    this.#storage = new StorageWatch({
      files: options.files,
      limits: storage,
      onLevel: (level) => post({ kind: 'storage', level, freeBytes: this.#storage.freeBytes }),
    });
    disk.attend({
      onFull: (isFull) => this.#onFull(isFull),
      meanwhile: (again) => this.#files.serveReads(again),
    });
    this.#replica = new Replica({
      ...options,
      id: options.nodeId,
      module: options.raftModule,
      ports: {
        persist: (batches, truncateFrom) => this.#persist(batches, truncateFrom),
        send: options.send,
        readBody: (handle) => readBody(options.files, handle),
        installSnapshot: (offer) => this.#install(offer),
      },
      events: {
        onRole: (office) => this.#onRole(office),
        onCommitted: (batches) => this.#onCommitted(batches),
        onConfiguration: (configuration) => this.#onConfiguration(configuration),
        onRemoved: () => options.post({ kind: 'removed' }),
        onFailed: (error) => this.#fail(error),
      },
    });
  }

  /** One of the first nodes of a service, or of a recovered one; `view` is its first view. */
  start(service: {
    readonly configuration: Configuration;
    readonly view: View;
    readonly seqno: Seqno;
  }): void {
    this.#replica.start(service);
    this.#onConfiguration(service.configuration);
  }

  /** A node that the service has added: the leader brings everything, once Raft counts it in. */
  join(): void {
    this.#replica.join();
  }

  /** One beat of Raft's clock. */
  tick(): void {
    if (this.#hasEnded) return;
    this.#replica.tick();
    const { transferee } = this.#handOver ? this.#replica.status().raft : { transferee: undefined };
    if (transferee === 0) this.#endHandOver();
    this.#followLedger();
    if (this.#tickCount++ % measureTicks === 0) void this.measureStorage();
  }

  /** The nodes that the committed ledger trusts, by their ids in Raft; this one among them. */
  setTrusted(ids: readonly NodeId[]): void {
    this.#membership.setTrusted(ids);
  }

  /** A message from a peer that the transport has authenticated. */
  step(from: NodeId, message: PeerMessage): Verdict {
    return this.#replica.step(from, message);
  }

  unreachable(peer: NodeId): void {
    this.#replica.unreachable(peer);
  }

  /** @throws ReplicaStopped */
  status(): ReplicaStatus {
    return this.#replica.status();
  }

  /**
   * Takes a batch of this primary. One that comes too late, because office was lost on its way, is
   * dropped: the main thread hears of the loss. Where Raft refuses it, office is given up: a batch
   * is never made anew in its view.
   */
  propose(batch: ProposedBatch): void {
    const { kind, view, firstSeqno, entryCount, body, digest } = batch;
    const handle = { kind, view, firstSeqno, entryCount, bodyBytes: body.length, digest };
    assert(view <= (this.#announced ?? 0), 'a batch is of a view that this node may execute in');
    this.#begun = view;
    try {
      this.#replica.propose(handle, body);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      if (error.code === 'NotLeaderInView') return;
      if (error.code !== 'ProposalDropped' && error.code !== 'TooManyInFlight') throw error;
      this.#options.log?.write('warning', 'consensus.refused', { code: error.code, view });
      this.#replica.resign();
    }
  }

  /**
   * Hands office to another voter; nothing waits for commit. Resolves when office is lost or the
   * hand-over was given up. @throws NotLeaderInView, NotVoter, BatchesInFlight, HandOverPending
   */
  async handOver(to: NodeId): Promise<void> {
    if (this.#handOver)
      throw replicationError('HandOverPending', 'Office is being handed over already.');
    this.#replica.transferLeadership(to);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#handOver = { resolve };
    await promise;
  }

  /** Whom a primary hands office to when it is to end; undefined: nobody, or it is none. */
  heir(): NodeId | undefined {
    const isPrimary = this.#office?.canExecute === true;
    return isPrimary ? this.#membership.heir(this.#replica.status()) : undefined;
  }

  /** Gives up office. @throws NotLeaderInView */
  resign(): void {
    this.#replica.resign();
  }

  /** See Replica.readIndex. */
  readIndex(): Promise<void> {
    return this.#replica.readIndex();
  }

  /** An entry and the signature that covers it. @throws as LedgerFiles.readEntries does */
  async readCovered(seqno: Seqno): Promise<CoveredEntry> {
    const signature = await this.#files.readBatchSignature(seqno);
    const [entry] = await this.#files.readEntries(seqno, seqno);
    return { entry: present(entry, 'a read answers with one entry at least'), signature };
  }

  /** This node has the file of a committed snapshot: as primary it offers it to who is far behind. */
  offerSnapshot({ name, digest, seqno }: KeptSnapshot): void {
    this.#replica.offerSnapshot({ name, digest }, seqno);
  }

  /** The main thread's state is that of a snapshot; `request` is of the order to catch up. */
  startAfter(request: number, snapshot: Seqno): Promise<void> {
    return this.#catchUp.startAfter(request, snapshot);
  }

  /** Verified batches for an order to catch up. @throws LedgerUnwritable, DiskFault */
  installBatches(request: number, batches: readonly BatchBody[]): Promise<void> {
    return this.#catchUp.append(request, batches);
  }

  /** All batches of the order are here: the replica goes on, or ends if they are not the ones. */
  installed(request: number): Promise<void> {
    return this.#catchUp.complete(request);
  }

  /** The order cannot be carried out: the replica ends. */
  installFailed(request: number, cause: { readonly code: string; readonly message: string }): void {
    this.#catchUp.fail(request, cause);
  }

  async endRecovery(): Promise<void> {
    await this.#files.endRecovery();
  }

  async stop(): Promise<void> {
    this.#hasEnded = true;
    this.#replica.stop();
    this.#catchUp.stop();
    this.#endHandOver();
    this.#options.disk.giveUp();
    await this.#files.close();
  }

  /** Raft's configuration follows the ledger's nodes, as far as they are known to be the newest. */
  #followLedger(): void {
    const office = this.#office;
    const isPrimary = office?.canExecute === true;
    const isInOffice = isPrimary && office.view === this.#begun;
    this.#idleTicks = isPrimary && !isInOffice ? this.#idleTicks + 1 : 0;
    if (!isInOffice || this.#handOver) this.#membership.rest();
    else this.#membership.tick(this.#replica.status());
    const max = this.#membership.isRetired ? idleTicksMax.retired : idleTicksMax.member;
    if (this.#idleTicks >= max) this.#giveUpOffice();
  }

  /** The main thread of a retired node may have no state to begin a view on: another begins one. */
  #giveUpOffice(): void {
    this.#idleTicks = 0;
    this.#options.log?.write('info', 'membership.givenUp');
    this.#replica.resign();
  }

  /**
   * A write waits for room on the disk, or has got it. A primary passes its office on: its batch
   * has left this node to nobody, since what is not saved is not sent.
   */
  #onFull(isFull: boolean): void {
    if (this.#hasEnded) return;
    if (isFull) {
      this.#replica.stall();
      if (this.#office?.role === 'leader' && this.#hasOtherVoters) this.#replica.resign();
    } else this.#replica.resume();
    this.#storage.setFull(isFull);
    if (!isFull) void this.measureStorage();
  }

  /** Tells how much room the disk has, if that is another level. Called by the beat, too. */
  async measureStorage(): Promise<void> {
    try {
      await this.#storage.measure();
    } catch (error) {
      if (!(error instanceof LedgerError)) return this.#fail(error);
      this.#options.log?.write('warning', 'storage.unmeasured', { code: error.code });
    }
  }

  async #install(offer: SnapshotOffer): Promise<void> {
    await this.#catchUp.install(offer, this.#committed);
    if (offer.lastBatch) this.#committed = lastSeqnoOf(offer.lastBatch);
  }

  #onConfiguration({ voters, votersOutgoing, learners, learnersNext }: Configuration): void {
    const all = [...new Set([...voters, ...votersOutgoing])];
    const receiving = [...new Set([...learners, ...learnersNext])].filter(
      (id) => !all.includes(id),
    );
    this.#hasOtherVoters = all.some((id) => id !== this.#options.nodeId);
    this.#options.post({ kind: 'configuration', voters: all, learners: receiving });
  }

  async #persist(batches: readonly StoredBatch[], truncateFrom: Seqno | undefined): Promise<void> {
    const { clock, post } = this.#options;
    const startedMs = clock.monotonicMs();
    if (truncateFrom !== undefined) {
      await this.#files.truncateAfter((truncateFrom - 1) as Seqno);
    }
    await this.#files.append(
      batches.map(({ handle, body }) => ({ firstSeqno: handle.firstSeqno, body })),
    );
    await this.#files.flush();
    for (const { body } of batches) this.#storage.wrote(body.length);
    this.#flushCount++;
    this.#flushMs += clock.monotonicMs() - startedMs;
    post({ kind: 'measured', flushes: this.#flushCount, flushSeconds: this.#flushMs / 1000 });
  }

  #onRole(office: Office): void {
    this.#office = office;
    const { role, view, leaderId, canExecute } = office;
    if (canExecute) this.#announced = view;
    this.#options.post({ kind: 'role', role, view, leaderId, canExecute });
    if (role !== 'leader') this.#endHandOver();
  }

  /**
   * A primary's own batches are on its main thread already; everything else goes there with its
   * body. The main thread learns of a lost office after what was told to it as its own.
   */
  #onCommitted(batches: readonly StoredBatch[]): void {
    const { post } = this.#options;
    for (const { handle, body } of batches) {
      const { view, firstSeqno, entryCount } = handle;
      if (this.#isOwn(view)) post({ kind: 'committed', seqno: lastSeqnoOf(handle) });
      else post({ kind: 'followed', batch: { view, firstSeqno, entryCount, body } });
    }
    const last = batches.at(-1);
    if (!last) return;
    this.#committed = lastSeqnoOf(last.handle);
    this.#files.commit(this.#committed).catch((error: unknown) => this.#fail(error));
  }

  /** Once it stops, what waits for room is refused: nobody has to hear of that. */
  #fail(error: unknown): void {
    const hadEnded = this.#hasEnded;
    this.#hasEnded = true;
    if (!hadEnded || !(error instanceof LedgerError)) this.#options.onFailed(error);
  }

  #isOwn(view: View): boolean {
    return this.#office?.canExecute === true && this.#office.view === view;
  }

  #endHandOver(): void {
    this.#handOver?.resolve();
    this.#handOver = undefined;
  }
}
