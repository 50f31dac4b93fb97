/**
 * From which copy of a ledger a recovery goes, and whether anything acknowledged may be missing.
 * The rule (design, section 8): the copy whose last signature has the highest (view, seqno) among
 * those of enough nodes. Enough is: whatever set of nodes committed last, one of them is here.
 * Pure: copies in, verdict out. Why it holds: docs/decisions/disaster-recovery.md.
 */
import {
  asSeqno,
  formatTransactionId,
  type Seqno,
  type TransactionId,
  type View,
} from '@coco/base';
import { recoveryError } from './errors.ts';
import type { ConfiguredNode } from './last-configuration.ts';
import type { LedgerCopy } from './survey-copy.ts';

/** How another copy stands to the best one. */
export type Standing =
  /** It ends at the same signature. */
  | { readonly kind: 'equal' }
  /** It ends earlier: whoever recovers from it loses the rest. */
  | { readonly kind: 'behind'; readonly lackingCount: number }
  /**
   * It ends otherwise, in an earlier view: what it holds from `from` on never committed, because
   * later primaries, which had everything committed, wrote something else there.
   */
  | {
      readonly kind: 'replaced';
      readonly from: Seqno;
      readonly view: View;
      readonly lackingCount: number;
    };

export interface JudgedCopy {
  readonly copy: LedgerCopy;
  readonly standing: Standing;
  /** The nodes of the last configuration that it stands for. */
  readonly nodeIds: readonly string[];
}

export interface Judgement {
  /** Where to recover from. */
  readonly best: LedgerCopy;
  /** Every copy, the best one too, in the order given. */
  readonly copies: readonly JudgedCopy[];
  /** Who may have voted at the end of the best copy. */
  readonly nodes: readonly ConfiguredNode[];
  /** Those of them whose copies are here. */
  readonly seenIds: readonly string[];
  /** Whether no commit can have passed by all of these copies. */
  readonly isEnough: boolean;
  /** How many more copies of nodes that vote for certain would be enough. */
  readonly missingCount: number;
}

/** @throws LedgersFork, LedgersUnrelated, NothingToRecover */
export function judgeCopies(copies: readonly LedgerCopy[]): Judgement {
  const best = copies.toSorted((one, other) => compareSigned(other.lastSigned, one.lastSigned))[0];
  if (!best) throw recoveryError('NothingToRecover', 'No copy holds a signed ledger.');
  for (const [index, copy] of copies.entries()) {
    for (const other of copies.slice(index + 1)) assertRelated(copy, other);
  }
  const { nodes } = best;
  const judged = copies.map(
    (copy): JudgedCopy => ({
      copy,
      standing: standingOf(copy, best),
      nodeIds: nodesOf(copy, nodes),
    }),
  );
  const seen = new Set(judged.flatMap(({ nodeIds }) => nodeIds));
  const certain = nodes.filter(({ isCertain }) => isCertain);
  const seenCount = certain.filter(({ nodeId }) => seen.has(nodeId)).length;
  const unseenCount = nodes.filter(({ nodeId }) => !seen.has(nodeId)).length;
  const isEnough = nodes.length > 0 && unseenCount <= seenCount;
  return {
    best,
    copies: judged,
    nodes,
    seenIds: [...seen].sort(),
    isEnough,
    missingCount: isEnough ? 0 : Math.max(1, Math.ceil((unseenCount - seenCount) / 2)),
  };
}

/** Raft's order of logs: the later primary's is ahead, however long the other is. */
function compareSigned(left: TransactionId, right: TransactionId): number {
  return left.view - right.view || left.seqno - right.seqno;
}

/**
 * A copy whose signed end an operator cut off, or that comes from a backup, stands for no node: it
 * may lack what its node had.
 */
function nodesOf(copy: LedgerCopy, nodes: readonly ConfiguredNode[]): readonly string[] {
  if (copy.isCutShort || copy.isRestored) return [];
  const ids = nodes.map(({ nodeId }) => nodeId);
  const [only] = ids;
  // Before nodes left marks, one node alone had a vote.
  const isUnmarked = copy.isBeforeMarks && copy.marks.length === 0;
  if (only !== undefined && ids.length === 1 && isUnmarked) return [only];
  return ids.filter((nodeId) => copy.marks.includes(nodeId));
}

function standingOf(copy: LedgerCopy, best: LedgerCopy): Standing {
  const common = copy.history.lastInCommon(best.history);
  const lackingCount = best.lastSigned.seqno - common;
  const replaced = copy.history.idAfter(common);
  if (replaced) {
    return { kind: 'replaced', from: asSeqno(common + 1), view: replaced.view, lackingCount };
  }
  return lackingCount === 0 ? { kind: 'equal' } : { kind: 'behind', lackingCount };
}

/**
 * Two copies of one service are equal up to somewhere, and then at most one goes on, or both do in
 * different views: in one view only one primary writes.
 * @throws LedgersFork, LedgersUnrelated
 */
function assertRelated(one: LedgerCopy, other: LedgerCopy): void {
  const last = one.history.lastInCommon(other.history);
  if (last === 0) throw unrelated(one, other);
  const reason = forkOf(one, other, last);
  if (reason === undefined) return;
  const seqno = last + 1;
  throw recoveryError(
    'LedgersFork',
    `${one.name} and ${other.name} hold different signed entries from seqno ${seqno} on: ${reason}`,
    { one: one.name, other: other.name, seqno },
  );
}

function unrelated(one: LedgerCopy, other: LedgerCopy): Error {
  const begun = [one, other].find(({ beginsAfter }) => beginsAfter > 0);
  const reason = begun
    ? `the files of ${begun.name} begin behind seqno ${begun.beginsAfter}, and before it the other ` +
      'is of another service.'
    : 'they do not begin alike.';
  return recoveryError(
    'LedgersUnrelated',
    `${one.name} and ${other.name} are of different services: ${reason}`,
    { one: one.name, other: other.name },
  );
}

function forkOf(one: LedgerCopy, other: LedgerCopy, last: Seqno): string | undefined {
  const isExtended = [one, other].some(({ history }) => history.idAfter(last) === undefined);
  if (isExtended) return undefined;
  const recovered = [one, other].filter(({ identities }) =>
    identities.some(({ since }) => since > last),
  );
  if (recovered.length > 0) {
    const names = recovered.map(({ name }) => name).join(' and ');
    return `the service of ${names} was recovered without what the other holds there.`;
  }
  const view = one.history.viewInCommonAfter(last, other.history);
  if (view !== undefined) return `both in view ${view}, in which one primary wrote both.`;
  const lower = compareSigned(one.lastSigned, other.lastSigned) < 0 ? one : other;
  if (lower.namedCommitted <= last) return undefined;
  const end = formatTransactionId(lower.lastSigned);
  return `${lower.name} (to ${end}) has files there that are named as committed.`;
}
