/** The door of @coco/constitution. */
export type { ActionName } from './action-names.ts';
export { actionNames } from './action-names.ts';
export type { RulesProblem } from './check-rules.ts';
export { checkRules } from './check-rules.ts';
export { createConstitution } from './create-constitution.ts';
export type { Decision, Situation } from './decide.ts';
export { decide } from './decide.ts';
export type { RulesChange } from './diff-rules.ts';
export { diffRules, formatDiff } from './diff-rules.ts';
export type { ProposerCase, RuleExplanation } from './explain-rules.ts';
export { explainRules, formatExplanation } from './explain-rules.ts';
export { initialRules } from './initial-rules.ts';
export type { Member } from './member-data.ts';
export { readMember } from './member-data.ts';
export { parseRulesDocument } from './parse-rules-document.ts';
export type { ReadRules } from './read-rules.ts';
export { readRules } from './read-rules.ts';
export type {
  Amount,
  Approval,
  Party,
  Requirements,
  Rule,
  RulesDocument,
  StandingPermissions,
  Threshold,
  Unit,
} from './rules-document.ts';
export { formatRules } from './say-rule.ts';
export type { RuleOutcome, SimulatedVote, VoteOutcome } from './simulate-vote.ts';
export { simulateVote } from './simulate-vote.ts';
export { warnRules } from './warn-rules.ts';
