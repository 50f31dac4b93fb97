/**
 * An owner of a replica as small as can be: a ledger in memory whose flush can be held back, an
 * executor that opens its view and seals batches on command, and a record of what happened.
 */
import assert from 'node:assert/strict';
import { asSeqno, asView, equalBytes, LedgerError, SeededRandom, utf8Encode } from '@coco/base';
import type {
  Configuration,
  Handle,
  Office,
  PeerMessage,
  ReplicaLimits,
  SnapshotOffer,
  StoredBatch,
  Verdict,
} from '../src/index.ts';
import { createHandle, lastSeqnoOf, Replica } from '../src/index.ts';
import type { Checkers } from './checkers.ts';
import { raftModule } from './raft-module.ts';

export interface TestNodeOptions {
  readonly id: number;
  readonly seed: number;
  readonly limits: Partial<ReplicaLimits>;
  readonly checkers: Checkers;
  readonly members: () => ReadonlyMap<number, TestNode>;
  readonly send: (from: number, to: number, message: PeerMessage) => void;
  readonly record: (line: string) => void;
}

/** A batch that is sealed: its seqnos are used. */
export interface SealedBatch {
  readonly handle: Handle;
  readonly body: Uint8Array;
}

interface Flush {
  readonly apply: () => void;
  readonly batches: readonly StoredBatch[];
  readonly resolve: () => void;
}

export class TestNode {
  readonly id: number;
  readonly replica: Replica;
  readonly #options: TestNodeOptions;
  /** Flushed batches, oldest first. */
  durable: StoredBatch[] = [];
  committedSeqno = 0;
  office: Office | undefined;
  configuration: Configuration | undefined;
  /** Holds flushes back until releaseDisk. */
  isDiskHeld = false;
  /** Says that a flush is done while it is not. */
  isDiskLying = false;
  /** Why the replica stopped by itself. */
  failure: unknown;
  isRemoved = false;
  /** Whether a new office begins with its opening batch, as every owner must do it. */
  opensViews = true;
  /** A batch that Raft refused: it comes again unchanged or the view ends. */
  refused: SealedBatch | undefined;
  #flushes: Flush[] = [];
  #configurationBefore: Configuration | undefined;
  readonly #doubts: StoredBatch[] = [];
  #nextSeqno = 1;
  #bodyCount = 0;
  #firstSeqno = 1;
  #firstView = 2;

  constructor(options: TestNodeOptions) {
    this.#options = options;
    this.id = options.id;
    this.replica = new Replica({
      id: options.id,
      module: raftModule,
      random: new SeededRandom(options.seed * 1000 + options.id),
      limits: options.limits,
      ports: {
        persist: (batches, truncateFrom) => this.#persist(batches, truncateFrom),
        send: (to, message) => {
          options.checkers.sends(this, message);
          options.send(this.id, to, message);
        },
        readBody: async (handle) => this.#readBody(handle),
        installSnapshot: async (offer) => this.#install(offer),
      },
      events: {
        onRole: (office) => this.#onRole(office),
        onCommitted: (batches) => this.#onCommitted(batches),
        onConfiguration: (configuration) => {
          this.#configurationBefore = this.configuration;
          this.configuration = configuration;
          this.settleDoubts();
          this.#record(`configuration ${formatConfiguration(configuration)}`);
        },
        onRemoved: () => {
          if (!this.isRemoved) this.#record('is told that it was removed');
          this.isRemoved = true;
        },
        onFailed: (error) => {
          this.failure = error;
        },
      },
    });
  }

  get unflushed(): readonly StoredBatch[] {
    return this.#flushes.flatMap((flush) => flush.batches);
  }

  get canExecute(): boolean {
    return this.office?.canExecute ?? false;
  }

  /** Begins a service, after a ledger that was recovered up to the seqno if one is given. */
  start(configuration: Configuration, view: number, seqno = 0): void {
    this.configuration = configuration;
    this.committedSeqno = seqno;
    this.#firstSeqno = seqno + 1;
    this.#firstView = view;
    this.replica.start({ configuration, view: asView(view), seqno: asSeqno(seqno) });
  }

  step(from: number, message: PeerMessage): Verdict {
    const verdict = this.replica.step(from, message);
    assert.notEqual(verdict.kind, 'reject', `node ${this.id} rejects: ${JSON.stringify(verdict)}`);
    return verdict;
  }

  /** Seals the next batch without proposing it. */
  seal(entryCount = 2, bodyBytes = 0): SealedBatch {
    const office = this.office;
    assert.ok(office?.canExecute, 'only an executing leader seals');
    return this.#seal('batch', entryCount, bodyBytes);
  }

  propose(batch: SealedBatch): void {
    this.#options.checkers.proposes(batch.handle);
    try {
      this.replica.propose(batch.handle, batch.body);
      this.#nextSeqno = lastSeqnoOf(batch.handle) + 1;
      this.refused = undefined;
      this.#record(`proposes ${batch.handle.kind} ${formatHandle(batch.handle)}`);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.refused = batch;
      this.#record(`refuses ${batch.handle.kind} ${formatHandle(batch.handle)}: ${error.code}`);
    }
  }

  /** Lets held flushes happen, all or the first ones. */
  releaseDisk(count: number = this.#flushes.length): void {
    for (const flush of this.#flushes.splice(0, count)) {
      flush.apply();
      flush.resolve();
    }
  }

