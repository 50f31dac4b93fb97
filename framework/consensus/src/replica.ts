/**
 * One node's part in the agreement: the face that the owner calls. It drives etcd's Raft
 * (ready-loop.ts), keeps batch bodies beside it, and tells who leads and what is committed.
 *
 * The owner must: call tick() at a steady pace (10 to 100 ms); make persist durable before it
 * resolves; stop executing when canExecute ends, and discard what is not committed; never start a
 * replica again under an id that ran before (nothing is read back from the host's disk); end the
 * node on onFailed and on any BugError.
 */
import type { Seqno } from '@coco/base';
import { assert, LedgerError } from '@coco/base';
import { isBodyOf } from './body-store.ts';
import type { Configuration, MembershipChange, NodeId } from './configuration.ts';
import { consensusError } from './errors.ts';
import type { Handle } from './handle.ts';
import { encodeHandle, handleBytes } from './handle.ts';
import type { InFlightSize } from './in-flight.ts';
import type { Office } from './office.ts';
import type { PeerMessage } from './peer-message.ts';
import type { RaftSettings, RaftStatus } from './raft-instance.ts';
import { ReadyLoop } from './ready-loop.ts';
import type { ReplicaParts } from './replica-parts.ts';
import { createParts } from './replica-parts.ts';
import type { ReplicaOptions, ServiceStart } from './replica-ports.ts';
import type { LedgerSnapshotName } from './snapshot-offer.ts';
import type { Verdict } from './verdict.ts';
import { ignored } from './verdict.ts';

/** The log begins after this index, the same on every node of a service. */
const genesisIndex = 1;
/** The term before it must be one that Raft can hold. */
const firstView = 2;
/** Bytes of handles delivered by one Ready: bounds one step of the loop, not throughput. */
const committedBytesMax = 1 << 16;
/** An entry of Raft is longer than its handle by at least this, so no more of them fit. */
const entryOverheadBytes = 6;

export interface ReplicaStatus {
  readonly office: Office;
  readonly committedSeqno: Seqno;
  /** The last seqno in the log here, committed or not. */
  readonly lastSeqno: Seqno;
  readonly configuration: Configuration;
  readonly inFlight: InFlightSize;
  readonly stagedBytes: number;
  readonly recentBytes: number;
  /** Raft's WebAssembly memory, which never shrinks, and Go's heap in use. */
  readonly linearBytes: number;
  readonly heapBytes: number;
  readonly raft: RaftStatus;
}

export class Replica {
  readonly #parts: ReplicaParts;
  readonly #loop: ReadyLoop;
  #hasStarted = false;
  #isStalled = false;

  constructor(options: ReplicaOptions) {
    this.#parts = createParts(options);
    this.#loop = new ReadyLoop(this.#parts);
  }

  /** Begins as one of the first nodes of a service; a sole voter campaigns at once. */
  start(service: ServiceStart): void {
    const { configuration, view, seqno } = service;
    assert(view >= firstView, 'the first view of a service is 2');
    const term = view - 1;
    this.#parts.tail.startAt({ raftIndex: genesisIndex, seqno });
    this.#parts.membership.restart(configuration);
    this.#begin({ term, genesis: { index: genesisIndex, term, configuration } });
    this.#loop.start(view);
    this.#campaignIfAlone();
    this.#loop.changed();
  }

  /** Begins as a node that the service has added: the leader's snapshot brings everything. */
  join(): void {
    this.#begin({ term: 0, genesis: undefined });
    this.#loop.start(undefined);
    this.#loop.changed();
  }

