/** `coco rules simulate`: what would become of a vote. */
import { actionNames, type Member, simulateVote, type VoteOutcome } from '@coco/constitution';
import { type Command, type Given, parseDurationMs } from './command-line.ts';
import { cliError } from './errors.ts';
import { outputFlags, show } from './output.ts';
import { findMember, membersFlags, readMembers, readRulesFile } from './rules-files.ts';

export const rulesSimulateCommand: Command = {
  flags: {
    ...membersFlags,
    action: {
      type: 'string',
      value: 'NAME',
      isRepeatable: true,
      meaning: 'what is proposed; several for a proposal of several actions',
    },
    proposer: {
      type: 'string',
      value: 'NAME',
      meaning: 'who proposes; default the first of --yes, or else of the members',
    },
    yes: { type: 'string', value: 'NAMES', meaning: 'who says yes, separated by commas' },
    no: { type: 'string', value: 'NAMES', meaning: 'who says no' },
    after: {
      type: 'string',
      value: 'TIME',
      meaning: 'since the submission, such as 48h; default 0h',
    },
    ...outputFlags,
  },
  run: async (given) => {
    const [file = ''] = given.positionals;
    const rules = await readRulesFile(file);
    const members = await readMembers(given);
    if (members === undefined) {
      throw cliError('WrongUsage', 'A vote needs members: give --members or --from-network.');
    }
    const actions = actionsOf(given);
    const votes = votesOf(given, members);
    const proposer = proposerOf(given, members);
    const elapsedHours = parseDurationMs(given.text('after'), 0) / 3_600_000;
    const vote = { rules, members, actions, proposerId: proposer.id, votes, elapsedHours };
    const outcome = simulateVote(vote);
    show(given, documentOf(outcome, proposer), textOf(outcome, { proposer, actions }));
  },
};

function actionsOf(given: Given): readonly string[] {
  const actions = given.inOrder(['action']).map(({ text }) => text);
  if (actions.length === 0) {
    throw cliError('WrongUsage', 'Name what is proposed: --action set_member.');
  }
  const unknown = actions.find((name) => !actionNames.some((known) => known === name));
  if (unknown === undefined) return actions;
  throw cliError(
    'WrongUsage',
    `There is no action ${unknown}. There are: ${actionNames.join(', ')}.`,
  );
}

function named(given: Given, flag: string, members: readonly Member[]): readonly Member[] {
  const words = (given.text(flag) ?? '').split(',').map((word) => word.trim());
  return words.filter((word) => word !== '').map((word) => findMember(members, word));
}

function votesOf(given: Given, members: readonly Member[]): ReadonlyMap<string, boolean> {
  const votes = new Map<string, boolean>();
  for (const { id } of named(given, 'yes', members)) votes.set(id, true);
  for (const { id, name } of named(given, 'no', members)) {
    if (votes.has(id)) throw cliError('WrongUsage', `${name ?? id} says yes and no.`);
    votes.set(id, false);
  }
  return votes;
}

function proposerOf(given: Given, members: readonly Member[]): Member {
  const word = given.text('proposer');
  const proposer = word === undefined ? undefined : findMember(members, word);
  const [chosen] = [...(proposer ? [proposer] : named(given, 'yes', members)), ...members];
  if (chosen !== undefined) return chosen;
  throw cliError('WrongUsage', 'There are no active members: nobody can propose.');
}

const nameOf = ({ id, name }: Member): string => name ?? id.slice(0, 10);

function documentOf({ decision, outcomes, silent }: VoteOutcome, proposer: Member) {
  const rules = outcomes.map(({ rule, decision: own, needs }) => ({
    rule,
    decision: own,
    needs: needs.map(({ sentence, isMet }) => ({ sentence, isMet })),
  }));
  return { decision, proposer: nameOf(proposer), rules, notVoted: silent.map(nameOf) };
}

const decisionWords = {
  Accepted: 'It is carried (Accepted).',
  Open: 'It is not decided yet (Open).',
  Rejected: 'It is rejected (Rejected).',
};

function textOf(
  { decision, outcomes, silent }: VoteOutcome,
  { proposer, actions }: { readonly proposer: Member; readonly actions: readonly string[] },
): string {
  const rules = outcomes.flatMap(({ rule, decision: own, needs }) => [
    `Rule "${rule}" (${own}):`,
    ...needs.map(({ sentence, isMet }) => `  ${isMet ? 'met      ' : 'NOT MET  '}${sentence}`),
  ]);
  return [
    `${nameOf(proposer)} proposes ${actions.join(', ')}.`,
    ...rules,
    silent.length === 0 ? 'Everybody has voted.' : `Not voted: ${silent.map(nameOf).join(', ')}.`,
    decisionWords[decision],
  ].join('\n');
}
