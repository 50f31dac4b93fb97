/**
 * What a node of a living service begins with, from ledger files that it was given and the ledger
 * secrets: every batch is verified and decrypted, and the state stands at the last of them. What
 * committed since then comes by consensus.
 */
import type { TransactionStatusTracker } from '@coco/endpoint';
import { Store } from '@coco/kv';
import {
  type LedgerFiles,
  type LedgerFolder,
  type LedgerSecrets,
  type RecoveredLedger,
  recoverLedger,
} from '@coco/ledger';
import { recoveredTracker, replay } from './recover-service.ts';
import { storeLimits } from './service-runtime.ts';

export interface LoadedLedger {
  readonly ledger: RecoveredLedger;
  readonly store: Store;
  readonly tracker: TransactionStatusTracker;
  readonly files: LedgerFiles;
}

/**
 * Cuts what no signature covers. @throws LedgerDamaged with file and seqno, DiskFault
 */
export async function loadLedger(at: LedgerFolder, secrets: LedgerSecrets): Promise<LoadedLedger> {
  const ledger = await recoverLedger(at);
  await ledger.truncate();
  const store = new Store(storeLimits);
  await ledger.replayPrivate(secrets, (batch) => replay(store, batch, () => true));
  const files = await ledger.continueFiles();
  return { ledger, store, tracker: recoveredTracker(ledger), files };
}
