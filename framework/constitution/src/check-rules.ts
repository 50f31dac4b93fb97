/**
 * What no rules document may lead to: that nobody can change anything any more, or that a few
 * can change everything. The constitution refuses such a document when it is proposed and again
 * when it is applied, and a change of members that would make of the present rules such ones.
 *
 * A lock-out: not even all active members together can carry another rules document.
 *
 * A takeover: an action that decides who decides, what code runs or who can read the ledger, can be
 * carried by proposer and approvers who are no majority of the consortium. `majority_of` says what
 * is counted. It is refused by the form of the rule, so that it holds for every later membership:
 * the rule must have a threshold of more than half of that unit. A count of members is not enough,
 * since the consortium may grow; and who weighs more than all others together is no majority.
 */
import type { ActionName } from './action-names.ts';
import { belongs, decideRule, hourMs, measure, organisationsOf } from './decide.ts';
import type { Member } from './member-data.ts';
import {
  type Party,
  placeOfRule,
  type Rule,
  type RulesDocument,
  type Threshold,
  type Unit,
} from './rules-document.ts';
import { parseShare } from './share.ts';

const decidingActions: readonly ActionName[] = [
  'set_rules',
  'set_constitution',
  'set_member',
  'remove_member',
  'set_member_data',
  'transition_service_to_open',
  'set_recovery_threshold',
  'set_service_configuration',
  'add_node_code',
  'add_snp_measurement',
  'add_snp_uvm_endorsement',
  'add_snp_host_data',
  'set_snp_minimum_tcb_version',
  'set_snp_minimum_tcb_version_hex',
  'remove_snp_minimum_tcb_version',
  'add_virtual_measurement',
  'add_virtual_host_data',
];

const unitNames: Readonly<Record<Unit, string>> = {
  member: 'the active members',
  organisation: 'the organisations',
  member_weight: 'the weight of the active members',
  organisation_weight: 'the weight of the organisations',
};

export interface RulesProblem {
  readonly kind: 'takeover' | 'overweight' | 'lock-out';
  /** For people. */
  readonly sentence: string;
}

/** What is wrong with a document for these active members; empty when nothing is. */
export function checkRules(
  rules: RulesDocument,
  members: readonly Member[],
): readonly RulesProblem[] {
  return [
    ...checkTakeover(rules),
    ...checkWeights(rules, members),
    ...checkLockOut(rules, members),
  ];
}

/** What is wrong with it for any members. */
export function checkTakeover(rules: RulesDocument): readonly RulesProblem[] {
  const named = new Map<Rule, ActionName[]>();
  for (const action of decidingActions) {
    const rule = ruleOf(rules, action);
    named.set(rule, [...(named.get(rule) ?? []), action]);
  }
  const unit = rules.majority_of ?? 'member';
  return [...named].flatMap(([rule, actions]) => {
    const fault = takeoverOf(rule, unit);
    const begin = `A minority could take over by the rule "${rule.name}" (it is for ${actions.join(', ')}): `;
    return fault === undefined ? [] : [{ kind: 'takeover', sentence: begin + fault }];
  });
}

function takeoverOf({ thresholds = [], separation }: Rule, unit: Unit): string | undefined {
  if (!thresholds.some((threshold) => isMajority(threshold, unit))) {
    return `it needs a threshold of more than half of ${unitNames[unit]}.`;
  }
  if (separation !== 'organisation') return undefined;
  return 'its separation leaves a whole organisation uncounted, so that half of the others decides; only the proposer may be separated here.';
}

/** Whether it takes more than half of a unit, however many there are. */
function isMajority(threshold: Threshold, unit: Unit): boolean {
  const { by = 'member', at_least: atLeast, more_than: moreThan } = threshold;
  if (by !== unit) return false;
  if (atLeast === 'all') return true;
  const share = parseShare(atLeast ?? moreThan);
  if (share === undefined) return false;
  const doubled = 2 * share.numerator;
  return atLeast === undefined ? doubled >= share.denominator : doubled > share.denominator;
}

/** One alone must not be the majority, unless it is the whole consortium. */
function checkWeights(rules: RulesDocument, members: readonly Member[]): readonly RulesProblem[] {
  const by = rules.majority_of ?? 'member';
  if (by === 'member' || by === 'organisation') return [];
  const groups =
    by === 'organisation_weight'
      ? organisationsOf(members)
      : members.map((member) => ({ name: undefined, members: [member] }));
  if (groups.length < 2) return [];
  const weigh = (among: readonly Member[]): number =>
    measure(rules, { by, among, test: () => true }).total;
  const total = weigh(members);
  return groups.flatMap((group) => {
    const got = weigh(group.members);
    if (got * 2 <= total) return [];
    const name = group.name ?? group.members[0]?.name ?? group.members[0]?.id;
    const sentence = `A minority could take over: ${name} alone has ${got} of ${total} of ${unitNames[by]}.`;
    return [{ kind: 'overweight', sentence }];
  });
}

function checkLockOut(rules: RulesDocument, members: readonly Member[]): readonly RulesProblem[] {
  if (canCarry(rules, members, 'set_rules')) return [];
  const { name } = ruleOf(rules, 'set_rules');
  const sentence = `The consortium would be locked out: not even all ${members.length} members together could carry set_rules by the rule "${name}", so these rules could never be changed.`;
  return [{ kind: 'lock-out', sentence }];
}

export function ruleOf(rules: RulesDocument, action: string): Rule {
  return rules.rules[placeOfRule(rules, action)] as Rule;
}

/** Whether some member could carry the action with the yes of all; one may stay silent. */
export function canCarry(
  rules: RulesDocument,
  members: readonly Member[],
  action: string,
  silentId?: string,
): boolean {
  const rule = ruleOf(rules, action);
  const voters = members.filter(({ id }) => id !== silentId);
  const votes = new Map(voters.map(({ id }) => [id, true] as const));
  const elapsedMs = (rule.lock_hours ?? 0) * hourMs;
  return differentMembers(rule, voters).some(
    ({ id }) =>
      decideRule({ rules, members, proposerId: id, votes, elapsedMs }, rule) === 'Accepted',
  );
}

/** One of each kind of member that a rule could tell apart: as proposers, more make no difference. */
function differentMembers(rule: Rule, members: readonly Member[]): readonly Member[] {
  const parties: readonly Party[] = [
    ...(rule.proposers ?? []),
    ...(rule.approvals ?? []).map(({ from }) => from),
  ];
  const kinds = new Map<string, Member>();
  for (const member of members) {
    const parts = parties.map((party) => belongs(member, party));
    const kind = JSON.stringify([member.organisation, member.weight, parts]);
    if (!kinds.has(kind)) kinds.set(kind, member);
  }
  return [...kinds.values()];
}
