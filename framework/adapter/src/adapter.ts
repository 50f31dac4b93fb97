/**
 * What lets an existing ledger run on Coco. An adapter owns its ledger's rules, formats and RPC;
 * the node owns order, durability and keys. Everything an adapter keeps outside the store is
 * derived: it is rebuilt from committed state at `start` and corrected by `rolledBack`.
 */
import type { Clock, JsonValue, Log, Random, Seqno, TransactionId, View } from '@coco/base';
import type { Caller, ChannelEndpoint, Endpoint, Request, Response } from '@coco/endpoint';
import type { ReadView, Transaction } from '@coco/kv';

/** What a write gives back. */
export interface Write<Result> {
  readonly result: Result;
  /** 32 bytes that the ledger entry claims in clear; always salted. Zeros when absent. */
  readonly claimsDigest?: Uint8Array;
  /** The result stands, but nothing is written (a refused call). */
  readonly isDiscarded?: boolean;
  /**
   * Called at once when the entry has its id, and only then: for what follows from an entry and is
   * no row, such as a ledger secret in force from the next one on. A rollback must undo it.
   */
  readonly whenAppended?: (id: TransactionId) => void;
}

export interface Executed<Result> {
  readonly result: Result;
  /** Absent when the write wrote nothing: then there is no entry. */
  readonly id: TransactionId | undefined;
}

/** A batch whose entries are executed and about to be signed. */
export interface OpenBatch {
  readonly view: View;
  readonly firstSeqno: Seqno;
  /** The seqno that the sealing transaction's entry will have, if it writes. */
  readonly sealSeqno: Seqno;
}

/** A batch that is committed: its entries are durable on a majority. */
export interface CommittedBatch {
  readonly view: View;
  readonly firstSeqno: Seqno;
  /** The signature entry, which ends the batch. */
  readonly lastSeqno: Seqno;
  /** The state at `lastSeqno`. */
  readonly state: ReadView;
}

/** The decision about a transaction id. */
export type Decision = 'Committed' | 'Invalid';

/** What a node gives to its adapters. */
export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Whether writes execute here now. */
  isPrimary(): boolean;
  /**
   * Runs `write` alone and at once on the executed state; when it throws, nothing is written.
   * Only the adapter's own maps can be touched.
   * @throws NodeCannotHandleRequest, TooManyPendingTransactions, and what `write` throws
   */
  execute<Result>(write: (transaction: Transaction) => Write<Result>): Executed<Result>;
  /** The last committed state; a view of one transaction id. */
  committed(): ReadView;
  /** The executed state, uncommitted entries included; valid until the next write. */
  executed(): ReadView;
  /** Resolves when the id's batch is committed, or when it never can be. */
  whenDecided(id: TransactionId): Promise<Decision>;
  /** The view in which this node takes part: another primary means another view. */
  view(): View;
  /**
   * Asks the primary, as this node: an endpoint of the adapter with the policy `node_cert` knows
   * whose call it is. Undefined when nothing was carried out: no primary is known or reached, or it
   * is this node. The request is sent once.
   * @throws NodeAnswerLost when it may have been carried out; NodeCallsFull
   */
  callPrimary(request: Request, withinMs: number): Promise<Response | undefined>;
  /** Asks for a batch to be closed although nothing was executed (an empty block). */
  requestBatch(): void;
}

/** What the consortium may set of an adapter by proposals, beside what is fixed by genesis. */
export interface GovernedSettings {
  /** @throws LedgerError whose message tells members what is wrong */
  check(settings: JsonValue): void;
  /**
   * Writes them into the adapter's own maps, as part of governance's transaction: they follow its
   * commit and its rollback. `settings` passed `check`. What is absent stays as it is.
   */
  apply(transaction: Pick<Transaction, 'map'>, settings: JsonValue): void;
}

export interface Adapter {
  /** Lower case; the first part of each of its maps' names. */
  readonly name: string;
  /** Every map it may touch, all private. */
  readonly maps: readonly string[];
  readonly endpoints: readonly Endpoint[];
  /** Where clients may open a channel; absent: nowhere. */
  readonly channels?: readonly ChannelEndpoint[];
  /** Absent: nothing can be set by governance. */
  readonly governed?: GovernedSettings;
  /** Writes the first state, in the service's creating transaction. */
  genesis(transaction: Transaction): void;
  /** Called once, before any other call but genesis, with the state recovered or created. */
  start(host: Host): void;
  /** Writes what concludes a batch (the block); an empty write leaves no entry. */
  seal(transaction: Transaction, batch: OpenBatch): Write<void>;
  /** Whether `caller` may see an item of this ledger; every read passes it. */
  visible(caller: Caller, item: VisibleItem): boolean;
  /** Derived state and events; no writes. Called once per batch, in order. */
  onCommitted(batch: CommittedBatch): void;
  /** Everything above `to` is discarded; derived state must forget it. */
  rolledBack(to: Seqno): void;
  /** Ends timers and work in the pool. */
  stop(): Promise<void>;
}

/** An item of an adapter's ledger, as far as visibility needs it. */
export interface VisibleItem {
  /** The adapter's kind of item: block, transaction, receipt, log, account, code, storage. */
  readonly kind: string;
  /** The parties that the item names, in the adapter's own form of address (lower-case hex). */
  readonly parties: readonly string[];
}
