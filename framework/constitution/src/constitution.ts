/**
 * The constitution: what a node calls for each proposal (facts on CCF, section 4.2). This file and
 * what it imports become the text that stands in the ledger (bundle/build.mjs), so all of it runs
 * with ECMAScript and `ccf` alone, on Coco and on CCF.
 */
import { applyProposal } from './apply-proposal.ts';
import { type Decision, decide, hourMs, rulesFor } from './decide.ts';
import { parseProposal, type Validation, validateProposal } from './proposal.ts';
import { electorate, proposalTime, rulesInForce } from './rules-in-force.ts';

export interface Vote {
  readonly member_id: string;
  readonly vote: boolean;
}

/** Called with a proposal before it is stored. */
export function validate(body: string): Validation {
  return validateProposal(body);
}

/** Called when a proposal is submitted, after each ballot, and at the times of nextResolution. */
export function resolve(
  body: string,
  proposerId: string,
  votes: readonly Vote[],
  proposalId?: string,
): Decision {
  const rules = rulesInForce();
  const time = proposalTime(proposalId);
  const elapsedMs = time && time.nowMs - time.submittedAtMs;
  const actions = actionsOf(body);
  const given = new Map(votes.map(({ member_id: id, vote }) => [id, vote] as const));
  const voters = electorate(rulesFor(rules, actions), given.keys());
  return decide({ rules, ...voters, proposerId, votes: given, elapsedMs }, actions);
}

/** Called once, when the proposal was accepted. */
export function apply(body: string, proposalId: string): void {
  applyProposal(body, proposalId);
}

/**
 * Coco's own: when an open proposal is to be resolved again though nobody votes, as ledger time in
 * ms. That is when the next lock or time limit of its rules ends.
 */
export function nextResolution(
  body: string,
  _proposerId: string,
  _votes: readonly Vote[],
  proposalId: string,
): number | undefined {
  const rules = rulesInForce();
  const time = proposalTime(proposalId);
  if (time === undefined) return undefined;
  const ends = rulesFor(rules, actionsOf(body))
    .flatMap(({ lock_hours: lock, open_hours: open }) => [lock, open])
    .flatMap((hours) => (hours === undefined ? [] : [time.submittedAtMs + hours * hourMs]))
    .filter((end) => end > time.nowMs);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function actionsOf(body: string): readonly string[] {
  return parseProposal(body).map(({ name }) => name);
}
