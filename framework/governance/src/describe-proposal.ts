/** A proposal as the endpoints show it, and the refusal where there is none. */
import type { JsonValue, LedgerError } from '@coco/base';
import { governanceError } from './errors.ts';
import type { ScriptFailure } from './governance-scripts.ts';
import type { Readable } from './table.ts';
import { type ProposalInfoRow, proposalInfos } from './tables.ts';

export function describeProposal(id: string, info: ProposalInfoRow): JsonValue {
  return {
    proposalId: id,
    proposerId: info.proposer_id,
    proposalState: info.state,
    ballotCount: Object.keys(info.ballots).length,
    ...(info.final_votes === undefined ? {} : { finalVotes: info.final_votes }),
    ...(info.vote_failures === undefined ? {} : { voteFailures: info.vote_failures }),
    ...(info.failure === undefined ? {} : { failure: info.failure }),
  };
}

/** @throws ProposalNotFound */
export function requireProposal(state: Readable, id: string): ProposalInfoRow {
  const info = proposalInfos.get(state, id);
  if (!info) throw proposalNotFound(id);
  return info;
}

export function proposalNotFound(id: string): LedgerError {
  return governanceError('ProposalNotFound', `Could not find proposal ${id}.`);
}

/** A failure of a script in CCF's words. */
export function failureText({ reason, trace }: ScriptFailure): string {
  return `${reason}\nTrace: ${trace ?? 'N/A'}`;
}
