/**
 * Decides again: runs the constitution of that time on the ballots that the ledger holds, in the
 * isolate, over the state before the entry, and compares what it says and writes with what the
 * ledger records. Scripts that ask for chance do not come out again; by the clock they see the
 * ledger's time.
 *
 * The caller keeps the state before the entry readable until a check is done.
 */
import { equalBytes, isJsonObject, toHex, utf8Decode } from '@coco/base';
import { constitution, type ProposalInfoRow, proposalInfos, proposals } from '@coco/governance';
import {
  isScriptObject,
  type ScriptContext,
  type ScriptOutcome,
  type ScriptRunner,
  type ScriptValue,
} from '@coco/isolate';
import type { Transaction } from '@coco/kv';
import type { RowChange } from './entry-changes.ts';
import type { EntryScene } from './entry-scene.ts';
import { ReplayFunctions } from './replay-functions.ts';
import { ballotLimits } from './script-limits.ts';
import { activeMembersTable, bookkeepingTables, isGovernanceTable } from './table-kinds.ts';

/** What a replay of one proposal's step says; `problem` where it does not come out again. */
export interface ReplayVerdict {
  readonly proposalId: string;
  /** The step took the proposal out of Open. */
  readonly isDecision: boolean;
  readonly problem: string | undefined;
}

/** A runner whose scripts see the given time: Unix milliseconds. */
export type RunnerAt = (nowMs: number) => ScriptRunner;

export class DecisionReplay {
  readonly #runnerAt: RunnerAt;

  constructor(runnerAt: RunnerAt) {
    this.#runnerAt = runnerAt;
  }

  /**
   * Replays what the entry did to its proposal; undefined where nothing was to be decided, or the
   * ledger holds no constitution. `begin` gives a transaction on the state before the entry.
   */
  async check(scene: EntryScene, begin: () => Transaction): Promise<ReplayVerdict | undefined> {
    const change = scene.changes.rows(proposalInfos).find(isStep);
    const source = constitution.get(scene.changes.before);
    if (!change?.after || !source) return undefined;
    const transaction = begin();
    copyRequest(scene, change, transaction);
    const { ledgerMs, signedAtMs } = scene.at;
    const runner = this.#runnerAt(ledgerMs ?? signedAtMs);
    const run = new Run({ runner, scene, transaction, source });
    const isDecision = change.after.state !== 'Open';
    const problem = await run.problemOf(change.key, change.before === undefined, change.after);
    return { proposalId: change.key, isDecision, problem };
  }
}

/** A row that the constitution was asked about: submitted, voted on or due. */
function isStep({ before, after }: RowChange<ProposalInfoRow>): boolean {
  const wasOpen = before === undefined || before.state === 'Open';
  const isAsked = after !== undefined && after.state !== 'Withdrawn' && after.state !== 'Dropped';
  return wasOpen && isAsked;
}

/** What a request writes before scripts run: all of its bookkeeping, but not the decision. */
function copyRequest(
  scene: EntryScene,
  change: RowChange<ProposalInfoRow>,
  transaction: Transaction,
): void {
  for (const table of scene.changes.tables) {
    // Actions come later, and what follows from them: who is active does not change before.
    if (table === proposalInfos.name || table === activeMembersTable) continue;
    if (!bookkeepingTables.has(table)) continue;
    for (const { key, after } of scene.changes.raw(table)) {
      if (after) transaction.map(table).set(key, after);
    }
  }
  if (change.before || !change.after) return;
  const { proposer_id } = change.after;
  proposalInfos.put(transaction, change.key, { proposer_id, state: 'Open', ballots: {} });
}

class Run {
  readonly #runner: ScriptRunner;
  readonly #scene: EntryScene;
  readonly #transaction: Transaction;
  readonly #source: string;
  readonly #functions: ReplayFunctions;

  constructor(given: {
    readonly runner: ScriptRunner;
    readonly scene: EntryScene;
    readonly transaction: Transaction;
    readonly source: string;
  }) {
    this.#runner = given.runner;
    this.#scene = given.scene;
    this.#transaction = given.transaction;
    this.#source = given.source;
    this.#functions = new ReplayFunctions(given.scene);
  }

