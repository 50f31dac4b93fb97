/**
 * Decides on an open proposal: runs every ballot anew, asks the constitution, and carries out what
 * is accepted. The caller owns the transaction: on a failure it discards it, or goes back to the
 * savepoint that it made before.
 */
import { type JsonValue, LedgerError, refuse, utf8Decode } from '@coco/base';
import type { ScriptValue } from '@coco/isolate';
import type { Transaction } from '@coco/kv';
import { indexWrittenMembers } from './active-members.ts';
import { checkWrittenRows } from './check-written-rows.ts';
import { ledgerClock } from './coco-tables.ts';
import { indexActions, keepOnlyDecided } from './decided-proposals.ts';
import { memberName } from './governance-endpoint.ts';
import type { GovernanceScripts, ScriptFailure, ScriptResult } from './governance-scripts.ts';
import { type ProposalInfoRow, proposalInfos } from './tables.ts';
import { isWakeupTime, setWakeup } from './wakeups.ts';

export interface OpenProposal {
  readonly id: string;
  readonly body: Uint8Array;
  /** Open, with all ballots so far. */
  readonly info: ProposalInfoRow;
  /** Who votes just now: a ballot that is no module is refused, as nobody could ever count it. */
  readonly newest?: string;
}

/** The row as written, or why the constitution or the actions failed. */
export type Resolution =
  | { readonly kind: 'resolved'; readonly info: ProposalInfoRow }
  | { readonly kind: 'failed'; readonly failure: ScriptFailure; readonly info: ProposalInfoRow };

/** Ballots that run at a time: one that loops holds up few of the others. */
const ballotsAtOnce = 4;

/** @throws InvalidInput when the newest ballot is no module */
export async function resolveProposal(
  transaction: Transaction,
  scripts: GovernanceScripts,
  proposal: OpenProposal,
): Promise<Resolution> {
  const { id, info } = proposal;
  const text = utf8Decode(proposal.body);
  const count = await countBallots(scripts, proposal, text);
  const votes = Object.entries(count.votes).map(([member_id, vote]) => ({ member_id, vote }));
  const args: readonly ScriptValue[] = [text, info.proposer_id, votes, id];
  const decision = decisionOf(await scripts.resolve(args));
  const decided: ProposalInfoRow = {
    ...info,
    final_votes: count.votes,
    vote_failures: count.failures,
  };
  if (typeof decision !== 'string') return { kind: 'failed', failure: decision, info: decided };
  if (decision === 'Open') {
    proposalInfos.put(transaction, id, info);
    const failure = await planWakeup(transaction, scripts, { id, args });
    return failure ? { kind: 'failed', failure, info: decided } : { kind: 'resolved', info };
  }
  const written: ProposalInfoRow = { ...decided, state: decision };
  keepOnlyDecided(transaction, id);
  proposalInfos.put(transaction, id, written);
  if (decision === 'Rejected') return { kind: 'resolved', info: written };
  const failure = await carryOut(transaction, scripts, [text, id]);
  return failure
    ? { kind: 'failed', failure: prefixed('Failed to apply(): ', failure), info: decided }
    : { kind: 'resolved', info: written };
}

/** Runs the actions, and sees to it that the framework can go on with what they wrote. */
async function carryOut(
  transaction: Transaction,
  scripts: GovernanceScripts,
  args: readonly ScriptValue[],
): Promise<ScriptFailure | undefined> {
  const applied = await scripts.apply(args);
  if (applied.kind === 'failure') return applied.failure;
  try {
    checkWrittenRows(transaction);
    scripts.checkIdentities();
    indexActions(transaction);
    indexWrittenMembers(transaction);
    return undefined;
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'GovernanceRowInvalid') throw error;
    return { reason: error.message };
  }
}

/** Writes that a proposal failed, for want of anybody to tell. */
export function recordFailure(
  transaction: Transaction,
  failed: Extract<Resolution, { kind: 'failed' }> & { readonly id: string },
): void {
  const { id, info, failure } = failed;
  keepOnlyDecided(transaction, id);
  proposalInfos.put(transaction, id, { ...info, state: 'Failed', failure: rowOf(failure) });
}

interface BallotCount {
  readonly votes: Readonly<Record<string, boolean>>;
  readonly failures: { readonly [memberId: string]: JsonValue };
}

async function countBallots(
  scripts: GovernanceScripts,
  { id, info, newest }: OpenProposal,
  text: string,
): Promise<BallotCount> {
  const ballots = Object.entries(info.ballots);
  const results: (readonly [memberId: string, result: BallotResult])[] = [];
  const countNext = async (): Promise<void> => {
    for (let next = ballots.shift(); next; next = ballots.shift()) {
      const [memberId, source] = next;
      const result = await scripts.vote({ source, memberId }, [text, info.proposer_id]);
      results.push([memberId, result]);
    }
  };
  await Promise.all(Array.from({ length: ballotsAtOnce }, countNext));
  results.sort(([left], [right]) => (left < right ? -1 : 1));
  const votes: Record<string, boolean> = {};
  const failures: Record<string, JsonValue> = {};
  for (const [memberId, result] of results) {
    if (result.kind === 'value') votes[memberId] = result.value === true;
    else if (result.isUnloadable && memberId === newest)
      throw noModule(id, memberId, result.failure);
    else failures[memberId] = rowOf(result.failure);
  }
  return { votes, failures };
}

type BallotResult = Awaited<ReturnType<GovernanceScripts['vote']>>;

function noModule(id: string, memberId: string, { reason }: ScriptFailure): Error {
  const place = `${proposalInfos.name}[${id}].ballots[${memberName(memberId)}]`;
  return refuse('InvalidInput', `Failed to compile ${place}: ${reason}`);
}

function decisionOf(result: ScriptResult): 'Open' | 'Accepted' | 'Rejected' | ScriptFailure {
  if (result.kind === 'failure') return prefixed('Failed to resolve(): ', result.failure);
  const { value } = result;
  if (value === 'Open' || value === 'Accepted' || value === 'Rejected') return value;
  const shown = typeof value === 'string' ? `: "${value}"` : '';
  return { reason: `resolve() returned invalid status value${shown}` };
}

/**
 * Asks the constitution when to resolve it again. A time that is not after the present one is no
 * wake-up: what it would change was decided just now.
 */
async function planWakeup(
  transaction: Transaction,
  scripts: GovernanceScripts,
  call: { readonly id: string; readonly args: readonly ScriptValue[] },
): Promise<ScriptFailure | undefined> {
  const result = await scripts.nextResolution(call.args);
  if (result.kind === 'failure') return prefixed('Failed to nextResolution(): ', result.failure);
  const { value } = result;
  if (value !== undefined && !isWakeupTime(value)) {
    return { reason: 'nextResolution() returned neither a time in milliseconds nor undefined' };
  }
  const isLater = value !== undefined && value > ledgerClock.require(transaction);
  setWakeup(transaction, call.id, isLater ? Math.ceil(value) : undefined);
  return undefined;
}

function prefixed(prefix: string, { reason, trace }: ScriptFailure): ScriptFailure {
  return { reason: `${prefix}${reason}`, trace };
}

function rowOf({ reason, trace }: ScriptFailure): JsonValue {
  return trace === undefined ? { reason } : { reason, trace };
}