  #seal(kind: Handle['kind'], entryCount: number, bodyBytes: number): SealedBatch {
    const view = asView(this.office?.view ?? 0);
    this.#bodyCount += 1;
    const text = `node ${this.id} view ${view} batch ${this.#bodyCount}`;
    const body = utf8Encode(text.padEnd(bodyBytes, '.'));
    const place = { kind, view, firstSeqno: asSeqno(this.#nextSeqno), entryCount };
    return { handle: createHandle(place, body), body };
  }

  #persist(batches: readonly StoredBatch[], truncateFrom: number | undefined): Promise<void> {
    const isAwaited = this.#flushes.length === 0 || this.isDiskLying;
    assert.ok(isAwaited, 'persist is awaited before it is called again');
    for (const batch of batches) this.#options.checkers.persists(batch);
    const apply = (): void => {
      if (truncateFrom !== undefined) this.#cut(truncateFrom);
      for (const batch of batches) this.#append(batch);
    };
    return new Promise((resolve) => {
      this.#flushes.push({ apply, batches, resolve });
      if (this.isDiskLying) resolve();
      else if (!this.isDiskHeld) this.releaseDisk();
    });
  }

  #cut(truncateFrom: number): void {
    assert.ok(truncateFrom > this.committedSeqno, 'nothing committed is cut');
    this.durable = this.durable.filter(({ handle }) => handle.firstSeqno < truncateFrom);
    this.#record(`cuts from ${truncateFrom}`);
  }

  #append(batch: StoredBatch): void {
    const last = this.durable.at(-1)?.handle;
    assert.equal(
      batch.handle.firstSeqno,
      last ? lastSeqnoOf(last) + 1 : this.#firstSeqno,
      'the ledger has no gap',
    );
    this.durable.push(batch);
    this.#record(`writes ${formatHandle(batch.handle)}`);
  }

  #readBody(handle: Handle): Uint8Array | undefined {
    const found = this.durable.find((batch) => batch.handle.firstSeqno === handle.firstSeqno);
    return found?.body;
  }

  #install(offer: SnapshotOffer): void {
    const { lastBatch, ledgerSnapshot } = offer;
    this.configuration = offer.configuration;
    this.#record(`installs ${ledgerSnapshot?.name ?? 'the ledger'} at ${offer.raftIndex}`);
    if (!lastBatch) return;
    // The ledger's files come from anywhere; here from the history that the checkers keep.
    this.#options.checkers.installs(this.id, lastBatch);
    const { history } = this.#options.checkers;
    this.durable = history.filter(({ handle }) => handle.firstSeqno <= lastBatch.firstSeqno);
    this.committedSeqno = lastSeqnoOf(lastBatch);
  }

  #onRole(office: Office): void {
    this.office = office;
    const { role, view, leaderId, canExecute } = office;
    if (role === 'leader') {
      this.#options.checkers.leads(this.id, view);
      this.#record(canExecute ? `executes in view ${view}` : `leads view ${view}`);
    } else if (role === 'follower') {
      this.#record(`follows ${leaderId ?? 'nobody'} in view ${view}`);
    }
    // Whether office came or went, nothing above commit is this node's any more.
    this.#nextSeqno = this.committedSeqno + 1;
    this.refused = undefined;
    if (!canExecute || !this.opensViews) return;
    const isGenesis = this.committedSeqno + 1 === this.#firstSeqno && view === this.#firstView;
    this.propose(this.#seal(isGenesis ? 'genesis' : 'opening', isGenesis ? 2 : 1, 0));
  }

  #onCommitted(batches: readonly StoredBatch[]): void {
    for (const batch of batches) {
      const { handle } = batch;
      assert.equal(handle.firstSeqno, this.committedSeqno + 1, 'commits follow one another');
      this.committedSeqno = lastSeqnoOf(handle);
      this.#options.checkers.commits(this.id, batch);
      this.#doubts.push(batch);
      if (this.#isHeldByMajority(batch)) this.#doubts.pop();
      this.#record(`commits ${formatHandle(handle)}`);
    }
  }

  /**
   * Batches that commit must be durable on a majority of the voters: of the present ones or of
   * those before, for a configuration counts from when it is applied, and entries that stand after
   * it in the log may have committed by then.
   */
  settleDoubts(): void {
    for (const batch of this.#doubts.splice(0)) {
      const text = `node ${this.id} commits ${formatHandle(batch.handle)}, which no majority holds`;
      assert.ok(this.#isHeldByMajority(batch), text);
    }
  }

  #isHeldByMajority(batch: StoredBatch): boolean {
    const members = this.#options.members();
    return [this.configuration, this.#configurationBefore].some((configuration) => {
      const voters = configuration?.voters ?? [];
      const holders = voters.filter((id) => holdsDurably(members.get(id), batch));
      return 2 * holders.length > voters.length;
    });
  }

  #record(line: string): void {
    this.#options.record(`${this.id} ${line}`);
  }
}

function holdsDurably(node: TestNode | undefined, batch: StoredBatch): boolean {
  const found = node?.durable.find((other) => other.raftIndex === batch.raftIndex);
  return found !== undefined && equalBytes(found.handle.digest, batch.handle.digest);
}

export function formatHandle(handle: Handle): string {
  const last = lastSeqnoOf(handle);
  const range = last === handle.firstSeqno ? `${last}` : `${handle.firstSeqno}-${last}`;
  return `${handle.view}.${range}`;
}

export function formatConfiguration(configuration: Configuration): string {
  const { voters, learners, votersOutgoing } = configuration;
  const parts = [`voters ${voters.join(' ')}`];
  if (votersOutgoing.length > 0) parts.push(`outgoing ${votersOutgoing.join(' ')}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(' ')}`);
  return parts.join(', ');
}
