/** Conditions in words. */
import type { Act, Condition, Voters } from './condition.ts';

/** Names are listed up to this many people. */
const namesMax = 6;

/** Names of members by id. */
export type Names = (id: string) => string;

export function sayCondition(condition: Condition, names: Names): string {
  switch (condition.kind) {
    case 'all':
      return condition.parts.map((part) => sayCondition(part, names)).join(', and ');
    case 'any':
      return sayLock(condition.parts, names);
    case 'voters':
      return sayVoters(condition, names);
    case 'groups':
      return sayGroups(condition);
    case 'no-veto':
      if (condition.voters.length === 0) return `nobody can veto: there are no ${condition.label}`;
      return `none of these says no (a veto): ${listed(condition, names)}`;
    case 'proposer':
      return `it is proposed by one of these: ${listed(condition, names)}`;
    case 'after':
      return `${sayHours(condition.hours)} have passed since it was submitted`;
    case 'before':
      return `it is still within ${sayHours(condition.hours)} of its submission`;
    case 'never':
      return `impossible at present (${condition.why})`;
  }
}

/** The end of a lock, and the way around it. */
function sayLock(parts: readonly Condition[], names: Names): string {
  const [end, ...ways] = parts.map((part) => {
    const closed = findNever(part);
    return closed === undefined
      ? `or sooner when ${sayCondition(part, names)}`
      : `(sooner is impossible at present: ${closed})`;
  });
  const [first] = parts;
  const begin = first === undefined ? end : sayCondition(first, names);
  return [begin, ...ways].join('; ');
}

function findNever(condition: Condition): string | undefined {
  if (condition.kind === 'never') return condition.why;
  if (condition.kind !== 'all') return undefined;
  return condition.parts.map(findNever).find((why) => why !== undefined);
}

const acts: Readonly<Record<Act, readonly [one: string, many: string]>> = {
  yes: ['says yes', 'say yes'],
  vote: ['votes, yes or no', 'vote, yes or no'],
};

function sayVoters(condition: Extract<Condition, { kind: 'voters' }>, names: Names): string {
  const { voters, least, label, act } = condition;
  const [one, many] = acts[act];
  if (voters.some(({ weight }) => weight !== 1)) {
    const total = voters.reduce((sum, { weight }) => sum + weight, 0);
    return `${label} with a weight of at least ${least} of ${total} ${many}`;
  }
  const isParty = !label.startsWith('active members');
  const [voter] = voters;
  if (voters.length === 1 && voter !== undefined) {
    return `${names(voter.id)} ${one} (the only one of the ${label})`;
  }
  const who = isParty ? `${label} (${nameAll(condition, names)})` : label;
  if (least === voters.length) return `all ${least} ${who} ${many}`;
  return `at least ${least} of the ${voters.length} ${who} ${least === 1 ? one : many}`;
}

function sayGroups(condition: Extract<Condition, { kind: 'groups' }>): string {
  const { groups, least, label, act } = condition;
  const [one, many] = acts[act];
  if (groups.some(({ weight }) => weight !== 1)) {
    const total = groups.reduce((sum, { weight }) => sum + weight, 0);
    const weights = groups
      .slice(0, namesMax)
      .map(({ name, weight }) => `${name} ${weight}`)
      .join(', ');
    const rest = groups.length > namesMax ? ', …' : '';
    return `${label} with a weight of at least ${least} of ${total} ${many} (${weights}${rest})`;
  }
  if (groups.length === 1) return `${groups[0]?.name} ${one} (the only one of the ${label})`;
  if (least === groups.length) return `all ${least} ${label} ${many}`;
  return `at least ${least} of the ${groups.length} ${label} ${least === 1 ? one : many}`;
}

function listed(condition: Voters, names: Names): string {
  return `${condition.label} (${nameAll(condition, names)})`;
}

function nameAll({ voters }: Voters, names: Names): string {
  if (voters.length === 0) return 'nobody at present';
  const shown = voters.slice(0, namesMax).map(({ id }) => names(id));
  const rest = voters.length - shown.length;
  return rest === 0 ? shown.join(', ') : `${shown.join(', ')} and ${rest} more`;
}

export function sayHours(hours: number): string {
  if (hours % 24 === 0 && hours >= 48) return `${hours / 24} days`;
  return hours === 1 ? 'one hour' : `${hours} hours`;
}
