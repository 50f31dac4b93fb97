/**
 * The constitution: what a node calls for each proposal (facts on CCF, section 4.2). This file and
 * what it imports become the text that stands in the ledger (bundle/build.mjs), so all of it runs
 * with ECMAScript and `ccf` alone, on Coco and on CCF.
 */
import { applyProposal, type Validation, validateProposal } from './proposal.ts';
import { jsonRows } from './rows.ts';
import type { MemberInfo } from './service-state.ts';
import { memberInfoTable } from './tables.ts';

export interface Vote {
  readonly member_id: string;
  readonly vote: boolean;
}

/** Called with a proposal before it is stored. */
export function validate(body: string): Validation {
  return validateProposal(body);
}

/** Called after each ballot: more than half of the active members accept. */
export function resolve(
  _body: string,
  _proposerId: string,
  votes: readonly Vote[],
): 'Open' | 'Accepted' | 'Rejected' {
  const active = jsonRows(memberInfoTable)
    .filter(([, info]) => (info as MemberInfo).status === 'Active')
    .map(([id]) => id);
  const count = (vote: boolean): number =>
    votes.filter((given) => given.vote === vote && active.includes(given.member_id)).length;
  if (count(true) * 2 > active.length) return 'Accepted';
  const reachable = active.length - count(false);
  return reachable * 2 > active.length ? 'Open' : 'Rejected';
}

/** Called once, when the proposal was accepted. */
export function apply(body: string, proposalId: string): void {
  applyProposal(body, proposalId);
}
