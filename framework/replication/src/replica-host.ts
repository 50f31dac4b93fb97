/**
 * Raft and the ledger's files of one node, joined: what consensus persists goes to the files, what
 * commits is told to the node's main thread. It does no I/O and starts no timer: disk, network and
 * clock are ports, so that the replica worker runs it on a thread and the simulator on its own
 * time. Everything it says is one stream of messages, in order; the receiver relies on that order.
 */

import { assert, LedgerError, type Seqno, type View } from '@coco/base';
import {
  type Configuration,
  lastSeqnoOf,
  type NodeId,
  type Office,
  type PeerMessage,
  Replica,
  type ReplicaStatus,
  type SnapshotOffer,
  type StoredBatch,
  type Verdict,
} from '@coco/consensus';
import type { BatchBody, LedgerFiles } from '@coco/ledger';
import { CatchUp } from './catch-up.ts';
import { reportOf } from './configuration-report.ts';
import { replicationError } from './errors.ts';
import { FollowedBacklog } from './followed-backlog.ts';
import { HostMeasures, type ReplicaMeasures } from './host-measures.ts';
import { HostStorage } from './host-storage.ts';
import { KnownPeers, type LedgerMembers } from './known-peers.ts';
import { MembershipDriver } from './membership-driver.ts';
import { OfficeYield } from './office-yield.ts';
import { readBody, readCovered } from './read-files.ts';
import type { ReplicaHostOptions } from './replica-host-options.ts';
import type { CoveredEntry, ProposedBatch } from './replica-messages.ts';
import type { KeptSnapshot } from './snapshot-maker.ts';

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
  readonly #known: KnownPeers;
  readonly #storage: HostStorage;
  readonly #backlog: FollowedBacklog;
  /** Whether office could pass to another voter. */
  #hasOtherVoters = false;
  readonly #yield: OfficeYield;
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
  readonly #measures = new HostMeasures();

  constructor(options: ReplicaHostOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#committed = options.files.committed;
    this.#catchUp = new CatchUp(options.files, (order) =>
      options.post({ kind: 'install', ...order }),
    );
    const { files, disk, storage: limits, log, post, backlogBytesMax } = options;
    const passOn = (to: NodeId): void => post({ kind: 'passOn', to });
    this.#membership = new MembershipDriver({
      nodeId: options.nodeId,
      log,
      propose: (change) => this.#replica.proposeMembership(change),
      passOn,
    });
    this.#yield = new OfficeYield(passOn);
    const { nodeId, send, onPeers = () => {} } = options;
    this.#known = new KnownPeers({ nodeId, send, onPeers });
    this.#storage = new HostStorage({
      files,
      disk,
      limits,
      log,
      onLevel: (report) => post({ kind: 'storage', ...report }),
      onFull: (isFull) => this.#onFull(isFull),
      onFailed: (error) => this.#fail(error),
    });
    this.#backlog = new FollowedBacklog(backlogBytesMax, (isFull) =>
      this.#replica.takeBatches(!isFull),
    );
    this.#replica = new Replica({
      ...options,
      id: options.nodeId,
      module: options.raftModule,
      ports: {
        persist: (batches, truncateFrom) => this.#persist(batches, truncateFrom),
        send: options.send,
        readBody: (handle) => readBody(files, handle),
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
    this.#storage.tick();
    this.#known.tick();
  }

  /** Who is to be a member, as the committed ledger has it. */
  setMembers({ trusted, ...ledger }: LedgerMembers): void {
    this.setTrusted(trusted);
    this.#known.setLedger(ledger);
  }

  /** The nodes that the committed ledger trusts, by their ids in Raft; this one among them. */
  setTrusted(ids: readonly NodeId[]): void {
    this.#membership.setTrusted(ids);
  }

  /** A message from a peer that the transport has authenticated. */
  step(from: NodeId, message: PeerMessage): Verdict {
    if (message.kind !== 'members') return this.#replica.step(from, message);
    const isNews = !this.#hasEnded && this.#known.take(message);
    if (isNews) this.#options.log?.write('info', 'membership.told', { from, seqno: message.seqno });
    return isNews ? { kind: 'accept' } : { kind: 'ignore', reason: 'it is older news' };
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
  readCovered(seqno: Seqno): Promise<CoveredEntry> {
    return readCovered(this.#files, seqno);
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
    this.#storage.stop();
    await this.#files.close();
  }

  /** Raft's configuration follows the ledger's nodes, as far as they are known to be the newest. */
  #followLedger(): void {
    const office = this.#office;
    const isPrimary = office?.canExecute === true;
    const isInOffice = isPrimary && office.view === this.#begun;
    this.#idleTicks = isPrimary && !isInOffice ? this.#idleTicks + 1 : 0;
    const status = isInOffice && !this.#handOver ? this.#replica.status() : undefined;
    if (!status) this.#membership.rest();
    else this.#membership.tick(status);
    if (status && this.isShort) this.#yieldOffice(status);
    const max = this.#membership.isRetired ? idleTicksMax.retired : idleTicksMax.member;
    if (this.#idleTicks >= max) this.#giveUpOffice();
  }

  #yieldOffice(status: ReplicaStatus): void {
    const { isFit } = this.#options;
    if (isFit) this.#yield.tick(() => this.#membership.heir(status, isFit));
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
  }

  /** Tells how much room the disk has, if that is another level. Called by the beat, too. */
  measureStorage(): Promise<void> {
    return this.#storage.measure();
  }

  /** This node's disk is short: another should be primary, if there is one that is not. */
  get isShort(): boolean {
    return this.#storage.isShort;
  }

  /** For operators; undefined once it has ended. */
  measures(): ReplicaMeasures | undefined {
    if (this.#hasEnded) return undefined;
    const { level: diskLevel, freeBytes: diskFreeBytes } = this.#storage;
    const { bytes: backlogBytes } = this.#backlog;
    return this.#measures.of(this.#replica.status(), { backlogBytes, diskLevel, diskFreeBytes });
  }

  /** The main thread has applied what was followed, up to `seqno`. */
  applied(seqno: Seqno): void {
    this.#backlog.applied(seqno);
  }

  async #install(offer: SnapshotOffer): Promise<void> {
    await this.#catchUp.install(offer, this.#committed);
    if (offer.lastBatch) this.#committed = lastSeqnoOf(offer.lastBatch);
  }

  #onConfiguration(configuration: Configuration): void {
    const report = reportOf(configuration);
    this.#hasOtherVoters = report.voters.some((id) => id !== this.#options.nodeId);
    this.#options.post({ kind: 'configuration', ...report });
  }

  async #persist(batches: readonly StoredBatch[], truncateFrom: Seqno | undefined): Promise<void> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    if (truncateFrom !== undefined) {
      await this.#files.truncateAfter((truncateFrom - 1) as Seqno);
    }
    await this.#files.append(
      batches.map(({ handle, body }) => ({ firstSeqno: handle.firstSeqno, body })),
    );
    await this.#files.flush();
    for (const { body } of batches) this.#storage.wrote(body.length);
    this.#measures.flushed(clock.monotonicMs() - startedMs);
  }

  #onRole(office: Office): void {
    this.#office = office;
    this.#measures.onRole(office);
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
      else {
        this.#backlog.handed(lastSeqnoOf(handle), body.length);
        post({ kind: 'followed', batch: { view, firstSeqno, entryCount, body } });
      }
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
