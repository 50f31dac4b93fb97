/** A rule in words, whoever the members are. */
import type {
  Amount,
  Approval,
  Party,
  Requirements,
  Rule,
  RulesDocument,
  Threshold,
  Unit,
} from './rules-document.ts';
import { sayHours } from './say-condition.ts';

const unitWords: Readonly<Record<Unit, string>> = {
  member: 'the active members',
  organisation: 'the organisations',
  member_weight: 'the members’ weight',
  organisation_weight: 'the organisations’ weight',
};

/** Each thing that it asks for, as a sentence. */
export function sayRule(rule: Rule): readonly string[] {
  const { proposers, vetoes, separation, lock_hours: lock, open_hours: open, emergency } = rule;
  const sentences = proposers ? [`only ${sayParties(proposers)} may propose`] : [];
  sentences.push(...sayRequirements(rule));
  if (vetoes) sentences.push(`a no of ${sayParties(vetoes)} is a veto`);
  if (separation === 'member') sentences.push('the yes of the proposer is not counted');
  if (separation === 'organisation') {
    sentences.push('the yes of the proposer’s organisation is not counted');
  }
  if (lock !== undefined)
    sentences.push(`carried ${sayHours(lock)} after submission at the earliest`);
  if (open !== undefined)
    sentences.push(`rejected ${sayHours(open)} after submission at the latest`);
  if (emergency === undefined) return sentences;
  return [
    ...sentences,
    `carried before that when in addition ${sayRequirements(emergency).join(', and ')}`,
  ];
}

function sayRequirements({ thresholds, quorum, approvals }: Requirements): string[] {
  return [
    ...(thresholds ?? []).map((threshold) => `${sayThreshold(threshold)} say yes`),
    ...(quorum === undefined ? [] : [`${sayThreshold(quorum)} vote at all`]),
    ...(approvals ?? []).map(sayApproval),
  ];
}

function sayThreshold({
  by = 'member',
  at_least: atLeast,
  more_than: moreThan,
}: Threshold): string {
  const amount = moreThan === undefined ? sayAmount(atLeast ?? 1) : `more than ${moreThan}`;
  return `${amount} of ${unitWords[by]}`;
}

function sayAmount(amount: Amount): string {
  return amount === 'all' ? 'all' : `at least ${amount}`;
}

function sayApproval({ from, at_least: atLeast = 1 }: Approval): string {
  if (atLeast === 1) return `one of the ${sayParty(from)} says yes`;
  return `${sayAmount(atLeast)} of the ${sayParty(from)} say yes`;
}

function sayParties(parties: readonly Party[]): string {
  return parties.map(sayParty).join(' or ');
}

function sayParty(party: Party): string {
  if ('role' in party) return `members with the role ${party.role}`;
  if ('organisation' in party) return `members of ${party.organisation}`;
  return `members that are ${party.member.slice(0, 10)}…`;
}

/** What the document says beside its rules. */
export function sayRest(rules: RulesDocument): readonly string[] {
  const { certificate_renewal: renewal, node_replacement: replacement } =
    rules.standing_permissions ?? {};
  const weights = Object.entries(rules.organisation_weights ?? {});
  return [
    `a majority of the consortium is more than half of ${unitWords[rules.majority_of ?? 'member']}`,
    ...weights.map(([name, weight]) => `${name} weighs ${weight}`),
    ...(renewal === undefined
      ? []
      : [
          `certificates renew without a vote ${renewal.renew_before_days} days before they end, for ${renewal.validity_days} days`,
        ]),
    ...(replacement === undefined
      ? []
      : [`a node silent for ${replacement.silent_minutes} minutes may be replaced without a vote`]),
  ];
}

/** The document as a text to read, whoever the members are. */
export function formatRules(rules: RulesDocument): string {
  const parts = rules.rules.flatMap((rule) => [
    '',
    `Rule "${rule.name}"`,
    `  for ${rule.actions.join(', ').replaceAll(/(^| )\*/g, '$1everything else')}`,
    ...(rule.why === undefined ? [] : [`  why: ${rule.why}`]),
    ...sayRule(rule).map((sentence) => `  - ${sentence}`),
  ]);
  return [
    `${rules.title} (rules document, version ${rules.version})`,
    ...(rules.description === undefined ? [] : [rules.description]),
    ...parts,
    '',
    ...sayRest(rules).map((sentence) => `Besides: ${sentence}.`),
  ].join('\n');
}
