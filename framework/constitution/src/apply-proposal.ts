/**
 * Carries a proposal out. Afterwards the rules in force must still fit the members: a removal or
 * new data must not lock the consortium out, or make of one of its members a majority.
 */
import { findAction } from './actions.ts';
import { checkRules, type RulesProblem } from './check-rules.ts';
import { parseProposal } from './proposal.ts';
import { refuse } from './refuse.ts';
import { membersOf, putInitialRulesInForce, rulesInForce } from './rules-in-force.ts';

const membershipActions = ['set_member', 'remove_member', 'set_member_data'];

/** @throws Error, and then nothing is written */
export function applyProposal(body: string, proposalId: string): void {
  const proposed = parseProposal(body);
  const names = proposed.map(({ name }) => name);
  const changesMembers = names.some((name) => membershipActions.includes(name));
  const before = changesMembers ? problemsNow() : [];
  for (const { name, args } of proposed) {
    const action = findAction(name) ?? refuse(`${name}: no such action`);
    action.apply(args, proposalId);
  }
  if (names.includes('set_constitution')) return;
  const added = (changesMembers ? problemsNow() : []).filter(
    ({ kind }) => !before.some((problem) => problem.kind === kind),
  );
  if (added.length > 0) refuse(added.map(({ sentence }) => sentence).join(' '));
  putInitialRulesInForce();
}

/** Members that have not acknowledged yet can still do so, and then they vote. */
function problemsNow(): readonly RulesProblem[] {
  return checkRules(rulesInForce(), membersOf({ withAccepted: true }));
}
