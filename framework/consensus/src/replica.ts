/**
 * One node's part in the agreement: drives Raft's ready loop, stages batch bodies, and tells its
 * owner who leads and what is committed.
 *
 * The order that keeps it safe (design.md 5; etcd/raft doc.go): what a Ready names is persisted
 * and flushed, and only then are its messages sent; then what it commits is delivered; then Raft
 * goes on. While persist is awaited, step, tick and propose may be called: their work gathers in
 * the next Ready, which makes group commit.
 *
 * The owner must: call tick() at a steady pace (10 to 100 ms); make persist durable before it
 * resolves; never start a replica again under an id that ran before (nothing is read back from
 * the host's disk); stop the node on onFailed.
 */
import { asRaftIndex, asSeqno, assert, asView, BugError, LedgerError } from '@coco/base';
import { BodyStore, isBodyOf } from './body-store.ts';
import { messageTypes } from './check-raft-message.ts';
import type { Configuration, MembershipChange, NodeId } from './configuration.ts';
import { createConfiguration } from './configuration.ts';
import { consensusError } from './errors.ts';
import type { Handle } from './handle.ts';
import { decodeHandle, encodeHandle, handleBytes } from './handle.ts';
import { Inbox } from './inbox.ts';
import type { ReplicaLimits } from './limits.ts';
import { defaultLimits } from './limits.ts';
import type { StoredBatch } from './log-tail.ts';
import { holdsBatch, LogTail } from './log-tail.ts';
import { Membership } from './membership.ts';
import type { Office } from './office.ts';
import { OfficeWatch } from './office.ts';
import type { PeerMessage } from './peer-message.ts';
import { ProposalOrder } from './proposal-order.ts';
import type {
  OutgoingMessage,
  RaftEntry,
  RaftSnapshot,
  RaftStatus,
  Ready,
} from './raft-instance.ts';
import { normalEntry, RaftInstance } from './raft-instance.ts';
import { ReadRounds } from './read-rounds.ts';
import type { ReplicaOptions, ServiceStart } from './replica-ports.ts';
import type { LedgerSnapshotName, SnapshotOffer } from './snapshot-offer.ts';
import { decodeSnapshotData, encodeSnapshotData } from './snapshot-offer.ts';
import type { Verdict } from './verdict.ts';
import { ignored } from './verdict.ts';

/** The log begins after this index, the same on every node of a service. */
const genesisIndex = 1;
/** CCF's first view is 2, so that the term before it is one that Raft can hold. */
const firstView = 2;
/** Handles delivered by one Ready: a bound on one step of the loop, not on throughput. */
const committedBytesMax = 1 << 16;
/** An entry of Raft is longer than its handle by at least this much, so no more of them fit. */
const entryOverheadBytes = 6;

/** Proposed by this leader and not yet committed. */
interface InFlight {
  batches: number;
  bytes: number;
}

