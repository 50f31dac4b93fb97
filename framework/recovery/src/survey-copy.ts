/**
 * Reads one copy of a ledger and says what a judgement needs of it: where its last signature
 * stands, every signature on the way, the services that wrote it, who may have voted at its end,
 * and whose files they are. Changes nothing; memory is bounded by the number of signatures.
 */
import { LedgerError, type Seqno, type TransactionId, toHex, type View } from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import { nodeVoters, serviceInfo } from '@coco/governance';
import { Store } from '@coco/kv';
import {
  type BatchVisitor,
  committedThrough,
  type LedgerFolder,
  type LedgerTail,
  type RecoveredLedger,
  recoverLedger,
} from '@coco/ledger';
import { replay, storeLimits } from '@coco/replication';
import {
  type ConfiguredNode,
  configurationTables,
  readLastConfiguration,
} from './last-configuration.ts';
import { isRestored, readMarks } from './ledger-mark.ts';
import { SignedHistory } from './signed-history.ts';

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
  /** The services that wrote it, oldest first: id of the key, and seqno of the first entry. */
  readonly identities: readonly { readonly keyId: string; readonly since: Seqno }[];
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
  readonly #identities: { keyId: string; since: Seqno }[] = [];
  readonly #store = new Store(storeLimits);

  /** @throws GovernanceRowInvalid, InvalidCertificate */
  take(batch: Parameters<BatchVisitor>[0]): void {
    for (const { entry, writeSet, signature } of batch) {
      if (signature) this.#history.add(entry.id, entry.bytes);
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
      identities: this.#identities,
      nodes: readLastConfiguration(state),
      isBeforeMarks: nodeVoters.keys(state).length === 0,
      cuts: ledger.cuts,
      isCutShort: ledger.cuts.some(({ isLoss }) => isLoss),
    };
  }

  #takeService(value: Uint8Array, since: Seqno): void {
    // The identity is the key: a renewed certificate is of the same service.
    const keyId = toHex(sha256(parseCertificate(serviceInfo.decode(value).cert).spki));
    if (this.#identities.at(-1)?.keyId !== keyId) this.#identities.push({ keyId, since });
  }
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
  readonly onProgress?: (progress: SurveyProgress) => void;
}

/** @throws DiskFault: a copy that does not verify is an answer */
export async function surveyCopy(options: SurveyOptions): Promise<LedgerCopy | UnusableCopy> {
  const { disk, folder, name, onProgress } = options;
  const recorder = new CopyRecorder();
  const bytesTotal = onProgress ? await ledgerBytes({ disk, folder }) : 0;
  let [entryCount, bytesRead] = [0, 0];
  try {
    const ledger = await recoverLedger({
      disk,
      folder,
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
