/**
 * Holds the explanation of rules against the constitution: for every proposer, every way to vote
 * (yes, no, not at all) and times around each limit, the conditions that the explanation prints,
 * evaluated, must give the decision of the constitution's own resolve.
 */
import assert from 'node:assert/strict';
import { explainRules, type Member, type RulesDocument } from '@coco/constitution';
import { type Condition, holds } from '../src/condition.ts';
import { resolve } from '../src/constitution.ts';
import { coco, id, openService, proposal } from './service-tables.ts';

const own = id('1');
const hourMs = 3_600_000;
const submittedAtMs = 5_000_000;

type Hours = number | undefined;
type Decision = 'Open' | 'Accepted' | 'Rejected';
type Votes = ReadonlyMap<string, boolean>;

/** All ways to vote; those in which fewer have voted come first. */
export function allVotes(members: readonly Member[]): readonly Votes[] {
  let votes: Votes[] = [new Map()];
  for (const { id: member } of members) {
    votes = votes.flatMap((given) => [
      given,
      new Map([...given, [member, true]]),
      new Map([...given, [member, false]]),
    ]);
  }
  return votes.sort((left, right) => left.size - right.size);
}

/** Before and at each limit, and where the ledger has no time. */
function timesOf(rules: RulesDocument): readonly Hours[] {
  const limits = rules.rules.flatMap(({ lock_hours: lock, open_hours: open }) => [lock, open]);
  const hours = limits.flatMap((limit) => (limit === undefined ? [] : [limit - 0.001, limit]));
  return [undefined, ...[...new Set([0, ...hours])].sort((left, right) => left - right)];
}

const keyOf = (votes: Votes, members: readonly Member[]): string =>
  members
    .map(({ id: member }) => ({ true: 'y', false: 'n' })[String(votes.get(member))] ?? '-')
    .join('');

/** What the conditions say of each vote at each time: carried, or still possible, or neither. */
function decisionsOf(
  conditions: readonly Condition[],
  what: {
    readonly members: readonly Member[];
    readonly times: readonly Hours[];
    readonly proposerId: string;
  },
): (votes: Votes, time: Hours) => Decision {
  const { members, times, proposerId } = what;
  const carried = (votes: Votes, elapsedHours: Hours): boolean =>
    conditions.every((condition) => holds(condition, { proposerId, votes, elapsedHours }));
  const isLater = (time: Hours, than: Hours): boolean =>
    than === undefined || (time !== undefined && time >= than);
  const possible = new Map<string, boolean>();
  for (const votes of allVotes(members).toReversed()) {
    const waiting = members.filter(({ id: member }) => !votes.has(member));
    for (const time of times) {
      const now = times.some((later) => isLater(later, time) && carried(votes, later));
      const then = waiting.some(({ id: member }) =>
        [true, false].some((vote) =>
          possible.get(`${time} ${keyOf(new Map([...votes, [member, vote]]), members)}`),
        ),
      );
      possible.set(`${time} ${keyOf(votes, members)}`, now || then);
    }
  }
  return (votes, time) => {
    if (carried(votes, time)) return 'Accepted';
    return possible.get(`${time} ${keyOf(votes, members)}`) ? 'Open' : 'Rejected';
  };
}

/** @returns how many votes were compared */
export function compareWithBruteForce(rules: RulesDocument, members: readonly Member[]): number {
  const ccf = openService(members.map((member) => ({ id: member.id, data: { ...member } })));
  ccf.putJson(`${coco}.rules`, rules);
  ccf.putJson(`${coco}.clock`, submittedAtMs);
  const times = timesOf(rules);
  const explanations = explainRules(rules, members);
  const everyVote = allVotes(members);
  // One action of each rule, and all of them in one proposal.
  const singles = explanations.map(({ actions }) => actions.slice(0, 1));
  const proposals = [...singles, singles.flat()];
  let compared = 0;
  for (const { id: proposerId } of members) {
    const deciders = explanations.map(({ cases }) => {
      const found = cases.find(({ proposers }) => proposers.some((one) => one.id === proposerId));
      assert.ok(found, 'the explanation has a case for every proposer');
      const conditions = found.conditions.get(proposerId) ?? [];
      return decisionsOf(conditions, { members, times, proposerId });
    });
    const ruleOf = (action: string): number =>
      explanations.findIndex(({ actions }) => actions.includes(action));
    for (const time of times) {
      if (time === undefined) ccf.tables.delete(`${coco}.proposal_times`);
      else ccf.putJson(`${coco}.proposal_times`, { submitted_at_ms: submittedAtMs }, own);
      ccf.putJson(`${coco}.clock`, submittedAtMs + (time ?? 0) * hourMs);
      for (const votes of everyVote) {
        const given = [...votes].map(([member_id, vote]) => ({ member_id, vote }));
        const decisions = deciders.map((decide) => decide(votes, time));
        const say = (actions: string): string =>
          `${actions}: ${keyOf(votes, members)}, proposed by ${proposerId[0]}, after ${time} h`;
        for (const actions of proposals) {
          const body = proposal(...actions.map((name) => [name] as const));
          const wanted = worst(actions.map((name) => decisions[ruleOf(name)]));
          compared++;
          assert.equal(resolve(body, proposerId, given, own), wanted, say(actions.join(' and ')));
        }
      }
    }
  }
  return compared;
}

function worst(decisions: readonly (Decision | undefined)[]): Decision {
  if (decisions.includes('Rejected')) return 'Rejected';
  return decisions.includes('Open') ? 'Open' : 'Accepted';
}
