/** Actions on what decides: the constitution's text, and the rules document. */
import { type Action, defineAction } from './action.ts';
import type { ruleActionNames } from './action-names.ts';
import type { CcfGlobal } from './ccf-global.ts';
import { checkArguments, checkText } from './check-arguments.ts';
import { checkRules } from './check-rules.ts';
import { readRules } from './read-rules.ts';
import { refuse } from './refuse.ts';
import { writeJson } from './rows.ts';
import type { RulesDocument } from './rules-document.ts';
import {
  hasOwnTables,
  membersOf,
  putRulesInForce,
  removeRules,
  rulesInForce,
} from './rules-in-force.ts';
import { dropOtherOpenProposals } from './service-state.ts';
import { constitutionTable } from './tables.ts';

declare const ccf: CcfGlobal;

const setConstitution = defineAction(
  (args) => {
    const text = checkText(checkArguments(args).constitution, 'constitution');
    ccf.gov.validateConstitution(text);
    return text;
  },
  (text, proposalId) => {
    writeJson(constitutionTable, text);
    removeRules();
    dropOtherOpenProposals(proposalId);
  },
);

function parseRules(args: unknown): RulesDocument {
  const read = readRules(checkArguments(args).rules);
  if (read.kind === 'malformed')
    refuse(`rules has not the right form: ${read.problems.join('; ')}`);
  const { rules } = read;
  if (!hasOwnTables()) refuse('rules documents need a Coco service');
  const { version } = rulesInForce();
  if (rules.version <= version) {
    refuse(`rules.version must be higher than ${version}, which is in force`);
  }
  const problems = checkRules(rules, membersOf({ withAccepted: false }));
  if (problems.length > 0) refuse(problems.map(({ sentence }) => sentence).join(' '));
  return rules;
}

const setRules = defineAction(parseRules, (rules, proposalId) => {
  putRulesInForce(rules);
  // Who voted for the others did so under the rules before.
  dropOtherOpenProposals(proposalId);
});

export const ruleActions: Readonly<Record<(typeof ruleActionNames)[number], Action>> = {
  set_constitution: setConstitution,
  set_rules: setRules,
};
