/**
 * The decision on a proposal, from the rules of its actions, the active members and their votes.
 * Pure, and the one place where rules are applied: the constitution calls it in the ledger's
 * isolate, `coco rules simulate` at home.
 *
 * Who counts: the members that are active at this moment, with their data at this moment. A vote of
 * somebody who has left counts for nothing. Who has not voted has said neither yes nor no.
 */
import type { Member } from './member-data.ts';
import {
  type Amount,
  type Party,
  placeOfRule,
  type Requirements,
  type Rule,
  type RulesDocument,
  type Threshold,
  type Unit,
} from './rules-document.ts';
import { parseShare } from './share.ts';

export type Decision = 'Open' | 'Accepted' | 'Rejected';

export interface Situation {
  readonly rules: RulesDocument;
  /** The active members; but for `silentCount`, all of them. */
  readonly members: readonly Member[];
  /**
   * Active members that have not voted and are not listed. Invariant: more than none only where
   * the rules count heads only.
   */
  readonly silentCount?: number;
  readonly proposerId: string;
  /** Member id to yes or no. */
  readonly votes: ReadonlyMap<string, boolean>;
  /** Since the submission, by the ledger's time; undefined where the ledger has none. */
  readonly elapsedMs: number | undefined;
}

export const hourMs = 3_600_000;

/** The rules of some actions, each once. A proposal of nothing stands under the default rule. */
export function rulesFor(rules: RulesDocument, actions: readonly string[]): readonly Rule[] {
  const places = new Set(actions.map((action) => placeOfRule(rules, action)));
  if (places.size === 0) places.add(rules.rules.length - 1);
  return rules.rules.filter((_rule, place) => places.has(place));
}

/** Whether rules count heads alone: then who has not voted is nobody in particular. */
export function countsHeadsOnly(rules: readonly Rule[]): boolean {
  const byHeads = ({ thresholds = [], quorum, approvals }: Requirements): boolean =>
    approvals === undefined &&
    [...thresholds, ...(quorum ? [quorum] : [])].every(({ by = 'member' }) => by === 'member');
  return rules.every((rule) => {
    const { proposers, vetoes, separation, emergency = {} } = rule;
    const isAboutSomebody = proposers ?? vetoes ?? separation;
    return isAboutSomebody === undefined && byHeads(rule) && byHeads(emergency);
  });
}

/** A proposal is carried when every rule of its actions allows it, at the same moment. */
export function decide(situation: Situation, actions: readonly string[]): Decision {
  const decisions = rulesFor(situation.rules, actions).map((rule) => decideRule(situation, rule));
  if (decisions.includes('Rejected')) return 'Rejected';
  return decisions.includes('Open') ? 'Open' : 'Accepted';
}

export function decideRule(situation: Situation, rule: Rule): Decision {
  const { votes, elapsedMs } = situation;
  if (!mayPropose(situation, rule) || isVetoed(situation, rule)) return 'Rejected';
  const isPast = (hours: number | undefined): boolean =>
    hours !== undefined && elapsedMs !== undefined && elapsedMs >= hours * hourMs;
  if (isPast(rule.open_hours)) return 'Rejected';
  const says = (id: string): boolean | undefined => votes.get(id);
  if (!meets(situation, rule, { rule, says, doOthers: false })) {
    // Whoever has not voted may still say yes. If that is not enough, nothing is.
    const atBest = (id: string): boolean => votes.get(id) ?? true;
    const best = { rule, says: atBest, doOthers: true };
    return meets(situation, rule, best) ? 'Open' : 'Rejected';
  }
  if (rule.lock_hours === undefined || isPast(rule.lock_hours)) return 'Accepted';
  const isEmergency = rule.emergency !== undefined;
  const now = { rule, says, doOthers: false };
  return isEmergency && meets(situation, rule.emergency, now) ? 'Accepted' : 'Open';
}

function mayPropose({ members, proposerId }: Situation, { proposers }: Rule): boolean {
  if (proposers === undefined) return true;
  const proposer = members.find(({ id }) => id === proposerId);
  return proposer !== undefined && proposers.some((party) => belongs(proposer, party));
}

function isVetoed({ members, votes }: Situation, { vetoes = [] }: Rule): boolean {
  return members.some(
    (member) => votes.get(member.id) === false && vetoes.some((party) => belongs(member, party)),
  );
}

