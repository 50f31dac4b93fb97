/**
 * What this node is in the service, from one moment to the next, as its replica tells it: primary
 * or backup, in which view, and who leads. It turns the replica's messages, in their order, into
 * offices that begin and end, commits of the node's own batches, and batches to follow.
 */

import type { Log, Seqno, View } from '@coco/base';
import { assert } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import type { BatchFollower } from './batch-follower.ts';
import type { BatchPipeline } from './batch-pipeline.ts';
import { type HandOverPorts, passOn } from './hand-over.ts';
import type { FollowedBatch, RoleReport } from './replica-messages.ts';

export interface NodeOfficeOptions {
  readonly pipeline: BatchPipeline;
  readonly follower: BatchFollower;
  readonly log: Log;
  /** This node executes from now on. */
  readonly onPrimary?: () => void;
  /** The members have retired this node, and the ledger is closed to it: it answers no more. */
  readonly onLockedOut?: () => void;
}

export class NodeOffice {
  readonly #options: NodeOfficeOptions;
  #report: RoleReport | undefined;

  constructor(options: NodeOfficeOptions) {
    this.#options = options;
  }

  /** What the replica said last; undefined before it said anything. */
  get report(): RoleReport | undefined {
    return this.#report;
  }

  /** Role, view, leader or the right to execute changed. */
  onRole(report: RoleReport): void {
    const { pipeline, follower, log, onPrimary } = this.#options;
    const { role, view, canExecute } = report;
    this.#report = report;
    log.write('info', 'consensus.role', { role, view });
    const isSameOffice = canExecute && view === pipeline.view;
    // A view is one office: the next one of this node is higher than the one that ends.
    if (pipeline.isInOffice && !isSameOffice) pipeline.loseOffice((pipeline.view + 1) as View);
    // Who is locked out has no state to execute on: its replica passes office on.
    if (!canExecute || pipeline.isInOffice || follower.isLockedOut) return;
    pipeline.startExecuting(view);
    onPrimary?.();
  }

  /** Batches of this primary are committed up to `seqno`. */
  onCommitted(seqno: Seqno): void {
    const { pipeline } = this.#options;
    assert(pipeline.isInOffice, 'only a primary’s own batches commit without their bodies');
    pipeline.committed(seqno);
  }

  /** The ledger wants this primary to leave: office goes to another node first. */
  onPassOn(to: NodeId, replica: HandOverPorts['replica']): void {
    const { pipeline, log } = this.#options;
    void passOn({ pipeline, replica, log }, to);
  }

  /** A batch is committed that this primary does not hold. @throws BatchUnverified */
  onFollowed(batch: FollowedBatch): void {
    const { pipeline, follower, log, onLockedOut } = this.#options;
    assert(!pipeline.isInOffice, 'a primary executes what commits');
    if (follower.isLockedOut) return;
    follower.follow(batch);
    if (!follower.isLockedOut) return;
    log.write('warning', 'membership.lockedOut', { seqno: pipeline.committedSeqno });
    onLockedOut?.();
  }
}
