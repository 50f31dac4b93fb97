/**
 * Makes Raft's configuration follow the committed ledger while this node is the primary. It looks
 * at each beat, proposes one difference when none is under way, and tries again when one was lost:
 * all that it remembers may be forgotten with the office, and the next primary goes on.
 *
 * The ledger's nodes come from the main thread. A new primary's may be of old, and acting on them
 * would undo what others did, so the owner lets it look only once its main thread has begun the
 * view: that has read every batch before it.
 */
import { LedgerError, type Log } from '@coco/base';
import {
  type Configuration,
  isJoint,
  type MembershipChange,
  type NodeId,
  type ReplicaStatus,
} from '@coco/consensus';
import { heirOf, type MembershipStep, nextMembershipStep } from './membership-step.ts';

/**
 * Beats that a voter which is to leave stays for the node that takes its place: half a minute of 50
 * ms beats, time for a snapshot and the batches behind it. It does no harm meanwhile.
 */
export const replacementTicksMax = 600;
/** Beats between two attempts at what was refused or has not come about: about a second. */
const retryTicks = 20;

export interface MembershipDriverOptions {
  readonly nodeId: NodeId;
  readonly log: Log | undefined;
  /** See Replica.proposeMembership. */
  readonly propose: (change: MembershipChange) => Promise<Configuration>;
  /** Has the main thread hand office over. */
  readonly passOn: (to: NodeId) => void;
}

export class MembershipDriver {
  readonly #options: MembershipDriverOptions;
  /** Undefined before the main thread has said what the ledger holds. */
  #trusted: ReadonlySet<NodeId> | undefined;
  /** Since which beat each voter has been one that is to leave. */
  readonly #leavingSince = new Map<NodeId, number>();
  #tickCount = 0;
  #restsUntil = 0;
  #isProposing = false;

  constructor(options: MembershipDriverOptions) {
    this.#options = options;
  }

  /** The nodes that the committed ledger trusts from now on. */
  setTrusted(ids: readonly NodeId[]): void {
    this.#trusted = new Set(ids);
  }

  /** Whether the ledger has retired this node: that is never taken back. */
  get isRetired(): boolean {
    return this.#trusted?.has(this.#options.nodeId) === false;
  }

  /** This node does not lead, or may not look yet: who waits for a replacement waits anew. */
  rest(): void {
    this.#leavingSince.clear();
    this.#restsUntil = 0;
  }

  /** Who takes this primary's office over best, of those that are fit; undefined while nobody can. */
  heir(
    { configuration, raft }: Pick<ReplicaStatus, 'configuration' | 'raft'>,
    isFit: (peer: NodeId) => boolean = () => true,
  ): NodeId | undefined {
    if (!this.#trusted) return undefined;
    const trusted = new Set([...this.#trusted].filter(isFit));
    const { peers: progress, commit } = raft;
    return heirOf({ self: this.#options.nodeId, trusted, configuration, progress, commit });
  }

  /** One beat of a primary. */
  tick(status: ReplicaStatus): void {
    this.#tickCount++;
    const trusted = this.#trusted;
    const { configuration, raft } = status;
    if (!trusted || this.#isProposing || isJoint(configuration)) return;
    this.#note(configuration, trusted);
    if (this.#tickCount < this.#restsUntil) return;
    const step = nextMembershipStep({
      self: this.#options.nodeId,
      trusted,
      configuration,
      progress: raft.peers,
      commit: raft.commit,
      hasWaited: (voter) => this.#hasWaited(voter),
    });
    if (step) this.#take(step);
  }

  #note({ voters }: Configuration, trusted: ReadonlySet<NodeId>): void {
    for (const id of [...this.#leavingSince.keys()]) {
      if (trusted.has(id) || !voters.includes(id)) this.#leavingSince.delete(id);
    }
    for (const id of voters) {
      if (!trusted.has(id) && !this.#leavingSince.has(id))
        this.#leavingSince.set(id, this.#tickCount);
    }
  }

  #hasWaited(voter: NodeId): boolean {
    const since = this.#leavingSince.get(voter) ?? this.#tickCount;
    return this.#tickCount - since >= replacementTicksMax;
  }

  #take(step: MembershipStep): void {
    const { log, passOn } = this.#options;
    log?.write('info', 'membership.step', { ...step });
    if (step.kind === 'passOn') {
      this.#restsUntil = this.#tickCount + retryTicks;
      passOn(step.to);
      return;
    }
    void this.#propose(step);
  }

  /** What is refused or lost is seen again at a later beat, as far as it is still to be done. */
  async #propose(change: MembershipChange): Promise<void> {
    const { log, propose } = this.#options;
    this.#isProposing = true;
    try {
      await propose(change);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.#restsUntil = this.#tickCount + retryTicks;
      log?.write('info', 'membership.refused', { kind: change.kind, code: error.code });
    } finally {
      this.#isProposing = false;
    }
  }
}
