/**
 * The ready loop (etcd/raft doc.go). Its order is what keeps the service safe: what a Ready names
 * is persisted and flushed; only then are its messages sent; then what it commits is delivered;
 * then Raft goes on. While persist is awaited, step, tick and propose may be called: their work
 * gathers in the next Ready, which makes group commit.
 */
import type { LedgerError, View } from '@coco/base';
import { asRaftIndex, asSeqno, asView, BugError } from '@coco/base';
import type { Configuration } from './configuration.ts';
import { isMember, membersOf } from './configuration.ts';
import { consensusError } from './errors.ts';
import type { StoredBatch } from './log-tail.ts';
import type { RaftEntry, RaftSnapshot, Ready } from './raft-instance.ts';
import { normalEntry } from './raft-instance.ts';
import type { ReplicaParts } from './replica-parts.ts';
import type { LedgerSnapshotName, SnapshotOffer } from './snapshot-offer.ts';
import { decodeSnapshotData, encodeSnapshotData } from './snapshot-offer.ts';

interface Job {
  readonly run: () => void;
  /** Called instead when the replica stops first. */
  readonly refuse: (error: LedgerError) => void;
}

export class ReadyLoop {
  readonly #parts: ReplicaParts;
  /** Work that Raft takes only while no Ready is open. */
  #jobs: Job[] = [];
  #ledgerSnapshot: LedgerSnapshotName | undefined;
  #genesisView: View | undefined;
  /** Invariant: <= the delivered index. Raft's log has forgotten everything up to it. */
  #compactedIndex = 0;
  #isRunning = false;
  /** Invariant: a Ready is open only while this is true. */
  #isPumping = false;

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** @param genesisView the view whose first batch may create the service, for its first nodes */
  start(genesisView: View | undefined): void {
    this.#genesisView = genesisView;
    this.#compactedIndex = this.#parts.tail.deliveredIndex;
    this.#isRunning = true;
  }

  /** Ends for good and refuses everybody who waits. */
  stop(): void {
    this.#isRunning = false;
    const { reads, membership } = this.#parts;
    const stopped = consensusError('ReplicaStopped', 'The replica has stopped.');
    const jobs = this.#jobs;
    this.#jobs = [];
    for (const job of jobs) job.refuse(stopped);
    reads.stop(stopped);
    membership.abandon();
  }

  /** Must follow every call into Raft: office may have changed, and work may be ready. */
  changed(): void {
    const { watch, order, membership, inFlight, events } = this.#parts;
    const before = watch.refresh();
    if (before) {
      const { office } = watch;
      const hasNewOffice = office.role !== 'leader' || office.view !== before.view;
      if (before.role === 'leader' && hasNewOffice) {
        order.loseOffice();
        membership.abandon();
        inFlight.loseOffice();
      }
      events.onRole(office);
    }
    this.schedule();
  }

