/** Makes the conditions of a rule for certain members. */
import type { Act, Condition, Voters } from './condition.ts';
import { belongs, isSeparated, organisationsOf } from './decide.ts';
import type { Member } from './member-data.ts';
import type {
  Amount,
  Approval,
  Party,
  Requirements,
  Rule,
  RulesDocument,
  Threshold,
} from './rules-document.ts';
import { parseShare } from './share.ts';

export interface Consortium {
  readonly rules: RulesDocument;
  /** The active members. */
  readonly members: readonly Member[];
}

/** When a proposal of this member is carried by the rule: all parts are needed. */
export function conditionsOf(
  consortium: Consortium,
  rule: Rule,
  proposer: Member,
): readonly Condition[] {
  const { members } = consortium;
  const { proposers, vetoes, lock_hours: lock, open_hours: open, emergency } = rule;
  const approvers = members.filter((member) => !isSeparated(rule, proposer, member));
  const scope = { consortium, rule, approvers };
  const parts: Condition[] = [];
  if (proposers) parts.push({ kind: 'proposer', ...whoAre(members, proposers) });
  parts.push(...requirementsOf(scope, rule));
  if (vetoes) parts.push({ kind: 'no-veto', ...whoAre(members, vetoes) });
  if (lock !== undefined) {
    const sooner = emergency === undefined ? [] : [all(requirementsOf(scope, emergency))];
    parts.push({ kind: 'any', parts: [{ kind: 'after', hours: lock }, ...sooner] });
  }
  if (open !== undefined) parts.push({ kind: 'before', hours: open });
  return parts;
}

function all(parts: readonly Condition[]): Condition {
  return { kind: 'all', parts };
}

interface Scope {
  readonly consortium: Consortium;
  readonly rule: Rule;
  readonly approvers: readonly Member[];
}

function requirementsOf(scope: Scope, needed: Requirements): readonly Condition[] {
  const { consortium, rule, approvers } = scope;
  const others = {
    member: ' other than the proposer',
    organisation: ' outside the proposer’s organisation',
  };
  const who = rule.separation === undefined ? '' : others[rule.separation];
  const { thresholds = [], quorum, approvals = [] } = needed;
  const parts = thresholds.map((threshold) =>
    thresholdOf(consortium.rules, threshold, { act: 'yes', among: approvers, who }),
  );
  if (quorum !== undefined) {
    const everybody = { act: 'vote' as const, among: consortium.members, who: '' };
    parts.push(thresholdOf(consortium.rules, quorum, everybody));
  }
  return [...parts, ...approvals.map((approval) => approvalOf(approval, approvers, who))];
}

interface Counted {
  readonly act: Act;
  readonly among: readonly Member[];
  readonly who: string;
}

function thresholdOf(rules: RulesDocument, threshold: Threshold, counted: Counted): Condition {
  const { act, among, who } = counted;
  const { by = 'member' } = threshold;
  if (by === 'member' || by === 'member_weight') {
    const voters = among.map(({ id, weight }) => ({ id, weight: by === 'member' ? 1 : weight }));
    return votersOf({ label: `active members${who}`, voters }, threshold, act);
  }
  const weights = rules.organisation_weights ?? {};
  const groups = organisationsOf(among).map(({ name, members }) => {
    const given = by === 'organisation' || name === undefined ? undefined : weightIn(weights, name);
    const ids = members.map(({ id }) => id);
    return { name: name ?? nameOf(members[0]), weight: given ?? 1, ids };
  });
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  const label = who === '' ? 'organisations' : `organisations of members${who}`;
  const least = leastOf(threshold, total);
  if (typeof least === 'string') return { kind: 'never', why: `${label}: ${least}` };
  return { kind: 'groups', act, least, label, groups };
}

function weightIn(weights: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(weights, name) ? weights[name] : undefined;
}

function approvalOf({ from, at_least }: Approval, approvers: readonly Member[], who: string) {
  const { label, voters } = whoAre(approvers, [from]);
  return votersOf({ label: `${label}${who}`, voters }, { at_least: at_least ?? 1 }, 'yes');
}

function votersOf(voters: Voters, threshold: Threshold, act: Act): Condition {
  const total = voters.voters.reduce((sum, { weight }) => sum + weight, 0);
  const least = leastOf(threshold, total);
  if (typeof least === 'string') return { kind: 'never', why: `${voters.label}: ${least}` };
  return { kind: 'voters', act, least, ...voters };
}

/** The least whole number that reaches the threshold, or why none does. */
function leastOf({ at_least, more_than }: Threshold, total: number): number | string {
  if (total === 0) return 'there are none';
  const amount: Amount | undefined = at_least ?? more_than;
  if (amount === 'all') return total;
  if (typeof amount === 'number') {
    return amount > total ? `${amount} are needed, and there are ${total}` : amount;
  }
  const { numerator, denominator } = parseShare(amount) ?? { numerator: 1, denominator: 1 };
  const product = numerator * total;
  const whole = (product - (product % denominator)) / denominator;
  if (more_than !== undefined) return whole + 1;
  return product % denominator === 0 ? whole : whole + 1;
}

function whoAre(members: readonly Member[], parties: readonly Party[]): Voters {
  const voters = members
    .filter((member) => parties.some((party) => belongs(member, party)))
    .map(({ id }) => ({ id, weight: 1 }));
  return { label: parties.map((party) => nameParty(party, members)).join(' or '), voters };
}

function nameParty(party: Party, members: readonly Member[]): string {
  if ('role' in party) return `members with the role ${party.role}`;
  if ('organisation' in party) return `members of ${party.organisation}`;
  return `the member ${nameOf(members.find(({ id }) => id === party.member)) || party.member}`;
}

/** How a member is called in sentences. */
export function nameOf(member: Member | undefined): string {
  return member === undefined ? '' : (member.name ?? `${member.id.slice(0, 10)}…`);
}