  async problemOf(id: string, isNew: boolean, info: ProposalInfoRow): Promise<string | undefined> {
    const body = proposals.get(this.#transaction, id);
    if (!body) return 'its body is gone';
    const text = utf8Decode(body);
    if (isNew) {
      const valid = returnedBy(await this.#call('validate', [text]));
      if (!isScriptObject(valid) || valid.valid !== true)
        return 'the constitution finds it invalid';
    }
    const count = await this.#countBallots(text, info);
    const votes = Object.entries(count.votes).map(([member_id, vote]) => ({ member_id, vote }));
    const args = [text, info.proposer_id, votes, id];
    const outcome = await this.#call('resolve', args);
    const decision = returnedBy(outcome);
    const problem = countProblem(info, count) ?? decisionProblem(info, decision);
    if (problem !== undefined || info.state !== 'Accepted') return problem;
    return this.#effectProblem(id, text, info);
  }

  async #countBallots(text: string, info: ProposalInfoRow): Promise<BallotCount> {
    const votes: Record<string, boolean> = {};
    const failures: string[] = [];
    for (const memberId of Object.keys(info.ballots).sort()) {
      const source = info.ballots[memberId] ?? '';
      const outcome = await this.#run(source, 'vote', [text, info.proposer_id]);
      if (outcome.kind === 'returned') votes[memberId] = outcome.value === true;
      else failures.push(memberId);
    }
    return { votes, failures };
  }

  /** Applies again, and compares what it writes. */
  async #effectProblem(
    id: string,
    text: string,
    info: ProposalInfoRow,
  ): Promise<string | undefined> {
    for (const table of [proposals.name, proposalInfos.name]) {
      for (const { key, after } of this.#scene.changes.raw(table)) {
        if (after === undefined) this.#transaction.map(table).delete(key);
      }
    }
    proposalInfos.put(this.#transaction, id, info);
    const outcome = await this.#call('apply', [text, id], 'governance-write');
    if (outcome.kind === 'returned') return this.#differenceOf();
    const reason = outcome.kind === 'threw' ? `: ${outcome.reason}` : '';
    return `its actions fail${reason}`;
  }

  /** The first row that the ledger and the replay do not agree on. */
  #differenceOf(): string | undefined {
    const { changes } = this.#scene;
    const written = new Map(this.#transaction.writeSet().maps.map((map) => [map.name, map.rows]));
    for (const table of new Set([...changes.tables, ...written.keys()])) {
      const isCompared = isGovernanceTable(table) && !bookkeepingTables.has(table);
      if (!isCompared || this.#functions.owns(table)) continue;
      const recorded = new Map(
        changes.raw(table).map(({ key, after }) => [toHex(key), { key, after }]),
      );
      const replayed = new Map(
        (written.get(table) ?? []).map(({ key, value }) => [toHex(key), { key, after: value }]),
      );
      for (const hex of new Set([...recorded.keys(), ...replayed.keys()])) {
        const key = (recorded.get(hex) ?? replayed.get(hex))?.key ?? new Uint8Array(0);
        const before = changes.before.map(table).get(key);
        const [was, is] = [recorded, replayed].map((rows) => {
          const row = rows.get(hex);
          return row ? row.after : before;
        });
        if (!isSame(was, is)) return `its actions do not write what stands in ${table}`;
      }
    }
    return undefined;
  }

  #call(
    entry: string,
    args: readonly ScriptValue[],
    context: ScriptContext = 'governance-read',
  ): Promise<ScriptOutcome> {
    return this.#run(this.#source, entry, args, context);
  }

  #run(
    source: string,
    entry: string,
    args: readonly ScriptValue[],
    context: ScriptContext = 'governance-read',
  ): Promise<ScriptOutcome> {
    const transaction = this.#transaction;
    return this.#runner.run({
      source,
      entry,
      args,
      access: {
        context,
        map: (name) => transaction.map(name),
        functions: context === 'governance-write' ? this.#functions.functions : new Map(),
      },
      limits: ballotLimits(this.#scene.changes.before),
      isVoted: true,
      party: 'audit',
    });
  }
}

interface BallotCount {
  readonly votes: Readonly<Record<string, boolean>>;
  readonly failures: readonly string[];
}

/** Votes are recorded where a proposal ends. Why a ballot failed is the engine's text. */
function countProblem(info: ProposalInfoRow, count: BallotCount): string | undefined {
  if (info.state === 'Open') return undefined;
  const recorded = info.final_votes ?? {};
  const members = Object.keys(recorded);
  const isSameCount =
    members.length === Object.keys(count.votes).length &&
    members.every((id) => recorded[id] === count.votes[id]);
  if (!isSameCount) return 'its ballots do not give the votes that were counted';
  const failures = isJsonObject(info.vote_failures) ? Object.keys(info.vote_failures) : [];
  return failures.length === count.failures.length ? undefined : 'other ballots of it fail';
}

function decisionProblem(info: ProposalInfoRow, decision: ScriptValue): string | undefined {
  // What fails is recorded as Failed: a decision that is none, or actions that fail.
  if (info.state === 'Failed') {
    return decision === 'Rejected' ? 'the constitution says Rejected' : undefined;
  }
  if (decision === info.state) return undefined;
  return `the constitution says ${typeof decision === 'string' ? decision : 'nothing'}`;
}

function returnedBy(outcome: ScriptOutcome): ScriptValue {
  return outcome.kind === 'returned' ? outcome.value : undefined;
}

function isSame(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return equalBytes(left, right);
}
