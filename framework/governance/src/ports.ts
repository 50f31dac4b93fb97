/** What governance needs of the node; the node gives it, tests give their own. */
import type { Clock, JsonValue, Random, Seqno } from '@coco/base';
import type { SigningKey } from '@coco/crypto';
import type { TransactionStatusTracker } from '@coco/endpoint';
import type { ScriptRunner } from '@coco/isolate';
import type { LedgerSecret } from './issue-recovery-shares.ts';
import type { Writable } from './table.ts';
import type { HistoricalSecretRow } from './tables.ts';

export interface GovernancePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly transactions: TransactionStatusTracker;
  /** Runs constitutions and ballots, outside of what holds keys. */
  readonly scripts: ScriptRunner;
  /** The service's key in office. */
  serviceKey(): SigningKey;
  /**
   * The ledger secrets in force, oldest first, never empty. While the service recovers and its
   * private ledger is not read yet: the fresh secret alone.
   */
  ledgerSecrets(): readonly LedgerSecret[];
  /** The Merkle root over the leaves 0 to `seqno`: the executed state that a transaction reads. */
  rootAt(seqno: Seqno): Uint8Array;
  /**
   * Every value that `historicalSecret` ever had, oldest first, as the recovery of the public
   * ledger found them (`historicalSecretAt`). Asked only while the service recovers.
   */
  historicalSecretRows(): readonly HistoricalSecretRow[];
  /** The settings of the ledgers that run on the service. */
  readonly adapterSettings: AdapterSettings;
  /** Effects on the ledger itself, which are no rows; each is called when an entry was appended. */
  readonly ledger: LedgerEffects;
}

/** A rollback of the entry that asked undoes each of them. */
export interface LedgerEffects {
  /** A new secret encrypts from this seqno on, the next to be appended. */
  addSecret(fromSeqno: Seqno, secret: Uint8Array): void;
  /** The chunk file ends with the batch that is open. */
  forceChunk(): void;
  /** A snapshot is taken at the end of the batch that is open. */
  forceSnapshot(): void;
}

/** What the node offers of its adapters. */
export interface AdapterSettings {
  /** @throws AdapterUnknown, and what the adapter says of settings that it does not have */
  check(adapter: string, settings: JsonValue): void;
  /** Part of the transaction; settings were checked. @throws as `check` does */
  apply(transaction: Writable, adapter: string, settings: JsonValue): void;
}
