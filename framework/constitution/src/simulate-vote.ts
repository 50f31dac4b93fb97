/** What would become of a vote, and what is missing: before it happens, or while it goes on. */
import { type Ballots, holds } from './condition.ts';
import { type Decision, decide, decideRule, hourMs, rulesFor } from './decide.ts';
import type { Member } from './member-data.ts';
import { conditionsOf, nameOf } from './rule-condition.ts';
import type { RulesDocument } from './rules-document.ts';
import { sayCondition } from './say-condition.ts';

export interface SimulatedVote {
  readonly rules: RulesDocument;
  /** The active members. */
  readonly members: readonly Member[];
  /** Names of the proposal's actions. */
  readonly actions: readonly string[];
  readonly proposerId: string;
  readonly votes: ReadonlyMap<string, boolean>;
  /** Since the submission; undefined where the ledger has no time. */
  readonly elapsedHours: number | undefined;
}

export interface RuleOutcome {
  readonly rule: string;
  readonly decision: Decision;
  /** Each thing that the rule needs, and whether the votes so far show it. */
  readonly needs: readonly { readonly sentence: string; readonly isMet: boolean }[];
}

export interface VoteOutcome {
  readonly decision: Decision;
  readonly outcomes: readonly RuleOutcome[];
  /** The active members that have not voted. */
  readonly silent: readonly Member[];
}

export function simulateVote(vote: SimulatedVote): VoteOutcome {
  const { rules, members, actions, proposerId, votes, elapsedHours } = vote;
  const elapsedMs = elapsedHours === undefined ? undefined : elapsedHours * hourMs;
  const situation = { rules, members, proposerId, votes, elapsedMs };
  const ballots: Ballots = { proposerId, votes, elapsedHours };
  const names = new Map(members.map((member) => [member.id, nameOf(member)]));
  const proposer = members.find(({ id }) => id === proposerId) ?? leftMember(proposerId);
  const outcomes = rulesFor(rules, actions).map((rule) => ({
    rule: rule.name,
    decision: decideRule(situation, rule),
    needs: conditionsOf({ rules, members }, rule, proposer).map((condition) => ({
      sentence: sayCondition(condition, (id) => names.get(id) ?? id),
      isMet: holds(condition, ballots),
    })),
  }));
  const silent = members.filter(({ id }) => !votes.has(id));
  return { decision: decide(situation, actions), outcomes, silent };
}

/** A proposer that is no active member any more is in no party and no organisation. */
function leftMember(id: string): Member {
  return { id, name: undefined, organisation: undefined, roles: [], weight: 0 };
}
