/**
 * The rules in force: those in `public:coco.gov.rules`, and without such a row those that the
 * constitution begins with. Its neighbours hold what nodes may do without a vote, and the times.
 *
 * On a CCF service Coco's tables do not exist and governance may not even read their names there:
 * then the initial rules count, no time limit ends and no lock opens.
 */

import { countsHeadsOnly } from './decide.ts';
import { initialRules } from './initial-rules.ts';
import { type Member, readMember } from './member-data.ts';
import { readRules } from './read-rules.ts';
import { countRows, hasRow, jsonRows, readJson, removeRow, writeJson } from './rows.ts';
import type { Rule, RulesDocument, StandingPermissions } from './rules-document.ts';
import { type MemberInfo, memberInfo } from './service-state.ts';
import {
  activeMemberTable,
  clockTable,
  memberInfoTable,
  proposalTimeTable,
  rulesTable,
  standingPermissionTable,
} from './tables.ts';

const permissionNames: readonly (keyof StandingPermissions)[] = [
  'node_replacement',
  'certificate_renewal',
];

/**
 * CCF refuses with a TypeError. Anything else, such as the end of the heap, must not let weaker
 * rules count, so it is thrown on; and nothing a proposer wrote is parsed before.
 */
export function hasOwnTables(): boolean {
  try {
    hasRow(rulesTable);
    return true;
  } catch (cause) {
    if (cause instanceof TypeError) return false;
    throw cause;
  }
}

/** A row that is no rules document (only another constitution writes one) does not count. */
export function rulesInForce(): RulesDocument {
  const read = readRules(hasOwnTables() ? readJson(rulesTable) : undefined);
  return read.kind === 'rules' ? read.rules : initialRules;
}

/** Puts a document in force, with its standing permissions and no others. */
export function putRulesInForce(rules: RulesDocument): void {
  writeJson(rulesTable, rules);
  for (const name of permissionNames) {
    const settings = rules.standing_permissions?.[name];
    if (settings === undefined) removeRow(standingPermissionTable, name);
    else writeJson(standingPermissionTable, settings, name);
  }
}

/** Of a constitution that goes: the next one begins with its own rules. */
export function removeRules(): void {
  if (!hasOwnTables()) return;
  removeRow(rulesTable);
  for (const name of permissionNames) removeRow(standingPermissionTable, name);
}

/** The first proposal that is carried writes the initial rules where everybody can read them. */
export function putInitialRulesInForce(): void {
  if (hasOwnTables() && !hasRow(rulesTable)) putRulesInForce(initialRules);
}

/** Members in the table, those that have not acknowledged yet included, if asked for. */
export function membersOf({ withAccepted }: { readonly withAccepted: boolean }): readonly Member[] {
  return jsonRows(memberInfoTable).flatMap(([id, value]) => {
    const info = value as MemberInfo;
    const isWanted = info.status === 'Active' || (withAccepted && info.status === 'Accepted');
    return isWanted ? [readMember(id, info.member_data)] : [];
  });
}

/**
 * The active members, as far as rules look at them. Those that count heads need the voters and a
 * number, which a Coco node keeps: a vote among ten thousand then reads as many rows as have voted.
 */
export function electorate(
  rules: readonly Rule[],
  voterIds: Iterable<string>,
): { readonly members: readonly Member[]; readonly silentCount: number } {
  const isCounted = countsHeadsOnly(rules) && hasOwnTables();
  const count = isCounted ? countRows(activeMemberTable) : 0;
  // Somebody active has proposed: where nobody is counted, nobody counts.
  if (count === 0) return { members: membersOf({ withAccepted: false }), silentCount: 0 };
  const members = [...voterIds].flatMap((id) => {
    const info = memberInfo(id);
    return info?.status === 'Active' ? [readMember(id, info.member_data)] : [];
  });
  return { members, silentCount: count - members.length };
}

export interface ProposalTime {
  readonly submittedAtMs: number;
  /** The ledger's time now. */
  readonly nowMs: number;
}

/** Undefined where the ledger has no time of this proposal. */
export function proposalTime(proposalId: string | undefined): ProposalTime | undefined {
  if (proposalId === undefined || !hasOwnTables()) return undefined;
  const times = readJson(proposalTimeTable, proposalId) as
    | { submitted_at_ms?: unknown }
    | undefined;
  const submittedAtMs = times?.submitted_at_ms;
  const nowMs = readJson(clockTable);
  const isKnown = typeof submittedAtMs === 'number' && typeof nowMs === 'number';
  return isKnown ? { submittedAtMs, nowMs } : undefined;
}
