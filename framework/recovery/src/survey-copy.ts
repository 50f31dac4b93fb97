/**
 * Reads one copy of a ledger and says what a judgement needs of it: where its last signature
 * stands, every signature on the way, the services that wrote it, who may have voted at its end,
 * and whose files they are. Changes nothing; memory is bounded by the number of signatures.
 */
import { asSeqno, LedgerError, type Seqno, type TransactionId, toHex, type View } from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import { nodeVoters, serviceInfo } from '@coco/governance';
import { Store } from '@coco/kv';
import {
  type BatchVisitor,
  committedThrough,
  type FoundBegin,
  findBegin,
  type LedgerFolder,
  type LedgerTail,
  leafOf,
  type RecoveredLedger,
  recoverLedger,
  restoreSnapshot,
} from '@coco/ledger';
import { replay, storeLimits } from '@coco/replication';
import {
  type ConfiguredNode,
  configurationTables,
  readLastConfiguration,
} from './last-configuration.ts';
import { isRestored, readMarks } from './ledger-mark.ts';
import { type ServiceSpan, SignedHistory } from './signed-history.ts';

export interface LedgerCopy {
  readonly kind: 'copy';
  /** What the caller calls the folder. */
  readonly name: string;
  /** Where its last signature stands. */
  readonly lastSigned: TransactionId;
  readonly root: Uint8Array;
  /** The highest view in any entry, also in what is cut. */
  readonly highestView: View;
  readonly history: SignedHistory;
  /** The services that wrote it, oldest first. */
  readonly identities: readonly ServiceSpan[];
  /** The last entry before its files: 0, or that of the snapshot which they begin with. */
  readonly beginsAfter: Seqno;
  /** Who may have voted at its end. */
  readonly nodes: readonly ConfiguredNode[];
  /** The nodes whose marks the folder bears. */
  readonly marks: readonly string[];
  /** Whether it was filled from a backup: its node may have committed more since. */
  readonly isRestored: boolean;
  /** Whether it is of a version of Coco that left no marks. */
  readonly isBeforeMarks: boolean;
  /** The last seqno of a file that is named as committed; 0 without one. */
  readonly namedCommitted: Seqno;
  /** What no signature covers, and a recovery cuts. */
  readonly cuts: readonly LedgerTail[];
  /** Whether signed entries were cut by an operator's decision: then it proves no completeness. */
  readonly isCutShort: boolean;
}

/** A folder whose files are no ledger, or none that verifies. */
export interface UnusableCopy {
  readonly kind: 'unusable';
  readonly name: string;
  readonly reason: string;
}

/** Takes the batches of one reading of a copy, whoever reads. */
export class CopyRecorder {
  readonly #history = new SignedHistory();
  readonly #store = new Store(storeLimits);

