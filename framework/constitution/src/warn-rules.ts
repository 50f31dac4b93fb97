/**
 * What is allowed and still deserves a thought: warnings of `coco rules check`. The constitution
 * does not look at them.
 */
import { actionNames } from './action-names.ts';
import { canCarry, ruleOf } from './check-rules.ts';
import type { Member } from './member-data.ts';
import { nameOf } from './rule-condition.ts';
import { placeOfRule, type RulesDocument } from './rules-document.ts';
import { sayRule } from './say-rule.ts';

export function warnRules(rules: RulesDocument, members: readonly Member[]): readonly string[] {
  return [
    ...warnUnused(rules),
    ...(members.length === 0 ? [] : warnUncarried(rules, members)),
    ...(members.length < 2 ? [] : warnLoss(rules, members)),
    ...warnBypass(rules),
    ...warnNoShares(rules),
  ];
}

function warnUnused(rules: RulesDocument): readonly string[] {
  const used = new Set(actionNames.map((name) => placeOfRule(rules, name)));
  return rules.rules
    .filter((_rule, place) => !used.has(place))
    .map(({ name }) => `The rule "${name}" never counts: rules before it are for all its actions.`);
}

function warnUncarried(rules: RulesDocument, members: readonly Member[]): readonly string[] {
  const stuck = actionNames.filter((name) => !canCarry(rules, members, name));
  if (stuck.length === 0) return [];
  return [`No vote of these members can carry ${stuck.join(', ')}.`];
}

/** Lost keys are the commonest accident. */
function warnLoss(rules: RulesDocument, members: readonly Member[]): readonly string[] {
  const needed = members
    .filter((member) => !canCarry(rules, members, 'set_rules', member.id))
    .map(nameOf);
  if (needed.length === 0) return [];
  const who = needed.length === 1 ? needed.join('') : `each of ${needed.join(', ')}`;
  return [
    `The rules can only be changed with ${who}: if one such key is lost, the consortium is locked out.`,
  ];
}

/** A rule is worth no more than the rule by which it can be changed. */
function warnBypass(rules: RulesDocument): readonly string[] {
  const strict = ['set_member', 'remove_member'].filter(
    (name) => placeOfRule(rules, name) !== placeOfRule(rules, 'set_rules'),
  );
  const changeable = new Set(
    ['set_rules', 'set_constitution'].map((name) => placeOfRule(rules, name)),
  );
  const warnings: string[] = [];
  if (changeable.size > 1) {
    warnings.push(
      'set_rules and set_constitution stand under different rules: the easier one counts, since either replaces the rules.',
    );
  }
  if (strict.length > 0) {
    const needed = sayRule(ruleOf(rules, 'set_rules')).join(', ');
    warnings.push(
      `Another rule than that of set_rules counts for ${strict.join(' and ')}, and set_rules can replace it (${needed}).`,
    );
  }
  return warnings;
}

function warnNoShares(rules: RulesDocument): readonly string[] {
  const counted = rules.rules.filter(
    ({ thresholds = [] }) =>
      thresholds.length > 0 &&
      thresholds.every(({ at_least: atLeast }) => typeof atLeast === 'number'),
  );
  return counted.map(
    ({ name }) => `The rule "${name}" counts a fixed number, which stays when members come and go.`,
  );
}
