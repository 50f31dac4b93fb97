/**
 * Coco's own governance tables (`public:coco.gov.`): what CCF's do not hold and our rules need.
 * They stand in clear like CCF's, so that an audit sees them; docs/formats/governance-tables.md.
 */

import type { JsonValue } from '@coco/base';
import { governanceError } from './errors.ts';
import { isWholeNumber } from './json-fields.ts';
import { type Codec, json, jsonRow, jsonText, rawBytes, Singleton, Table } from './table.ts';

const ours = 'public:coco.gov';
const internal = 'public:coco.internal';

/**
 * Ids of nodes that Raft's configuration has named as voters; written once that is so, never taken
 * back. Who recovers from files learns from it which nodes may have voted last.
 */
export const nodeVoters: Table<Uint8Array> = new Table(`${internal}.node_voters`, rawBytes);

/** How a recovered service came about, by the node that recovered it; ids are in text form. */
export interface RecoveryRow {
  /** The last signed transaction that it took over. */
  readonly recovered_to: string;
  /** Whether commits may be missing: fewer ledgers were looked at than would be enough. */
  readonly may_lack_commits: boolean;
  /** The nodes of the last configuration whose ledgers were looked at. */
  readonly looked_at: readonly string[];
  /** Every node that may have voted when the service was lost. */
  readonly may_have_voted: readonly string[];
  /**
   * The snapshot that the recovered ledger begins with: the entries up to it are in no file of the
   * service. Absent where the ledger is whole.
   */
  readonly begins_after?: number | undefined;
}

/** Written by the first transaction of a recovered service; of the last recovery alone. */
export const recoveryRecord: Singleton<RecoveryRow> = new Singleton(
  `${internal}.recovery`,
  jsonRow((row) => ({
    recovered_to: row.text('recovered_to'),
    may_lack_commits: row.boolean('may_lack_commits'),
    looked_at: row.optionalTexts('looked_at') ?? [],
    may_have_voted: row.optionalTexts('may_have_voted') ?? [],
    begins_after: row.optionalCount('begins_after'),
  })),
);

/**
 * That a snapshot is asked for, of the state of the entry that writes it or a later one. Met once a
 * snapshot's evidence is of such a state: whoever is the primary meanwhile goes by it.
 */
export const snapshotRequest: Singleton<string> = new Singleton(
  `${internal}.snapshot_request`,
  jsonText,
);

/** The value of a row whose key alone says something. */
export const presence: Uint8Array = new Uint8Array(8);

const milliseconds: Codec<number> = {
  encode: (value) => json.encode(value),
  decode: (bytes) => {
    const value = json.decode(bytes);
    if (isWholeNumber(value)) return value;
    throw governanceError('GovernanceRowInvalid', 'The row is not a time in milliseconds.');
  },
};

/**
 * The rules document in force, as its constitution wrote it. Without a row those rules count that
 * the constitution begins with; one that is not Coco's writes none.
 */
export const rulesInForce: Singleton<JsonValue> = new Singleton(`${ours}.rules`, json);

/** Settings of adapters that the members voted for, by the adapter's name. */
export const adapterSettings: Table<JsonValue> = new Table(`${ours}.adapters`, json);

/** The ledger's time, Unix milliseconds. Invariant: it never goes back. */
export const ledgerClock: Singleton<number> = new Singleton(`${ours}.clock`, milliseconds);

export interface ProposalTimesRow {
  /** The ledger's time at which the proposal was submitted. */
  readonly submitted_at_ms: number;
  /** The ledger's time at which it is to be resolved again; its row in `wakeups` says the same. */
  readonly wake_at_ms?: number | undefined;
}

/** Proposal id to its times, as long as the proposal stands in its tables. */
export const proposalTimes: Table<ProposalTimesRow> = new Table(
  `${ours}.proposal_times`,
  jsonRow((row) => ({
    submitted_at_ms: row.count('submitted_at_ms'),
    wake_at_ms: row.optionalCount('wake_at_ms'),
  })),
);

/** `<13 digits of ms>:<proposal id>`: open proposals to be resolved again, earliest first. */
export const wakeups: Table<Uint8Array> = new Table(`${ours}.wakeups`, rawBytes);

/** The members that are Active (active-members.ts). */
export const activeMembers: Table<Uint8Array> = new Table(`${ours}.active_members`, rawBytes);

/**
 * The proposals in the tables that are not Open, so that a decision finds those to remove without
 * reading the open ones.
 */
export const decidedProposals: Table<Uint8Array> = new Table(`${ours}.decided`, rawBytes);
