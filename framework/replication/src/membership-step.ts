/**
 * The next step from Raft's configuration to the nodes that the ledger trusts: one difference at a
 * time, in an order that keeps the service able to commit. Whoever is not trusted leaves, a trusted
 * node becomes a learner and votes when it has caught up, and one that takes the place of another
 * does so in one change, so that no quorum grows while a dead node is replaced.
 */
import type { Configuration, MembershipChange, NodeId, PeerProgress } from '@coco/consensus';
import { isMember } from '@coco/consensus';

/**
 * Raft entries that a learner may be behind commit when it is promoted: some more than the batches
 * that are on their way at once, so that load does not keep it from voting. One that is further
 * behind would slow every commit down, or stop it.
 */
const promotionEntriesMax = 8;

export type MembershipStep =
  | MembershipChange
  /** This node is to leave: office goes to another before. */
  | { readonly kind: 'passOn'; readonly to: NodeId };

export interface MembershipSituation {
  /** The primary that asks. */
  readonly self: NodeId;
  /** Ids of the nodes that the committed ledger trusts. */
  readonly trusted: ReadonlySet<NodeId>;
  /** Raft's, with no change under way. */
  readonly configuration: Configuration;
  readonly progress: readonly PeerProgress[];
  /** Raft's commit index. */
  readonly commit: number;
  /** Whether a voter that is to leave has waited long enough for a node to take its place. */
  readonly hasWaited: (voter: NodeId) => boolean;
}

/** Undefined: Raft follows the ledger, or has to wait. */
export function nextMembershipStep(situation: MembershipSituation): MembershipStep | undefined {
  const { trusted, configuration } = situation;
  const { voters, learners } = configuration;
  const leavingLearner = ascending(learners).find((id) => !trusted.has(id));
  if (leavingLearner !== undefined) return { kind: 'remove', id: leavingLearner };
  const missing = ascending(trusted).find((id) => !isMember(configuration, id));
  if (missing !== undefined) return { kind: 'addLearner', id: missing };
  const ready = ascending(learners).find((id) => isReady(situation, id));
  const leaving = ascending(voters).filter((id) => !trusted.has(id));
  if (leaving.length === 0) return promotionOf(situation, ready);
  return (
    passOnOf(situation, leaving) ??
    replacementOf(situation, leaving, ready) ??
    removalOf(situation, leaving)
  );
}

function promotionOf(
  situation: MembershipSituation,
  ready: NodeId | undefined,
): MembershipStep | undefined {
  if (ready === undefined) return undefined;
  const { voters } = situation.configuration;
  return keepsQuorum(situation, [...voters, ready]) ? { kind: 'promote', id: ready } : undefined;
}

/** A primary that is to leave passes office on, to who holds most, so that it removes nothing itself. */
function passOnOf(
  situation: MembershipSituation,
  leaving: readonly NodeId[],
): MembershipStep | undefined {
  if (!leaving.includes(situation.self)) return undefined;
  const to = heirOf(situation);
  return to === undefined ? undefined : { kind: 'passOn', to };
}

/** Who takes office over best: the trusted voter that holds most, if one is there that keeps up. */
export function heirOf(situation: Omit<MembershipSituation, 'hasWaited'>): NodeId | undefined {
  const { self, trusted, configuration, progress } = situation;
  const isHeir = (id: NodeId): boolean =>
    id !== self && configuration.voters.includes(id) && trusted.has(id);
  const heirs = progress.filter((peer) => isHeir(peer.id) && isReady(situation, peer.id));
  heirs.sort((one, other) => other.match - one.match || one.id - other.id);
  return heirs[0]?.id;
}

/** Of those that leave one that is dead goes first; a primary is never replaced by itself. */
function replacementOf(
  situation: MembershipSituation,
  leaving: readonly NodeId[],
  ready: NodeId | undefined,
): MembershipStep | undefined {
  if (ready === undefined) return undefined;
  const { self, configuration } = situation;
  const others = leaving.filter((id) => id !== self);
  const removed = others.find((id) => !isActive(situation, id)) ?? others[0];
  // Alone, and to leave: another votes first, and gets the office then.
  if (removed === undefined) return promotionOf(situation, ready);
  const voters = configuration.voters.filter((id) => id !== removed);
  return keepsQuorum(situation, [...voters, ready])
    ? { kind: 'replace', added: ready, removed }
    : undefined;
}

function removalOf(
  situation: MembershipSituation,
  leaving: readonly NodeId[],
): MembershipStep | undefined {
  const { self, trusted, configuration, hasWaited } = situation;
  // Who leaves itself leaves the others to the next primary.
  if (leaving.includes(self)) return undefined;
  const isReplaced = [...trusted].some((id) => !configuration.voters.includes(id));
  const removed = leaving.find((id) => !isReplaced || hasWaited(id));
  if (removed === undefined) return undefined;
  const voters = configuration.voters.filter((id) => id !== removed);
  return keepsQuorum(situation, voters) ? { kind: 'remove', id: removed } : undefined;
}

/** Whether a majority of these voters answers now: a change must not end the service. */
function keepsQuorum(situation: MembershipSituation, voters: readonly NodeId[]): boolean {
  return 2 * voters.filter((id) => isActive(situation, id)).length > voters.length;
}

function isActive({ self, progress }: MembershipSituation, id: NodeId): boolean {
  return id === self || progress.some((peer) => peer.id === id && peer.isRecentlyActive);
}

function isReady(
  { progress, commit }: Pick<MembershipSituation, 'progress' | 'commit'>,
  id: NodeId,
): boolean {
  return progress.some(
    (peer) =>
      peer.id === id &&
      peer.isRecentlyActive &&
      peer.state === 'replicate' &&
      peer.match + promotionEntriesMax >= commit,
  );
}

function ascending(ids: Iterable<NodeId>): NodeId[] {
  return [...ids].sort((one, other) => one - other);
}