export function belongs(member: Member, party: Party): boolean {
  if ('role' in party) return member.roles.includes(party.role);
  if ('organisation' in party) return member.organisation === party.organisation;
  return member.id === party.member;
}

/** What separates proposer and approver: those whose yes is not asked for. */
export function isSeparated(rule: Rule, proposer: Member | undefined, member: Member): boolean {
  if (rule.separation === undefined || proposer === undefined) return false;
  if (member.id === proposer.id) return true;
  const { organisation } = proposer;
  return (
    rule.separation === 'organisation' &&
    organisation !== undefined &&
    member.organisation === organisation
  );
}

interface Vote {
  readonly rule: Rule;
  says(id: string): boolean | undefined;
  /** Whether those that are not listed say yes. */
  readonly doOthers: boolean;
}

function meets(situation: Situation, needed: Requirements, vote: Vote): boolean {
  const { members, silentCount = 0, proposerId, rules } = situation;
  const { rule, says, doOthers } = vote;
  const proposer = members.find(({ id }) => id === proposerId);
  const approvers = members.filter((member) => !isSeparated(rule, proposer, member));
  const isYes = ({ id }: Member): boolean => says(id) === true;
  const hasVoted = ({ id }: Member): boolean => says(id) !== undefined;
  const { thresholds = [], quorum, approvals = [] } = needed;
  const reach = (threshold: Threshold, among: readonly Member[], test: typeof isYes): boolean => {
    const { by = 'member' } = threshold;
    const { got, total } = measure(rules, { by, among, test });
    const others = { got: got + (doOthers ? silentCount : 0), total: total + silentCount };
    return isReached(threshold, others);
  };
  return (
    thresholds.every((threshold) => reach(threshold, approvers, isYes)) &&
    (quorum === undefined || reach(quorum, members, hasVoted)) &&
    approvals.every(({ from, at_least = 1 }) =>
      reach(
        { at_least },
        approvers.filter((member) => belongs(member, from)),
        isYes,
      ),
    )
  );
}

interface Measured {
  readonly got: number;
  readonly total: number;
}

/**
 * How much of a whole passes a test. An organisation does when more than half of its members do;
 * who has no organisation is one alone.
 */
export function measure(
  { organisation_weights: weights = {} }: RulesDocument,
  what: {
    readonly by: Unit;
    readonly among: readonly Member[];
    test(member: Member): boolean;
  },
): Measured {
  const { by, among, test } = what;
  const passed = among.filter(test);
  if (by === 'member') return { got: passed.length, total: among.length };
  if (by === 'member_weight') return { got: weightOf(passed), total: weightOf(among) };
  let got = 0;
  let total = 0;
  for (const { name, members } of organisationsOf(among)) {
    const hasWeight = by === 'organisation_weight' && name !== undefined;
    const weight = hasWeight && Object.hasOwn(weights, name) ? (weights[name] ?? 1) : 1;
    total += weight;
    if (members.filter(test).length * 2 > members.length) got += weight;
  }
  return { got, total };
}

function weightOf(members: readonly Member[]): number {
  return members.reduce((sum, { weight }) => sum + weight, 0);
}

export function organisationsOf(
  members: readonly Member[],
): readonly { readonly name: string | undefined; readonly members: readonly Member[] }[] {
  const named = new Map<string, Member[]>();
  const alone: Member[] = [];
  for (const member of members) {
    const { organisation } = member;
    const group = organisation === undefined ? alone : (named.get(organisation) ?? []);
    group.push(member);
    if (organisation !== undefined) named.set(organisation, group);
  }
  return [
    ...[...named].map(([name, group]) => ({ name, members: group })),
    ...alone.map((member) => ({ name: undefined, members: [member] })),
  ];
}

/** Nothing of nothing reaches no threshold. */
function isReached({ at_least: atLeast, more_than: moreThan }: Threshold, part: Measured): boolean {
  if (part.got === 0) return false;
  if (atLeast !== undefined) return part.got >= leastOf(atLeast, part.total);
  const share = parseShare(moreThan);
  return share !== undefined && part.got * share.denominator > share.numerator * part.total;
}

/** The least whole amount that is enough. */
function leastOf(amount: Amount, total: number): number {
  if (typeof amount === 'number') return amount;
  if (amount === 'all') return total;
  const share = parseShare(amount);
  return share === undefined
    ? Number.POSITIVE_INFINITY
    : Math.ceil((share.numerator * total) / share.denominator);
}