  /** Runs the loop in a microtask, so that calls of one turn share a Ready. */
  schedule(): void {
    if (this.#isPumping || !this.#isRunning) return;
    this.#isPumping = true;
    void Promise.resolve().then(() => this.#pump());
  }

  /** Runs a job when no Ready is open, or refuses it when the replica stops before. */
  betweenReadys(run: () => void, refuse: (error: LedgerError) => void = () => {}): void {
    this.#jobs.push({ run, refuse });
    this.schedule();
  }

  /** Names the ledger snapshot that a peer far behind is offered from now on. */
  offerSnapshot(snapshot: LedgerSnapshotName): void {
    this.#ledgerSnapshot = snapshot;
    this.#renewOffer();
  }

  async #pump(): Promise<void> {
    try {
      while (this.#beginRound()) await this.#process(this.#parts.instance.ready());
    } catch (error) {
      this.#fail(error);
    }
    this.#isPumping = false;
  }

  /** Does what waits for no Ready to be open; says whether there is one to process. */
  #beginRound(): boolean {
    if (!this.#isRunning) return false;
    const jobs = this.#jobs;
    this.#jobs = [];
    for (const job of jobs) job.run();
    const { instance, reads } = this.#parts;
    const context = reads.begin();
    if (context) instance.readIndex(context);
    return instance.hasReady();
  }

  /**
   * Handles one Ready. Up to the first await everything that reads what was staged is done, for
   * from then on step and propose stage for the next one.
   */
  async #process(ready: Ready): Promise<void> {
    const { instance, tail, bodies, outbox, ports, events, membership, reads } = this.#parts;
    const offer = ready.snapshot ? this.#restartAt(ready.snapshot) : undefined;
    const change = tail.append(ready.entries, (handle) => bodies.takeStaged(handle));
    bodies.clearStaged();
    if (offer) await durable(ports.installSnapshot(offer));
    if (change.batches.length > 0 || change.truncateFrom !== undefined) {
      await durable(ports.persist(change.batches, change.truncateFrom));
    }
    if (!this.#isRunning) return;
    for (const message of ready.messages) outbox.send(message);
    const before = membership.configuration;
    const isReconfigured = this.#deliver(ready.committed) || offer !== undefined;
    instance.advance();
    if (isReconfigured) {
      this.#renewOffer();
      events.onConfiguration(membership.configuration);
      this.#tellRemoved(before);
    }
    this.#compact();
    for (const read of ready.reads) reads.confirm(read.index, read.context);
    reads.delivered(tail.deliveredIndex);
    this.changed();
    this.#takeOfficeWhenDue(ready.committed);
  }

  /** A snapshot replaces the log: the replica goes on after it, once it is installed. */
  #restartAt(snapshot: RaftSnapshot): SnapshotOffer {
    const { index: raftIndex, term, configuration } = snapshot;
    const data = decodeSnapshotData(snapshot.data);
    this.#parts.tail.restart({ raftIndex, lastBatch: data.lastBatch });
    this.#compactedIndex = raftIndex;
    this.#parts.membership.restart(configuration);
    this.#ledgerSnapshot = data.ledgerSnapshot ?? this.#ledgerSnapshot;
    return { ...data, raftIndex: asRaftIndex(raftIndex), view: asView(term), configuration };
  }

  /** Delivers what is committed; says whether the configuration changed. */
  #deliver(committed: readonly RaftEntry[]): boolean {
    const { tail, bodies, inFlight, watch, membership, events } = this.#parts;
    const { office } = watch;
    const ledView = office.role === 'leader' ? office.view : undefined;
    const batches: StoredBatch[] = [];
    let isReconfigured = false;
    for (const entry of committed) {
      const batch = tail.deliver(entry);
      if (batch) {
        batches.push(batch);
        bodies.remember(batch.handle, batch.body);
        inFlight.committed(batch.handle, ledView);
      } else if (entry.type !== normalEntry) {
        membership.apply(entry);
        isReconfigured = true;
      }
    }
    if (batches.length > 0) events.onCommitted(batches);
    return isReconfigured;
  }

  /** Raft speaks to who was removed no more, and may not have told it: everybody here does. */
  #tellRemoved(before: Configuration): void {
    const { id, membership, tail, ports, events } = this.#parts;
    for (const member of membersOf(before)) {
      if (isMember(membership.configuration, member)) continue;
      if (member === id) events.onRemoved();
      else {
        const raftIndex = asRaftIndex(tail.deliveredIndex);
        ports.send(member, { kind: 'removed', raftIndex });
      }
    }
  }

  /** Once an entry of the leader's own term is delivered, everything before it is. */
  #takeOfficeWhenDue(committed: readonly RaftEntry[]): void {
    const { watch, order, tail, events } = this.#parts;
    const isNew = committed.some((entry) => watch.committedIn(entry.term));
    if (!isNew) return;
    const { office } = watch;
    order.takeOffice({
      view: office.view,
      nextSeqno: asSeqno(tail.deliveredSeqno + 1),
      mayBeGenesis: office.view === this.#genesisView && !tail.lastDelivered,
    });
    events.onRole(office);
  }

  /**
   * What a peer far behind is offered always names the present configuration, so that a node
   * that was just added finds itself in it: Raft refuses an offer that lacks the receiver.
   */
  #renewOffer(): void {
    const { instance, tail, membership } = this.#parts;
    const ledgerSnapshot = this.#ledgerSnapshot;
    const data = encodeSnapshotData({ lastBatch: tail.lastDelivered, ledgerSnapshot });
    instance.snapshot(tail.deliveredIndex, membership.configuration, data);
  }

  /**
   * Keeps Raft's log short. What is delivered is in the ledger's files, from which readBody and
   * installSnapshot serve it, so only entries for peers a little behind are kept. Done in leaps,
   * because Raft copies what it keeps.
   */
  #compact(): void {
    const { instance, tail, limits } = this.#parts;
    if (tail.deliveredIndex - this.#compactedIndex < 2 * limits.keptEntries) return;
    this.#renewOffer();
    this.#compactedIndex = tail.deliveredIndex - limits.keptEntries;
    instance.compact(this.#compactedIndex);
  }

  #fail(error: unknown): void {
    this.stop();
    this.#parts.events.onFailed(error);
  }
}

/** @throws PersistFailed in place of whatever a port rejects with, bugs excepted. */
async function durable(done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (cause) {
    if (cause instanceof BugError) throw cause;
    throw consensusError('PersistFailed', 'The ledger could not be made durable.', {}, cause);
  }
}
