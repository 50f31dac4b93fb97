/** What the tools tell of a proposal, in words and as documents. */
import type { JsonValue } from '@coco/base';
import {
  type ActionPlan,
  describePlan,
  type GovernanceService,
  type JsonObject,
  memberName,
  type ProposalInfo,
  parseProposal,
  planChanges,
  readGovernanceState,
  readVotes,
  shortId,
  tablesOf,
  type Voter,
  type Votes,
} from '@coco/member';

/** What a proposal would change now, against the state that the service tells. */
export async function planOf(
  governance: GovernanceService,
  bytes: Uint8Array,
): Promise<readonly ActionPlan[]> {
  const { actions } = parseProposal(bytes);
  return planChanges(await readGovernanceState(governance, tablesOf(actions)), actions);
}

export function planText(plans: readonly ActionPlan[], title: string): string {
  return [title, ...describePlan(plans).map((line) => `  ${line}`)].join('\n');
}

export function planDocument(plans: readonly ActionPlan[]): JsonValue {
  return plans.map(({ action, isKnown, changes, effects }) => ({
    name: action.name,
    args: action.args,
    isKnown,
    changes: changes.map(({ table, key, before, after }) => ({
      table,
      key,
      before: before ?? null,
      after: after ?? null,
    })),
    effects: [...effects],
  }));
}

export interface ProposalReport {
  readonly proposal: ProposalInfo;
  readonly proposer: string;
  readonly votes: Votes;
  readonly plans: readonly ActionPlan[];
}

/** @throws ProposalForgotten */
export async function reportOf(governance: GovernanceService, id: string): Promise<ProposalReport> {
  const proposal = await governance.proposal(id);
  const members = await governance.list('/gov/service/members');
  const plans = await planOf(governance, await governance.actions(id));
  const votes = await readVotes(governance, proposal, members);
  return { proposal, proposer: nameOf(members, proposal.proposerId), votes, plans };
}

export function nameOf(members: readonly JsonObject[], id: string): string {
  const row = members.find(({ memberId }) => memberId === id);
  return row ? memberName(row) : `a former member (id ${shortId(id)})`;
}

export function reportText(report: ProposalReport): string {
  const { proposal, proposer, votes, plans } = report;
  const isOpen = proposal.state === 'Open';
  const title = isOpen ? 'It would change:' : 'Its actions, compared with the state now:';
  return [
    `Proposal ${proposal.id}`,
    `  by ${proposer}: ${stateText(proposal)}`,
    ...voteLines(votes),
    ...failureLines(proposal),
    planText(plans, title),
  ].join('\n');
}

const stateWords: Readonly<Record<ProposalInfo['state'], string>> = {
  Open: 'open, not decided yet',
  Accepted: 'accepted, and in force',
  Rejected: 'rejected',
  Withdrawn: 'withdrawn by its proposer',
  Failed: 'failed: the constitution could not decide it',
  Dropped: 'dropped, because another proposal changed what it would mean',
};

export function stateText({ state }: ProposalInfo): string {
  return stateWords[state];
}

const ballotWords = { approve: 'for', reject: 'against', script: 'by a script of their own' };

function voteLines({ given, missing }: Votes): readonly string[] {
  const groups = (['approve', 'reject', 'script'] as const).flatMap((ballot) => {
    const voters = given.filter((voter) => voter.ballot === ballot);
    return voters.length === 0 ? [] : [`  ${ballotWords[ballot]}: ${names(voters)}`];
  });
  return missing.length === 0 ? groups : [...groups, `  not voted yet: ${names(missing)}`];
}

function names(voters: readonly Voter[]): string {
  return voters.map(({ name }) => name).join(', ');
}

function failureLines({ failure, voteFailures }: ProposalInfo): readonly string[] {
  const ballots = Object.entries(voteFailures).map(
    ([id, reason]) => `  the ballot of ${shortId(id)} failed: ${reason}`,
  );
  return failure === undefined ? ballots : [...ballots, `  it failed: ${failure}`];
}

export function proposalDocument(proposal: ProposalInfo): JsonObject {
  const { id, proposerId, state, ballotCount, finalVotes, voteFailures, failure } = proposal;
  return {
    proposalId: id,
    proposerId,
    state,
    ballotCount,
    ...(finalVotes && { finalVotes }),
    voteFailures,
    ...(failure !== undefined && { failure }),
  };
}

export function reportDocument(report: ProposalReport): JsonObject {
  const { given, missing } = report.votes;
  const voterDocument = ({ memberId, name, ballot }: Voter): JsonObject => ({
    memberId,
    name,
    ballot: ballot ?? null,
  });
  return {
    ...proposalDocument(report.proposal),
    proposer: report.proposer,
    voted: given.map(voterDocument),
    notVoted: missing.map(voterDocument),
    actions: planDocument(report.plans),
  };
}
