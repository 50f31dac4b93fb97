/** What governance needs of the node; the node gives it, tests give their own. */
import type { Clock, Random, Seqno } from '@coco/base';
import type { SigningKey } from '@coco/crypto';
import type { TransactionStatusTracker } from '@coco/endpoint';
import type { ScriptRunner } from '@coco/isolate';
import type { LedgerSecret } from './issue-recovery-shares.ts';
import type { HistoricalSecretRow } from './tables.ts';

export interface GovernancePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly transactions: TransactionStatusTracker;
  /** Runs constitutions and ballots, outside of what holds keys. */
  readonly scripts?: ScriptRunner;
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
   * ledger found them (`historicalSecret.decode`). Asked only while the service recovers.
   */
  historicalSecretRows(): readonly HistoricalSecretRow[];
}
