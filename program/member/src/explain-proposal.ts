/**
 * Why a proposal is still open, by the rules in force: what each rule needs, what of it the ballots
 * show already, and what is missing. Only Coco's own constitution decides by a rules document; of
 * another one only the ballots can be told.
 */

import { type JsonValue, LedgerError, parseJson, utf8Encode } from '@coco/base';
import {
  createConstitution,
  formatExplanation,
  initialRules,
  type Member,
  type RulesDocument,
  readMember,
  readRules,
  simulateVote,
} from '@coco/constitution';
import { memberName } from './describe-certificate.ts';
import { type GovernanceService, type JsonObject, objectOf } from './governance-service.ts';
import type { Action } from './proposal.ts';
import type { Votes } from './votes.ts';

const hourMs = 3_600_000;

/** By which rules the service decides; undefined where its constitution is not Coco's. */
export interface RulesInForce {
  readonly rules: RulesDocument;
  /** The ledger's time; undefined where it is not told. */
  readonly timeMs: number | undefined;
}

export async function readRulesInForce(
  governance: GovernanceService,
): Promise<RulesInForce | undefined> {
  const text = await governance.readText('/gov/service/constitution');
  const first = text === undefined ? undefined : firstRulesOf(text);
  if (first === undefined) return undefined;
  const { rules, timeMs } = objectOf(await governance.readIfThere('/gov/service/rules'));
  const read = readRules(rules);
  return {
    rules: read.kind === 'rules' ? read.rules : first,
    timeMs: typeof timeMs === 'number' ? timeMs : undefined,
  };
}

/** The rules that Coco's constitution begins with; undefined where the text is another one. */
export function firstRulesOf(text: string): RulesDocument | undefined {
  const [before = '', after = ''] = createConstitution().split(
    JSON.stringify(initialRules, undefined, 2),
  );
  const isOurs = text.startsWith(before) && text.endsWith(after);
  const literal = text.slice(before.length, text.length - after.length);
  if (!isOurs || literal.length === 0) return undefined;
  try {
    const read = readRules(parseJson(utf8Encode(literal)));
    return read.kind === 'rules' ? read.rules : undefined;
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return undefined;
  }
}

/** The active members as rules see them, each with the name by which people know it. */
function activeMembers(rows: readonly JsonObject[]): readonly Member[] {
  return rows
    .filter(({ status }) => status === 'Active')
    .map((row) => ({
      ...readMember(String(row.memberId), row.memberData),
      name: memberName(row),
    }))
    .sort((left, right) => left.name.localeCompare(right.name));
}

/** The rules in force in plain words. */
export function explainRulesInForce(
  { rules }: RulesInForce,
  members: readonly JsonObject[],
): readonly string[] {
  return formatExplanation(rules, activeMembers(members)).split('\n');
}

export interface OpenProposal {
  readonly actions: readonly Action[];
  readonly proposerId: string;
  readonly votes: Votes;
  /** By the ledger's time. */
  readonly submittedAtMs: number | undefined;
}

export interface Need {
  readonly rule: string;
  readonly sentence: string;
  readonly isMet: boolean;
}

/** Each thing that the proposal needs, and whether it is there. */
export function explainOpen(
  { rules, timeMs }: RulesInForce,
  members: readonly JsonObject[],
  proposal: OpenProposal,
): readonly Need[] {
  const { actions, proposerId, votes, submittedAtMs } = proposal;
  const isTimed = timeMs !== undefined && submittedAtMs !== undefined;
  const cast = votes.given.flatMap(({ memberId, ballot }) =>
    ballot === 'script' || ballot === undefined ? [] : [[memberId, ballot === 'approve'] as const],
  );
  const { outcomes } = simulateVote({
    rules,
    members: activeMembers(members),
    actions: actions.map(({ name }) => name),
    proposerId,
    votes: new Map(cast),
    elapsedHours: isTimed ? (timeMs - submittedAtMs) / hourMs : undefined,
  });
  return outcomes.flatMap(({ rule, needs }) => needs.map((need) => ({ rule, ...need })));
}

/** When the proposal was submitted and will be resolved again, where the service tells. */
export interface ProposalTimes {
  readonly submittedAtMs: number | undefined;
  readonly nextResolutionAtMs: number | undefined;
}

export async function readProposalTimes(
  governance: GovernanceService,
  id: string,
): Promise<ProposalTimes> {
  const found = objectOf(await governance.readIfThere(`/gov/members/proposals/${id}/times`));
  const time = (value: JsonValue | undefined) => (typeof value === 'number' ? value : undefined);
  return {
    submittedAtMs: time(found.submittedAtMs),
    nextResolutionAtMs: time(found.nextResolutionAtMs),
  };
}
