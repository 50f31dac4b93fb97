/** Actions on what decides: the constitution's text. */
import { type Action, defineAction } from './action.ts';
import type { ruleActionNames } from './action-names.ts';
import type { CcfGlobal } from './ccf-global.ts';
import { checkArguments, checkText } from './check-arguments.ts';
import { writeJson } from './rows.ts';
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
    dropOtherOpenProposals(proposalId);
  },
);

export const ruleActions: Readonly<Record<(typeof ruleActionNames)[number], Action>> = {
  set_constitution: setConstitution,
};
