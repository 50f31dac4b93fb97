/** Who voted on a proposal, what, and who has not: read from the service, ballot by ballot. */
import { memberName } from './describe-certificate.ts';
import type { GovernanceService, JsonObject, ProposalInfo } from './governance-service.ts';
import { standardBallots } from './proposal.ts';

/** Ballots are read some at a time. */
const readsAtOnce = 8;

export interface Voter {
  readonly memberId: string;
  readonly name: string;
  /** A script decides anew at each resolution; what it said stands there once it is decided. */
  readonly ballot: 'approve' | 'reject' | 'script' | undefined;
}

export interface Votes {
  /** Members whose ballots are there; only those of active members count. */
  readonly given: readonly Voter[];
  /** Active members without a ballot. */
  readonly missing: readonly Voter[];
}

/** Reads all ballots of a proposal. The number of requests is that of the active members. */
export async function readVotes(
  governance: GovernanceService,
  proposal: ProposalInfo,
  members: readonly JsonObject[],
): Promise<Votes> {
  const active = members.filter(({ status }) => status === 'Active');
  const voters: Voter[] = [];
  for (let at = 0; at < active.length; at += readsAtOnce) {
    const some = active.slice(at, at + readsAtOnce);
    voters.push(...(await Promise.all(some.map((row) => readVoter(governance, proposal, row)))));
  }
  return {
    given: voters.filter(({ ballot }) => ballot !== undefined),
    missing: voters.filter(({ ballot }) => ballot === undefined),
  };
}

async function readVoter(
  governance: GovernanceService,
  proposal: ProposalInfo,
  row: JsonObject,
): Promise<Voter> {
  const memberId = String(row.memberId);
  const name = memberName(row);
  const final = proposal.finalVotes?.[memberId];
  if (final !== undefined) return { memberId, name, ballot: final ? 'approve' : 'reject' };
  if (proposal.ballotCount === 0) return { memberId, name, ballot: undefined };
  const script = await governance.ballot(proposal.id, memberId);
  return { memberId, name, ballot: script === undefined ? undefined : ballotOf(script) };
}

function ballotOf(script: string): 'approve' | 'reject' | 'script' {
  if (script === standardBallots.approve) return 'approve';
  return script === standardBallots.reject ? 'reject' : 'script';
}