  /** The copy begins with a snapshot. @throws InvalidInput, InvalidCertificate */
  begin({ begin, snapshot }: Pick<FoundBegin, 'begin' | 'snapshot'>): void {
    restoreSnapshot(snapshot, { store: this.#store });
    const { id, leaf, views } = begin;
    const state = this.#store.readAt(id.seqno);
    const info = serviceInfo.require(state);
    const since = asSeqno(Number(info.current_service_create_txid?.split('.')[1] ?? 0));
    this.#history.begin(id, leaf, { views, service: { keyId: keyIdOf(info.cert), since } });
  }

  /** @throws GovernanceRowInvalid, InvalidCertificate */
  take(batch: Parameters<BatchVisitor>[0]): void {
    for (const { entry, writeSet, signature } of batch) {
      if (signature) this.#history.add(entry.id, leafOf(entry));
      for (const { name, rows } of writeSet.maps) {
        if (name !== serviceInfo.name) continue;
        for (const { value } of rows) if (value) this.#takeService(value, entry.id.seqno);
      }
    }
    replay(this.#store, batch, (name) => configurationTables.has(name));
  }

  /** Ends the recording. `marks` and `namedCommitted` are what the folder shows beside the files. */
  finish(
    ledger: RecoveredLedger,
    folder: Pick<LedgerCopy, 'name' | 'marks' | 'isRestored' | 'namedCommitted'>,
  ): LedgerCopy {
    const state = this.#store.readAt(this.#store.seqno);
    return {
      kind: 'copy',
      ...folder,
      lastSigned: ledger.lastId,
      root: ledger.root,
      highestView: ledger.highestView,
      history: this.#history,
      identities: this.#history.services,
      beginsAfter: ledger.beginsAfter,
      nodes: readLastConfiguration(state),
      isBeforeMarks: nodeVoters.keys(state).length === 0,
      cuts: ledger.cuts,
      isCutShort: ledger.cuts.some(({ isLoss }) => isLoss),
    };
  }

  #takeService(value: Uint8Array, since: Seqno): void {
    // The identity is the key: a renewed certificate is of the same service.
    const keyId = keyIdOf(serviceInfo.decode(value).cert);
    this.#history.addService({ keyId, since });
  }
}

function keyIdOf(certificatePem: string): string {
  return toHex(sha256(parseCertificate(certificatePem).spki));
}

/** How far a survey has come. */
export interface SurveyProgress {
  readonly entryCount: number;
  readonly bytesRead: number;
  /** Of all files: tables and headers are few bytes more than the entries. */
  readonly bytesTotal: number;
}

export interface SurveyOptions extends LedgerFolder {
  readonly name: string;
  /**
   * Where to look for the snapshot that the files begin with, where older ones are missing. Whoever
   * made it: the ledger itself vouches for the one that is of it.
   */
  readonly snapshots?: readonly LedgerFolder[];
  readonly onProgress?: (progress: SurveyProgress) => void;
}

/** @throws DiskFault: a copy that does not verify is an answer */
export async function surveyCopy(options: SurveyOptions): Promise<LedgerCopy | UnusableCopy> {
  const { disk, folder, name, snapshots = [], onProgress } = options;
  const recorder = new CopyRecorder();
  const bytesTotal = onProgress ? await ledgerBytes({ disk, folder }) : 0;
  let [entryCount, bytesRead] = [0, 0];
  try {
    const found = await findBegin({ disk, folder }, snapshots);
    if (found) recorder.begin(found);
    const ledger = await recoverLedger({
      disk,
      folder,
      begin: found?.begin,
      onBatch: (batch) => {
        recorder.take(batch);
        entryCount += batch.length;
        for (const { entry } of batch) bytesRead += entry.bytes.length;
        onProgress?.({ entryCount, bytesRead, bytesTotal });
      },
    });
    if (ledger.lastId.seqno === 0) return unusable(name, 'It holds no signed ledger.');
    return recorder.finish(ledger, {
      name,
      ...(await folderSigns({ disk, folder })),
    });
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code === 'DiskFault') throw error;
    return unusable(name, error.message);
  }
}

/** What a folder shows beside its ledger. @throws DiskFault */
export async function folderSigns(
  at: LedgerFolder,
): Promise<Pick<LedgerCopy, 'marks' | 'isRestored' | 'namedCommitted'>> {
  const names = await at.disk.list(at.folder);
  return {
    marks: await readMarks(at),
    isRestored: await isRestored(at),
    namedCommitted: committedThrough(names),
  };
}

function unusable(name: string, reason: string): UnusableCopy {
  return { kind: 'unusable', name, reason };
}

async function ledgerBytes({ disk, folder }: LedgerFolder): Promise<number> {
  let total = 0;
  for (const name of await disk.list(folder)) {
    if (!name.startsWith('ledger_')) continue;
    const file = await disk.open(`${folder}/${name}`, { create: false });
    try {
      total += await file.size();
    } finally {
      await file.close();
    }
  }
  return total;
}
