/**
 * A primary whose disk is short of room passes its office on, to the voter that is nearest to the
 * end of the log among those that have room. Where nobody has, it keeps it, and refuses.
 */
import type { NodeId, ReplicaStatus } from '@coco/consensus';

/** Entries of Raft that it may lack: a hand-over waits until it has them. */
const lagMax = 16;

/** Between two attempts, in beats: 10 s of the worker's. */
const yieldTicks = 200;

export interface OfficeYieldOptions {
  readonly self: NodeId;
  /** Whether a peer is reached and has room. */
  readonly isFit: (peer: NodeId) => boolean;
  /** Has the main thread hand office over. */
  readonly passOn: (to: NodeId) => void;
}

export class OfficeYield {
  readonly #options: OfficeYieldOptions;
  #restTicks = 0;

  constructor(options: OfficeYieldOptions) {
    this.#options = options;
  }

  /** A beat of a primary that should not be it. */
  tick(status: Parameters<typeof chooseSuccessor>[0]): void {
    this.#restTicks = Math.max(0, this.#restTicks - 1);
    if (this.#restTicks > 0) return;
    const to = chooseSuccessor(status, this.#options);
    if (to === undefined) return;
    this.#restTicks = yieldTicks;
    this.#options.passOn(to);
  }
}

/**
 * The voter that is nearest to the end of the log among those that answer and are fit; undefined
 * when there is none. Of equals the one with the lowest id.
 */
function chooseSuccessor(
  status: Pick<ReplicaStatus, 'raft' | 'configuration' | 'office'>,
  options: { readonly self: NodeId; readonly isFit: (id: NodeId) => boolean },
): NodeId | undefined {
  const { raft, configuration } = status;
  const { self, isFit } = options;
  const fit = raft.peers.filter(
    ({ id, match, isLearner, isRecentlyActive }) =>
      id !== self &&
      !isLearner &&
      isRecentlyActive &&
      configuration.voters.includes(id) &&
      raft.lastIndex - match <= lagMax &&
      isFit(id),
  );
  fit.sort((one, other) => other.match - one.match || one.id - other.id);
  return fit[0]?.id;
}
