/**
 * The public part of a ledger that a recovery begins with, read without any key: the state that it
 * came to, and what recovering its secrets needs of the way there. Where the older files are
 * missing it begins with a snapshot, which the ledger behind it vouches for.
 */
import { asSeqno, type Log } from '@coco/base';
import {
  type EndorsementRow,
  type HistoricalSecretRow,
  historicalSecret,
  historicalSecretAt,
  identityEndorsement,
} from '@coco/governance';
import { isPublicMap, Store, type WriteSet } from '@coco/kv';
import {
  type FoundBegin,
  findBegin,
  type LedgerFolder,
  type RecoveredLedger,
  recoverLedger,
  restoreSnapshot,
} from '@coco/ledger';
import { CopyRecorder } from '@coco/recovery';
import { replay, storeLimits } from '@coco/replication';

/** Batches between two lines of progress. */
const progressBatches = 200;

export interface PublicLedger {
  readonly ledger: RecoveredLedger;
  readonly store: Store;
  readonly recorder: CopyRecorder;
  /** What the ledger says of its secrets and of its services, as far as the files go back. */
  readonly historicalSecretRows: readonly HistoricalSecretRow[];
  readonly endorsementRows: readonly EndorsementRow[];
  /** The snapshot that the files begin with; undefined where they begin with the first entry. */
  readonly begun: FoundBegin | undefined;
}

/** @throws LedgerDamaged, DiskFault */
export async function readPublicLedger(
  at: LedgerFolder,
  options: {
    readonly snapshots: readonly LedgerFolder[];
    readonly isTailLossAccepted: boolean;
    readonly log: Log;
  },
): Promise<PublicLedger> {
  const { snapshots, isTailLossAccepted, log } = options;
  const store = new Store(storeLimits);
  const historicalSecretRows: HistoricalSecretRow[] = [];
  const endorsementRows: EndorsementRow[] = [];
  const recorder = new CopyRecorder();
  const begun = await findBegin(at, snapshots);
  if (begun) {
    restoreSnapshot(begun.snapshot, { store });
    recorder.begin(begun);
    const { historicalRow, endorsementRow } = rowsAt(store);
    if (historicalRow) historicalSecretRows.push(historicalRow);
    if (endorsementRow) endorsementRows.push(endorsementRow);
    log.write('warning', 'recovery.snapshot', { name: begun.name, seqno: store.seqno });
  }
  let batchCount = 0;
  const ledger = await recoverLedger({
    ...at,
    begin: begun?.begin,
    isTailLossAccepted,
    onBatch: (batch) => {
      for (const { entry, writeSet } of batch) {
        const { seqno } = entry.id;
        for (const value of valuesOf(writeSet, historicalSecret.name)) {
          historicalSecretRows.push(historicalSecretAt(value, seqno));
        }
        for (const value of valuesOf(writeSet, identityEndorsement.name)) {
          endorsementRows.push(identityEndorsement.decode(value));
        }
      }
      recorder.take(batch);
      replay(store, batch, (name) => isPublicMap(name));
      if (++batchCount % progressBatches === 0) {
        log.write('info', 'recovery.public', { seqno: store.seqno });
      }
    },
  });
  return { ledger, store, recorder, historicalSecretRows, endorsementRows, begun };
}

/** Of both tables the snapshot has the last row alone. */
function rowsAt(store: Store): {
  readonly historicalRow: HistoricalSecretRow | undefined;
  readonly endorsementRow: EndorsementRow | undefined;
} {
  const state = store.readAt(store.seqno);
  const row = historicalSecret.get(state);
  const version = historicalSecret.versionOf(state) ?? asSeqno(0);
  return {
    historicalRow: row && { ...row, next_version: row.next_version ?? version + 1 },
    endorsementRow: identityEndorsement.get(state),
  };
}

function valuesOf(writeSet: WriteSet, name: string): readonly Uint8Array[] {
  const maps = writeSet.maps.filter((map) => map.name === name);
  return maps.flatMap(({ rows }) => rows.flatMap(({ value }) => (value ? [value] : [])));
}
