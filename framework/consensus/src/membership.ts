/**
 * Raft's configuration on this node and the one change of it that may be under way. Raft would
 * turn a second change into an empty entry without a word (facts of go.etcd.io/raft: MsgProp with
 * a pending change), so everything that makes it do so is refused here first.
 */
import type { LedgerError } from '@coco/base';
import { assert } from '@coco/base';
import type { Configuration, MembershipChange, NodeId } from './configuration.ts';
import { isJoint, isMember, singleChangesOf } from './configuration.ts';
import { consensusError } from './errors.ts';
import type { RaftEntry, RaftInstance } from './raft-instance.ts';

interface Pending {
  readonly resolve: (configuration: Configuration) => void;
  readonly reject: (error: LedgerError) => void;
}

export class Membership {
  readonly #instance: RaftInstance;
  #configuration: Configuration;
  #pending: Pending | undefined;

  constructor(instance: RaftInstance, configuration: Configuration) {
    this.#instance = instance;
    this.#configuration = configuration;
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  get hasPending(): boolean {
    return this.#pending !== undefined || isJoint(this.#configuration);
  }

  isSoleVoter(id: NodeId): boolean {
    const { voters } = this.#configuration;
    return voters.length === 1 && voters[0] === id && !isJoint(this.#configuration);
  }

  /**
   * Proposes a change; no Ready may be open, or Raft could count an applied change as pending.
   * The promise resolves when it is applied and no joint configuration is left.
   * @throws MembershipDropped (as rejection) when office is lost meanwhile: it may still happen.
   */
  propose(change: MembershipChange, view: number): Promise<Configuration> {
    const flaw = changeFlaw(change, this.#configuration);
    if (flaw) throw consensusError('InvalidMembershipChange', flaw, { kind: change.kind });
    const code = this.#instance.proposeMembership(view, singleChangesOf(change));
    if (code === 'notLeader') {
      throw consensusError('NotLeaderInView', 'This node does not lead.', { view });
    }
    if (code === 'dropped') {
      throw consensusError('ProposalDropped', 'Raft refused a membership change.', { view });
    }
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  /** Applies a committed change. */
  apply(entry: RaftEntry): void {
    this.#configuration = this.#instance.applyMembership(entry);
    if (isJoint(this.#configuration)) return;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve(this.#configuration);
  }

  /** Takes the configuration of an installed snapshot. */
  restart(configuration: Configuration): void {
    assert(this.#pending === undefined, 'a leader installs no snapshot');
    this.#configuration = configuration;
  }

  /** Office or life ends: nobody here will learn from Raft what became of the change. */
  abandon(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(
      consensusError('MembershipDropped', 'Office was lost before the change was applied.'),
    );
  }
}

/** Why the change makes no sense in this configuration, or undefined. */
function changeFlaw(change: MembershipChange, now: Configuration): string | undefined {
  switch (change.kind) {
    case 'addLearner':
      return isMember(now, change.id) ? 'The node is a member already.' : undefined;
    case 'promote':
      return now.learners.includes(change.id) ? undefined : 'The node is not a learner.';
    case 'remove':
      if (!isMember(now, change.id)) return 'The node is not a member.';
      return now.voters.length === 1 && now.voters[0] === change.id
        ? 'The last voter cannot be removed.'
        : undefined;
    case 'replace':
      if (!now.learners.includes(change.added)) return 'The added node is not a learner.';
      return now.voters.includes(change.removed) ? undefined : 'The removed node does not vote.';
  }
}
