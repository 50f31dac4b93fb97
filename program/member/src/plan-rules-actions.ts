/** What a new rules document changes, in the words of the rules themselves. */
import {
  checkRules,
  diffRules,
  formatDiff,
  initialRules,
  readMember,
  readRules,
} from '@coco/constitution';
import type { JsonObject } from './governance-service.ts';
import { objectOf } from './governance-service.ts';
import { type GovernanceState, onlyRow } from './governance-state.ts';
import { dropsOthers } from './plan-service-actions.ts';
import type { Planner } from './planner.ts';

function setRules(state: GovernanceState, args: JsonObject): readonly string[] {
  const read = readRules(args.rules);
  if (read.kind === 'malformed') {
    return [
      'The service will refuse it. The argument "rules" is no rules document:',
      ...read.problems,
    ];
  }
  const known = readRules(state.row('rules'));
  // Until a first proposal is carried, no row says what the constitution begins with.
  const before = known.kind === 'rules' ? known.rules : initialRules;
  const { rules } = read;
  const active = [...state.rows('member')]
    .filter(([, row]) => objectOf(row).status === 'Active')
    .map(([id, row]) => readMember(id, objectOf(row).memberData));
  const refusals = [
    ...(rules.version > before.version
      ? []
      : [`Its version must be higher than ${before.version}, which is in force.`]),
    ...checkRules(rules, active).map(({ sentence }) => sentence),
  ];
  state.put('rules', onlyRow, args.rules ?? null);
  const words = diffRules(before, rules).length === 0 ? [] : formatDiff(before, rules).split('\n');
  return refusals.length === 0
    ? [...words, dropsOthers]
    : [...words, 'The service will refuse it:', ...refusals];
}

export const rulesPlanners: Readonly<Record<string, Planner>> = {
  set_rules: { tables: ['rules', 'member'], plan: setRules },
};