export interface ReplicaStatus {
  readonly office: Office;
  readonly committedSeqno: number;
  /** The last seqno in the log here, committed or not. */
  readonly lastSeqno: number;
  readonly configuration: Configuration;
  readonly inFlight: Readonly<InFlight>;
  readonly stagedBytes: number;
  readonly recentBytes: number;
  readonly linearBytes: number;
  readonly heapBytes: number;
  readonly raft: RaftStatus;
}

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #limits: ReplicaLimits;
  readonly #instance: RaftInstance;
  readonly #watch: OfficeWatch;
  readonly #order = new ProposalOrder();
  readonly #bodies: BodyStore;
  readonly #reads: ReadRounds;
  readonly #membership: Membership;
  readonly #inFlight: InFlight = { batches: 0, bytes: 0 };
  /** Work that Raft takes only while no Ready is open. */
  #jobs: (() => void)[] = [];
  #tail = new LogTail({ raftIndex: 0, seqno: asSeqno(0) });
  #inbox: Inbox | undefined;
  #genesisView = asView(0);
  #ledgerSnapshot: LedgerSnapshotName | undefined;
  #state: 'new' | 'running' | 'stopped' = 'new';
  #isPumping = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    const { bodyBytesMax, messageEntriesMax, stagedBytesMax } = this.#limits;
    assert(
      bodyBytesMax * messageEntriesMax <= stagedBytesMax,
      'every message that the limits allow can be staged',
    );
    this.#instance = new RaftInstance(options.module, {
      random: options.random,
      clock: options.clock,
      log: options.log,
    });
    this.#watch = new OfficeWatch(this.#instance);
    this.#bodies = new BodyStore(this.#limits);
    this.#reads = new ReadRounds(options.id, this.#limits);
    this.#membership = new Membership(this.#instance, createConfiguration([]));
  }

  /** Begins as one of the first nodes of a service; a sole voter campaigns at once. */
  start(service: ServiceStart): void {
    assert(service.view >= firstView, 'the first view of a service is 2');
    const { configuration, view, seqno } = service;
    const term = view - 1;
    this.#tail = new LogTail({ raftIndex: genesisIndex, seqno });
    this.#genesisView = view;
    this.#membership.restart(configuration);
    this.#begin({ term, genesis: { index: genesisIndex, term, configuration } });
    if (this.#membership.isSoleVoter(this.#options.id)) this.#instance.campaign();
    this.#changed();
  }

  /** Begins as a node that the service has added: the leader's snapshot brings everything. */
  join(): void {
    this.#begin({ term: 0, genesis: undefined });
    this.#changed();
  }

  /**
   * Proposes the next batch of this leader's view. Its body is not copied; the caller leaves it
   * unchanged. Returning means that Raft took it, not that it is committed.
   * @throws NotLeaderInView, NotExtending, TooManyPendingTransactions, BatchTooLarge,
   * BodyMismatch; ProposalDropped: propose the same bytes again, or resign.
   */
  propose(handle: Handle, body: Uint8Array): void {
    this.#mustRun();
    this.#order.check(handle);
    if (body.length > this.#limits.bodyBytesMax) {
      throw consensusError('BatchTooLarge', 'A batch body exceeds its limit.', {
        bytes: body.length,
        bytesMax: this.#limits.bodyBytesMax,
      });
    }
    if (!isBodyOf(handle, body)) {
      throw consensusError('BodyMismatch', 'A body is not the one that its handle names.');
    }
    this.#mustHaveRoom(body.length);
    const code = this.#instance.propose(handle.view, encodeHandle(handle));
    if (code === 'ok') {
      this.#bodies.stage(handle, body);
      this.#order.proposed(handle);
      this.#inFlight.batches += 1;
      this.#inFlight.bytes += body.length;
      this.#changed();
      return;
    }
    this.#order.refused(handle);
    throw consensusError('ProposalDropped', 'Raft refused a proposal.', {
      view: handle.view,
      code,
    });
  }

  /** One beat of Raft's clock. Elections, heartbeats and retries count these. */
  tick(): void {
    if (this.#state !== 'running') return;
    this.#instance.tick();
    this.#inbox?.tick();
    const context = this.#reads.tick();
    if (context) this.#instance.readIndex(context);
    this.#changed();
  }

  /** Takes a peer's message. `from` is the sender as the transport has authenticated it. */
  step(from: NodeId, message: PeerMessage): Verdict {
    const inbox = this.#inbox;
    if (this.#state !== 'running' || !inbox) return ignored('the replica does not run');
    const verdict = inbox.step(from, message);
    this.#changed();
    return verdict;
  }

  /** The connection to a peer failed: Raft probes it instead of streaming. */
  unreachable(peer: NodeId): void {
    if (this.#state !== 'running') return;
    this.#instance.reportUnreachable(peer);
  }

  /**
   * Resolves when everything that was committed anywhere before this call is delivered here: a
   * read of the state from then on is linearizable. Calls share rounds.
   * @throws ReadIndexUnavailable, TooManyPendingTransactions, ReplicaStopped
   */
  async readIndex(): Promise<void> {
    this.#mustRun();
    const confirmed = this.#reads.wait();
    this.#schedule();
    await confirmed;
  }

  /**
   * Proposes one difference of membership and resolves with the configuration that it led to.
   * @throws NotLeaderInView, MembershipPending, InvalidMembershipChange, MembershipDropped
   */
  async proposeMembership(change: MembershipChange): Promise<Configuration> {
    this.#mustRun();
    return await new Promise<Configuration>((resolve, reject) => {
      this.#betweenReadys(() => {
        try {
          resolve(this.#proposeMembershipNow(change));
        } catch (error) {
          if (!(error instanceof LedgerError)) throw error;
          reject(error);
        }
      });
    });
  }

  /**
   * Hands office to a voter. The owner has stopped executing; nothing may wait for commit.
   * Until it is done or given up, proposals are dropped.
   * @throws NotLeaderInView, BatchesInFlight
   */
  transferLeadership(to: NodeId): void {
    this.#mustRun();
    this.#mustLead();
    if (this.#inFlight.batches > 0) {
      throw consensusError('BatchesInFlight', 'Batches wait for commit.', {
        batches: this.#inFlight.batches,
      });
    }
    this.#instance.transferLeader(to);
    this.#changed();
  }

  /** Gives up office: the view ends. A sole voter takes office again, two views on. */
  resign(): void {
    this.#mustRun();
    this.#mustLead();
    this.#instance.abdicate(this.#watch.office.view);
    if (this.#membership.isSoleVoter(this.#options.id)) this.#instance.campaign();
    this.#changed();
  }

  /**
   * Forgets the committed log but for the last entries; a peer that needs more is offered the
   * ledger snapshot. The owner's chunk files must hold every batch after it.
   * @throws NothingToCompact when the snapshot is beyond what is committed here.
   */
  compact(snapshot: LedgerSnapshotName, seqno: number): void {
    this.#mustRun();
    if (seqno > this.#tail.deliveredSeqno) {
      throw consensusError('NothingToCompact', 'The snapshot is not committed here yet.', {
        seqno,
        committed: this.#tail.deliveredSeqno,
      });
    }
    this.#ledgerSnapshot = snapshot;
    this.#betweenReadys(() => {
      this.#renewSnapshot();
      const upTo = this.#tail.deliveredIndex - this.#limits.keptEntries;
      if (upTo > genesisIndex) this.#instance.compact(upTo);
    });
  }

  status(): ReplicaStatus {
    this.#mustRun();
    return {
      office: this.#watch.office,
      committedSeqno: this.#tail.deliveredSeqno,
      lastSeqno: this.#tail.lastSeqno,
      configuration: this.#membership.configuration,
      inFlight: { ...this.#inFlight },
      stagedBytes: this.#bodies.stagedBytes,
      recentBytes: this.#bodies.recentBytes,
      ...this.#instance.memory(),
      raft: this.#instance.status(),
    };
  }

  /** Ends for good: a stopped replica never runs again. */
  stop(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    this.#jobs = [];
    this.#reads.stop(consensusError('ReplicaStopped', 'The replica has stopped.'));
    this.#membership.abandon();
  }

  #begin(at: Pick<Parameters<RaftInstance['start']>[0], 'term' | 'genesis'>): void {
    assert(this.#state === 'new', 'a replica starts once');
    this.#state = 'running';
    const { id, ports } = this.#options;
    const limits = this.#limits;
    this.#instance.start({
      ...at,
      id,
      electionTicks: limits.electionTicks,
      heartbeatTicks: limits.heartbeatTicks,
      inFlightMessagesMax: limits.inFlightMessagesMax,
      messageBytesMax: limits.messageEntriesMax * (handleBytes + entryOverheadBytes),
      committedBytesMax,
    });
    this.#inbox = new Inbox({
      id,
      limits,
      instance: this.#instance,
      tail: this.#tail,
      bodies: this.#bodies,
      send: (to, message) => ports.send(to, message),
      readBody: (handle) => ports.readBody(handle),
    });
  }

  /** After every call into Raft: office may have changed and work may be ready. */
  #changed(): void {
    const before = this.#watch.refresh();
    if (before) {
      const { office } = this.#watch;
      const wasLeader = before.role === 'leader';
      if (wasLeader && (office.role !== 'leader' || office.view !== before.view)) {
        this.#loseOffice();
      }
      this.#options.events.onRole(office);
    }
    this.#schedule();
  }

  #loseOffice(): void {
    this.#order.loseOffice();
    this.#membership.abandon();
    this.#inFlight.batches = 0;
    this.#inFlight.bytes = 0;
  }

  #schedule(): void {
    if (this.#isPumping || this.#state !== 'running') return;
    this.#isPumping = true;
    void Promise.resolve().then(() => this.#pump());
  }

  #betweenReadys(job: () => void): void {
    this.#jobs.push(job);
    this.#schedule();
  }

  /** The ready loop. Only one runs, so a Ready is open only inside it. */
  async #pump(): Promise<void> {
    try {
      while (this.#beginRound()) await this.#process(this.#instance.ready());
    } catch (error) {
      this.#fail(error);
    }
    this.#isPumping = false;
  }

  /** Does what waits for no Ready to be open; says whether there is one to process. */
  #beginRound(): boolean {
    if (this.#state !== 'running') return false;
    const jobs = this.#jobs;
    this.#jobs = [];
    for (const job of jobs) job();
    const context = this.#reads.begin();
    if (context) this.#instance.readIndex(context);
    return this.#instance.hasReady();
  }

  /**
   * Handles one Ready. Up to the first await everything that reads what was staged is done, for
   * from then on step and propose stage for the next one.
   */
  async #process(ready: Ready): Promise<void> {
    const offer = ready.snapshot ? this.#restartAt(ready.snapshot) : undefined;
    const change = this.#tail.append(ready.entries, (handle) => this.#bodies.takeStaged(handle));
    this.#bodies.clearStaged();
    if (offer) await this.#durably(this.#options.ports.installSnapshot(offer));
    if (change.batches.length > 0 || change.truncateFrom !== undefined) {
      await this.#durably(this.#options.ports.persist(change.batches, change.truncateFrom));
    }
    if (this.#state !== 'running') return;
    for (const message of ready.messages) this.#send(message);
    const isReconfigured = this.#deliver(ready.committed) || offer !== undefined;
    this.#instance.advance();
    if (isReconfigured) {
      this.#renewSnapshot();
      this.#options.events.onConfiguration(this.#membership.configuration);
    }
    for (const read of ready.reads) this.#reads.confirm(read.index, read.context);
    this.#reads.delivered(this.#tail.deliveredIndex);
    this.#changed();
    this.#takeOfficeWhenDue(ready.committed);
  }

  /** A snapshot replaces the log: the replica goes on after it once it is installed. */
  #restartAt(snapshot: RaftSnapshot): SnapshotOffer {
    const { index: raftIndex, term, configuration } = snapshot;
    const data = decodeSnapshotData(snapshot.data);
    this.#tail.restart({ raftIndex, lastBatch: data.lastBatch });
    this.#membership.restart(configuration);
    this.#ledgerSnapshot = data.ledgerSnapshot ?? this.#ledgerSnapshot;
    return { ...data, raftIndex: asRaftIndex(raftIndex), view: asView(term), configuration };
  }

  async #durably(done: Promise<void>): Promise<void> {
    try {
      await done;
    } catch (cause) {
      if (cause instanceof BugError) throw cause;
      throw consensusError('PersistFailed', 'The ledger could not be made durable.', {}, cause);
    }
  }

  #send(message: OutgoingMessage): void {
    const { ports } = this.#options;
    const { to, type, bytes } = message;
    const bodies = type === messageTypes.append ? this.#bodiesFor(message.entries) : [];
    ports.send(to, { kind: 'raft', message: bytes, bodies });
    // A snapshot message is small and cheap to repeat, so it counts as arrived when sent: Raft
    // then probes the peer and, had it been lost, sends it again.
    if (type === messageTypes.snapshot) this.#instance.reportSnapshot(to, { isSent: true });
  }

  /** The bodies in memory that a message's entries name; the receiver asks for the others. */
  #bodiesFor(entries: readonly RaftEntry[]): Uint8Array[] {
    const bodies: Uint8Array[] = [];
    let bytes = 0;
    for (const entry of entries) {
      if (!holdsBatch(entry)) continue;
      const handle = decodeHandle(entry.data);
      const body = this.#tail.findBody(handle) ?? this.#bodies.find(handle);
      bytes += handle.bodyBytes;
      if (bodies.length > 0 && bytes > this.#limits.messageBodyBytesMax) break;
      if (body) bodies.push(body);
    }
    return bodies;
  }

  /** Delivers what is committed; says whether the configuration changed. */
  #deliver(committed: readonly RaftEntry[]): boolean {
    const batches: StoredBatch[] = [];
    let isReconfigured = false;
    for (const entry of committed) {
      const batch = this.#tail.deliver(entry);
      if (batch) {
        batches.push(batch);
        this.#bodies.remember(batch.handle, batch.body);
        this.#leaveFlight(batch.handle);
      } else if (entry.type !== normalEntry) {
        this.#membership.apply(entry);
        isReconfigured = true;
      }
    }
    if (batches.length > 0) this.#options.events.onCommitted(batches);
    return isReconfigured;
  }

  #leaveFlight(handle: Handle): void {
    const { office } = this.#watch;
    if (office.role !== 'leader' || office.view !== handle.view) return;
    this.#inFlight.batches -= 1;
    this.#inFlight.bytes -= handle.bodyBytes;
    assert(this.#inFlight.batches >= 0, 'a leader commits in its view only what it proposed');
  }

  /** Once an entry of the leader's own term is delivered, everything before it is. */
  #takeOfficeWhenDue(committed: readonly RaftEntry[]): void {
    const isNew = committed.some((entry) => this.#watch.committedIn(entry.term));
    if (!isNew) return;
    const { office } = this.#watch;
    this.#order.takeOffice({
      view: office.view,
      nextSeqno: asSeqno(this.#tail.deliveredSeqno + 1),
      mayBeGenesis: office.view === this.#genesisView && !this.#tail.lastDelivered,
    });
    this.#options.events.onRole(office);
  }

  #proposeMembershipNow(change: MembershipChange): Promise<Configuration> {
    this.#mustLead();
    if (this.#membership.hasPending || this.#tail.hasMembership) {
      throw consensusError('MembershipPending', 'Another membership change has not finished.');
    }
    const applied = this.#membership.propose(change, this.#watch.office.view);
    this.#changed();
    return applied;
  }

  /** What a peer is offered that the log no longer serves names this configuration, so that a
   * node that was just added finds itself in it: Raft refuses one that does not. */
  #renewSnapshot(): void {
    const data = encodeSnapshotData({
      lastBatch: this.#tail.lastDelivered,
      ledgerSnapshot: this.#ledgerSnapshot,
    });
    this.#instance.snapshot(this.#tail.deliveredIndex, this.#membership.configuration, data);
  }

  #fail(error: unknown): void {
    this.stop();
    this.#options.events.onFailed(error);
  }

  #mustRun(): void {
    if (this.#state !== 'running') {
      throw consensusError('ReplicaStopped', 'The replica does not run.');
    }
  }

  #mustLead(): void {
    const { office } = this.#watch;
    if (!office.canExecute) {
      throw consensusError('NotLeaderInView', 'This node does not lead.', { view: office.view });
    }
  }

  #mustHaveRoom(bytes: number): void {
    const { inFlightBatchesMax, inFlightBytesMax } = this.#limits;
    const isFull =
      this.#inFlight.batches >= inFlightBatchesMax ||
      this.#inFlight.bytes + bytes > inFlightBytesMax ||
      !this.#bodies.hasRoomFor(bytes);
    if (!isFull) return;
    throw consensusError('TooManyPendingTransactions', 'Too much waits for commit.', {
      batches: this.#inFlight.batches,
      bytes: this.#inFlight.bytes,
    });
  }
}
