/**
 * What a node of a living service begins with, from ledger files that it was given and the ledger
 * secrets: every batch is verified and decrypted, and the state stands at the last of them. What
 * committed since then comes by consensus.
 */

import { asSeqno, asView, type TransactionId } from '@coco/base';
import { TransactionStatusTracker } from '@coco/endpoint';
import { Store } from '@coco/kv';
import {
  type LedgerFiles,
  type LedgerFolder,
  type LedgerSecrets,
  type RecoveredLedger,
  recoverLedger,
  treeMap,
  type VerifiedEntry,
  type ViewStart,
} from '@coco/ledger';
import { storeLimits } from './store-limits.ts';

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

/** Applies a verified batch, as its execution did: of signatures the state keeps the tree. */
export function replay(
  store: Store,
  batch: readonly VerifiedEntry[],
  isKept: (map: string) => boolean,
): void {
  for (const { entry, writeSet, signature } of batch) {
    const maps = writeSet.maps.filter(({ name }) =>
      signature === undefined ? isKept(name) : name === treeMap,
    );
    if (maps.length > 0) store.apply({ maps }, entry.id.seqno);
    else store.skip(entry.id.seqno);
  }
  store.seal();
  store.commit(store.seqno);
}

export function recoveredTracker(ledger: RecoveredLedger): TransactionStatusTracker {
  const history = historyOf(ledger.views);
  return new TransactionStatusTracker({ history, committed: ledger.lastId });
}

/** With CCF's first view, which is empty. */
export function historyOf(views: readonly ViewStart[]): readonly TransactionId[] {
  const history: TransactionId[] = views.map(({ view, firstSeqno: seqno }) => ({ view, seqno }));
  if (history[0]?.view !== 1) history.unshift({ view: asView(1), seqno: asSeqno(1) });
  return history;
}