  /**
   * Proposes the next batch of this leader's view. The body is not copied; the caller leaves it
   * unchanged. Returning means that Raft took it, not that it is committed.
   * @throws NotLeaderInView, NotExtending, TooManyInFlight, BatchTooLarge,
   * BodyMismatch; ProposalDropped: propose the same bytes again, or resign.
   */
  propose(handle: Handle, body: Uint8Array): void {
    const { order, limits, instance, bodies, inFlight } = this.#parts;
    this.#mustRun();
    order.check(handle);
    if (body.length > limits.bodyBytesMax) {
      throw consensusError('BatchTooLarge', 'A batch body exceeds its limit.', {
        bytes: body.length,
        bytesMax: limits.bodyBytesMax,
      });
    }
    if (!isBodyOf(handle, body)) {
      throw consensusError('BodyMismatch', 'A body is not the one that its handle names.');
    }
    inFlight.mustHaveRoom(body.length);
    if (!bodies.hasRoomFor(body.length)) {
      throw consensusError('TooManyInFlight', 'Too much waits for the disk.');
    }
    const code = instance.propose(handle.view, encodeHandle(handle));
    if (code !== 'ok') {
      order.refused(handle);
      throw consensusError('ProposalDropped', 'Raft refused a proposal.', { code });
    }
    bodies.stage(handle, body);
    order.proposed(handle);
    inFlight.proposed(handle);
    this.#loop.changed();
  }

  /**
   * `persist` waits for room on the disk, for as long as it takes. Until `resume` this replica is
   * to the others as one whose process is stopped: its clock stands and it takes nothing but the
   * news of who leads, so that Raft, whose messages wait behind `persist`, piles up nothing. The
   * owner has it resign where others can lead. Bodies are still served.
   */
  stall(): void {
    this.#isStalled = true;
    this.#parts.reads.stop(readsStall());
  }

  /** There was room. */
  resume(): void {
    this.#isStalled = false;
  }

  /**
   * Whether new batches of a leader are taken: not while the owner has as much to apply as it may
   * hold. The leader sends them again; heartbeats, votes and what is in the log already go on.
   */
  takeBatches(isTaking: boolean): void {
    this.#parts.inbox.takeBatches(isTaking);
  }

