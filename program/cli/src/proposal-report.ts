/** What the tools tell of a proposal, in words and as documents. */
import type { JsonValue } from '@coco/base';
import {
  type ActionPlan,
  describePlan,
  explainOpen,
  type GovernanceService,
  type JsonObject,
  memberName,
  type Need,
  type ProposalInfo,
  type ProposalTimes,
  parseProposal,
  planChanges,
  readGovernanceState,
  readProposalTimes,
  readRulesInForce,
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

/** What a person must know before believing a plan. */
export async function planCaveat(governance: GovernanceService): Promise<readonly string[]> {
  if (await readRulesInForce(governance)) return [];
  return [
    'The constitution in force is not that of this version of Coco: by it, an action may do',
    'something else than what is shown here.',
  ];
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
  readonly times: ProposalTimes;
  /** What it still needs and has, while it is open; undefined where the rules are not known. */
  readonly needs: readonly Need[] | undefined;
}

/** @throws ProposalForgotten */
export async function reportOf(governance: GovernanceService, id: string): Promise<ProposalReport> {
  const proposal = await governance.proposal(id);
  const members = sortedByName(await governance.list('/gov/service/members'));
  const plans = await planOf(governance, await governance.actions(id));
  const votes = await readVotes(governance, proposal, members);
  const times = await readProposalTimes(governance, id);
  const { proposerId } = proposal;
  const proposer = nameOf(members, proposerId);
  const rules = proposal.state === 'Open' ? await readRulesInForce(governance) : undefined;
  const actions = plans.map(({ action }) => action);
  const { submittedAtMs } = times;
  const needs = rules && explainOpen(rules, members, { actions, proposerId, votes, submittedAtMs });
  return { proposal, proposer, votes, plans, times, needs };
}

/** By name, as people look for them; ids come in no order that means something. */
export function sortedByName(members: readonly JsonObject[]): readonly JsonObject[] {
  return members.toSorted((left, right) => memberName(left).localeCompare(memberName(right)));
}

export function nameOf(members: readonly JsonObject[], id: string): string {
  const row = members.find(({ memberId }) => memberId === id);
  return row ? memberName(row) : `a former member (id ${shortId(id)})`;
}

export function reportText(report: ProposalReport): string {
  const { proposal, proposer, votes, plans, times, needs } = report;
  const isOpen = proposal.state === 'Open';
  const title = isOpen ? 'It would change:' : 'Its actions, compared with the state now:';
  return [
    `Proposal ${proposal.id}`,
    `  by ${proposer}: ${stateText(proposal)}`,
    ...timeLines(times, isOpen),
    ...voteLines(votes, isOpen ? 'not voted yet' : 'did not vote'),
    ...failureLines(proposal),
    ...(isOpen ? needLines(needs) : []),
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

function voteLines({ given, missing }: Votes, silence: string): readonly string[] {
  const groups = (['approve', 'reject', 'script'] as const).flatMap((ballot) => {
    const voters = given.filter((voter) => voter.ballot === ballot);
    return voters.length === 0 ? [] : [`  ${ballotWords[ballot]}: ${names(voters)}`];
  });
  return missing.length === 0 ? groups : [...groups, `  ${silence}: ${names(missing)}`];
}

function timeLines(times: ProposalTimes, isOpen: boolean): readonly string[] {
  const { submittedAtMs, nextResolutionAtMs: next } = times;
  const submitted = submittedAtMs === undefined ? [] : [`  submitted ${minuteOf(submittedAtMs)}`];
  return isOpen && next !== undefined
    ? [...submitted, `  a lock or a time limit of it ends ${minuteOf(next)}`]
    : submitted;
}

/** By the ledger's time, in UTC. */
function minuteOf(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function needLines(needs: readonly Need[] | undefined): readonly string[] {
  if (needs === undefined) {
    return ['It is open, and the constitution in force is not one whose rules this tool knows.'];
  }
  const lines = needs.map(
    ({ rule, sentence, isMet }) => `  ${isMet ? 'done' : 'needed'}: ${sentence} (${rule})`,
  );
  return ['It is open because of what is still needed:', ...lines];
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
    submittedAtMs: report.times.submittedAtMs ?? null,
    nextResolutionAtMs: report.times.nextResolutionAtMs ?? null,
    needs: report.needs === undefined ? null : report.needs.map((need) => ({ ...need })),
    actions: planDocument(report.plans),
  };
}
