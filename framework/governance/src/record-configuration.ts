/**
 * What the ledger says of Raft's configuration, once it is so: which nodes have ever voted, and
 * which retired nodes are out of it for good. Who recovers the service from files goes by the
 * first (docs/decisions/disaster-recovery.md), other nodes cut off who has the second, and
 * operators may switch such a node off.
 */
import type { Seqno } from '@coco/base';
import { nodeVoters, presence } from './coco-tables.ts';
import { raftIdOf } from './node-joins.ts';
import type { Readable, Writable } from './table.ts';
import { nodeInfos } from './tables.ts';

/** Raft's configuration as the primary has applied it. */
export interface AppliedConfiguration {
  /** Everybody whose vote may count. */
  readonly voters: readonly number[];
  readonly learners: readonly number[];
}

/** Ids of nodes. */
export interface ConfigurationFacts {
  /** They vote, and no row says so. */
  readonly voting: readonly string[];
  /** They are retired and out of Raft's configuration, and their rows do not say so. */
  readonly gone: readonly string[];
}

/** What is so and not recorded yet. @throws GovernanceRowInvalid */
export function unrecordedFacts(
  state: Readable,
  { voters, learners }: AppliedConfiguration,
): ConfigurationFacts {
  const voting: string[] = [];
  const gone: string[] = [];
  const names = (raftId: Seqno | undefined, ids: readonly number[]): boolean =>
    raftId !== undefined && ids.includes(raftId);
  for (const [id, info] of nodeInfos.rows(state)) {
    const raftId = raftIdOf(state, id);
    if (names(raftId, voters)) {
      if (!nodeVoters.has(state, id)) voting.push(id);
    } else if (info.status === 'Retired' && !names(raftId, learners)) {
      if (info.retired_committed !== true) gone.push(id);
    }
  }
  return { voting, gone };
}

/** Writes the facts; which must still be so in the state that the transaction reads. */
export function recordFacts(transaction: Writable, { voting, gone }: ConfigurationFacts): void {
  for (const id of voting) nodeVoters.put(transaction, id, presence);
  for (const id of gone) {
    const info = nodeInfos.get(transaction, id);
    if (info?.status !== 'Retired') continue;
    nodeInfos.put(transaction, id, { ...info, retired_committed: true });
  }
}