  /** One beat of Raft's clock. Elections, heartbeats and retries count these. */
  tick(): void {
    if (!this.#loop.isRunning || this.#isStalled) return;
    const { instance, inbox, reads } = this.#parts;
    instance.tick();
    inbox.tick();
    const context = reads.tick();
    if (context) instance.readIndex(context);
    this.#loop.changed();
  }

  /** Takes a peer's message. `from` is the sender as the transport has authenticated it. */
  step(from: NodeId, message: PeerMessage): Verdict {
    if (!this.#loop.isRunning) return ignored('the replica does not run');
    const { inbox } = this.#parts;
    const verdict = this.#isStalled ? inbox.stepStalled(from, message) : inbox.step(from, message);
    this.#loop.changed();
    return verdict;
  }

  /** The connection to a peer failed: Raft probes it instead of streaming. */
  unreachable(peer: NodeId): void {
    if (this.#loop.isRunning && !this.#isStalled) this.#parts.instance.reportUnreachable(peer);
  }

  /**
   * Resolves when everything that was committed anywhere before this call is delivered here: a
   * read of the state from then on is linearizable. Calls share rounds.
   * @throws ReadIndexUnavailable, TooManyInFlight, ReplicaStopped
   */
  async readIndex(): Promise<void> {
    this.#mustRun();
    if (this.#isStalled) {
      // Nobody else can have committed anything.
      if (this.#isAlone && this.#parts.watch.office.canExecute) return;
      throw readsStall();
    }
    const confirmed = this.#parts.reads.wait();
    this.#loop.schedule();
    await confirmed;
  }

  /**
   * Proposes one difference of membership and resolves with the configuration that it led to.
   * @throws NotLeaderInView, MembershipPending, InvalidMembershipChange, ProposalDropped,
   * MembershipDropped, ReplicaStopped
   */
  async proposeMembership(change: MembershipChange): Promise<Configuration> {
    this.#mustRun();
    return await new Promise<Configuration>((resolve, reject) => {
      const propose = (): void => {
        try {
          resolve(this.#proposeMembershipNow(change));
        } catch (error) {
          if (!(error instanceof LedgerError)) throw error;
          reject(error);
        }
      };
      this.#loop.betweenReadys(propose, reject);
    });
  }

  /**
   * Hands office to a voter. The owner has stopped executing and nothing waits for commit. Until
   * it is done or Raft gives it up (one election timeout), proposals are dropped.
   * @throws NotLeaderInView, NotVoter, BatchesInFlight
   */
  transferLeadership(to: NodeId): void {
    this.#mustRun();
    this.#mustLead();
    const { membership, inFlight } = this.#parts;
    if (!membership.configuration.voters.includes(to)) {
      throw consensusError('NotVoter', 'Office goes to a voter only.', { to });
    }
    const { batches } = inFlight.size;
    if (batches > 0) {
      throw consensusError('BatchesInFlight', 'Batches wait for commit.', { batches });
    }
    this.#parts.instance.transferLeader(to);
    this.#loop.changed();
  }

  /** Gives up office: the view ends. A sole voter takes office again, two views on. */
  resign(): void {
    this.#mustRun();
    const { instance, watch } = this.#parts;
    const code = instance.abdicate(watch.office.view);
    if (code !== 'ok') throw this.#notLeader();
    // The owner hears of the loss before it hears of the next office.
    this.#loop.changed();
    this.#campaignIfAlone();
    this.#loop.changed();
  }

  /**
   * Names a committed ledger snapshot, so that a node that is far behind need not read the whole
   * ledger. The owner's chunk files hold every batch after it. Raft's log is compacted anyway.
   * @throws NothingToOffer when the snapshot is beyond what is committed here.
   */
  offerSnapshot(snapshot: LedgerSnapshotName, seqno: Seqno): void {
    this.#mustRun();
    const committed = this.#parts.tail.deliveredSeqno;
    if (seqno > committed) {
      const message = 'The snapshot is not committed here yet.';
      throw consensusError('NothingToOffer', message, { seqno, committed });
    }
    this.#loop.betweenReadys(() => this.#loop.offerSnapshot(snapshot));
  }

  status(): ReplicaStatus {
    this.#mustRun();
    const { watch, tail, membership, inFlight, bodies, instance } = this.#parts;
    return {
      office: watch.office,
      committedSeqno: tail.deliveredSeqno,
      lastSeqno: tail.lastSeqno,
      configuration: membership.configuration,
      inFlight: inFlight.size,
      stagedBytes: bodies.stagedBytes,
      recentBytes: bodies.recentBytes,
      ...instance.memory(),
      raft: instance.status(),
    };
  }

  /** Ends for good: a stopped replica never runs again. Everybody who waits is refused. */
  stop(): void {
    this.#loop.stop();
  }

  #begin(at: Pick<RaftSettings, 'term' | 'genesis'>): void {
    assert(!this.#hasStarted, 'a replica starts once');
    this.#hasStarted = true;
    const { instance, id, limits } = this.#parts;
    instance.start({
      ...at,
      id,
      electionTicks: limits.electionTicks,
      heartbeatTicks: limits.heartbeatTicks,
      inFlightMessagesMax: limits.inFlightMessagesMax,
      messageBytesMax: limits.messageEntriesMax * (handleBytes + entryOverheadBytes),
      committedBytesMax,
    });
  }

  /** Nobody could answer a campaign later than this node itself: no reason to wait for ticks. */
  #campaignIfAlone(): void {
    if (this.#isAlone) this.#parts.instance.campaign();
  }

  get #isAlone(): boolean {
    return this.#parts.membership.isSoleVoter(this.#parts.id);
  }

  #proposeMembershipNow(change: MembershipChange): Promise<Configuration> {
    this.#mustLead();
    const { membership, tail, watch } = this.#parts;
    if (membership.hasPending || tail.hasMembership) {
      throw consensusError('MembershipPending', 'Another membership change has not finished.');
    }
    const applied = membership.propose(change, watch.office.view);
    this.#loop.changed();
    return applied;
  }

  #mustRun(): void {
    if (this.#loop.isRunning) return;
    throw consensusError('ReplicaStopped', 'The replica does not run.');
  }

  #mustLead(): void {
    if (!this.#parts.watch.office.canExecute) throw this.#notLeader();
  }

  #notLeader(): LedgerError {
    const { view } = this.#parts.watch.office;
    return consensusError('NotLeaderInView', 'This node does not lead.', { view });
  }
}

function readsStall(): LedgerError {
  return consensusError('ReadIndexUnavailable', 'This node waits for room on its disk.');
}
