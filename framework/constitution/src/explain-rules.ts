/** What each action needs, in plain words, for the members that a consortium has. */
import { actionNames } from './action-names.ts';
import type { Condition } from './condition.ts';
import type { Member } from './member-data.ts';
import { type Consortium, conditionsOf, nameOf } from './rule-condition.ts';
import { placeOfRule, type Requirements, type Rule, type RulesDocument } from './rules-document.ts';
import { sayCondition, sayHours } from './say-condition.ts';

/** What is needed when one of these proposes. */
export interface ProposerCase {
  readonly proposers: readonly Member[];
  /** By proposer's id: what the sentences say, counted out. */
  readonly conditions: ReadonlyMap<string, readonly Condition[]>;
  readonly sentences: readonly string[];
}

export interface RuleExplanation {
  readonly name: string;
  readonly why: string | undefined;
  /** The actions that the rule is for. */
  readonly actions: readonly string[];
  /** Whether it is for everything that no rule before it names. */
  readonly isRest: boolean;
  /** One, unless it matters who proposes. */
  readonly cases: readonly ProposerCase[];
  /** What else people should know of the rule. */
  readonly notes: readonly string[];
}

export function explainRules(
  rules: RulesDocument,
  members: readonly Member[],
): readonly RuleExplanation[] {
  return rules.rules.flatMap((rule, place) => {
    const actions = actionNames.filter((name) => placeOfRule(rules, name) === place);
    if (actions.length === 0) return [];
    const { name, why } = rule;
    const isRest = rule.actions.includes('*');
    const cases = casesOf({ rules, members }, rule);
    return [{ name, why, actions, isRest, cases, notes: notesOf(rule) }];
  });
}

/** Proposers for whom the same sentences hold are told together. */
function casesOf(consortium: Consortium, rule: Rule): readonly ProposerCase[] {
  const cases = new Map<string, CaseInProgress>();
  const sentencesOf = new Map<string, readonly string[]>();
  for (const proposer of consortium.members) {
    const conditions = conditionsOf(consortium, rule, proposer);
    const sentences = sayAll(conditions, consortium.members);
    const text = sentences.join('\n');
    const found: CaseInProgress = cases.get(text) ?? { proposers: [], conditions: new Map() };
    found.proposers.push(proposer);
    found.conditions.set(proposer.id, conditions);
    cases.set(text, found);
    sentencesOf.set(text, sentences);
  }
  return [...cases].map(([text, found]) => ({ ...found, sentences: sentencesOf.get(text) ?? [] }));
}

interface CaseInProgress {
  readonly proposers: Member[];
  readonly conditions: Map<string, readonly Condition[]>;
}

function sayAll(conditions: readonly Condition[], members: readonly Member[]): readonly string[] {
  const names = new Map(members.map((member) => [member.id, nameOf(member)]));
  if (conditions.length === 0) return ['it is proposed'];
  return conditions.map((condition) => sayCondition(condition, (id) => names.get(id) ?? id));
}

function notesOf(rule: Rule): readonly string[] {
  const { separation, vetoes, open_hours: open, lock_hours: lock, proposers } = rule;
  const notes: string[] = [];
  if (separation === 'member') notes.push('The yes of the proposer is not counted.');
  if (separation === 'organisation') {
    notes.push('The yes of members of the proposer’s organisation is not counted.');
  }
  if (proposers) notes.push('A proposal of anybody else is rejected at once.');
  if (vetoes) notes.push('A veto rejects it at once, however many say yes.');
  if (countsOrganisations(rule) || countsOrganisations(rule.emergency ?? {})) {
    notes.push('An organisation does what more than half of its active members do.');
  }
  if (open !== undefined) notes.push(`After ${sayHours(open)} it is rejected.`);
  if (lock !== undefined) notes.push('Time is the ledger’s, from the submission on.');
  return notes;
}

function countsOrganisations({ thresholds = [], quorum }: Requirements): boolean {
  const all = quorum === undefined ? thresholds : [...thresholds, quorum];
  return all.some(({ by = 'member' }) => by.startsWith('organisation'));
}

/** The explanation as a text to read, with the members and the standing permissions. */
export function formatExplanation(rules: RulesDocument, members: readonly Member[]): string {
  const explanations = explainRules(rules, members);
  return [
    `${rules.title} (rules document, version ${rules.version})`,
    ...(rules.description === undefined ? [] : [rules.description]),
    '',
    `Active members: ${members.length}`,
    ...members.map((member) => `  ${sayMember(member)}`),
    ...explanations.flatMap((explanation) => ['', ...formatRule(explanation, members)]),
    '',
    ...formatPermissions(rules),
    'Whatever the rule: a proposal is rejected as soon as it cannot be carried any more. Only members',
    'that are active count. A proposal of several actions needs the rules of all of them.',
  ].join('\n');
}

function sayMember(member: Member): string {
  const { organisation, roles, weight } = member;
  const facts = [
    ...(organisation === undefined ? [] : [`of ${organisation}`]),
    ...(roles.length === 0 ? [] : [`role ${roles.join(', ')}`]),
    ...(weight === 1 ? [] : [`weight ${weight}`]),
  ];
  return [nameOf(member), ...facts].join(', ');
}

function formatRule(explanation: RuleExplanation, members: readonly Member[]): readonly string[] {
  const { name, why, actions, isRest, cases, notes } = explanation;
  const lines = [`Rule "${name}"`, ...wrap(`for ${nameActions(actions, isRest)}`)];
  if (why !== undefined) lines.push(...wrap(`why: ${why}`));
  for (const { proposers, sentences } of cases) {
    const isEverybody = proposers.length === members.length;
    const who = isEverybody ? '' : `, when proposed by ${proposers.map(nameOf).join(', ')}`;
    lines.push(`  carried when all of this holds${who}:`);
    lines.push(...sentences.map((sentence) => `    - ${sentence}`));
  }
  if (members.length === 0) lines.push('  there are no active members: nothing can be carried');
  return [...lines, ...notes.map((note) => `  ${note}`)];
}

function formatPermissions({ standing_permissions: permissions }: RulesDocument): string[] {
  const { certificate_renewal: renewal, node_replacement: replacement } = permissions ?? {};
  const lines: string[] = [];
  if (renewal !== undefined) {
    lines.push(
      `  Certificates of nodes and service renew by themselves ${renewal.renew_before_days} days before they end, for ${renewal.validity_days} days.`,
    );
  }
  if (replacement !== undefined) {
    lines.push(
      `  A node that was silent for ${replacement.silent_minutes} minutes may be replaced by one with the same code and place.`,
    );
  }
  if (lines.length === 0) return ['Without a vote: nothing.', ''];
  return ['Without a vote, for as long as these rules are in force:', ...lines, ''];
}

function nameActions(actions: readonly string[], isRest: boolean): string {
  if (!isRest) return actions.join(', ');
  return actions.length === actionNames.length ? 'every action' : 'every other action';
}

const columnsMax = 96;

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  let line = ' ';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > columnsMax) {
      lines.push(line);
      line = '   ';
    }
    line = `${line} ${word}`;
  }
  return [...lines, line];
}
