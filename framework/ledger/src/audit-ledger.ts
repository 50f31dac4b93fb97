/**
 * Verifies a ledger from its files alone and reports: what is proven, what cannot be checked
 * without the ledger secrets, and what does not hold, with file and seqno. Changes nothing.
 *
 * The one change that no audit of files can see is a cut at the end of a batch: what is left is an
 * older valid ledger. The report says so, and who remembers a later id passes it as `mustContain`.
 */
import {
  compareTransactionIds,
  formatTransactionId,
  LedgerError,
  present,
  type Seqno,
  type TransactionId,
} from '@coco/base';
import { chunkPath, type LedgerFolder } from './chunk-file.ts';
import { formatChunkName } from './chunk-name.ts';
import { type ChunkPlan, planChunks } from './chunk-plan.ts';
import type { LedgerBegin } from './ledger-begin.ts';
import type { LedgerSecrets } from './ledger-secrets.ts';
import type { VerifiedEntry, ViewStart } from './ledger-verifier.ts';
import { LedgerWalk } from './ledger-walk.ts';

/** Where a batch stands, for who looks on. */
export interface BatchPlace {
  /** The file that its last entry is in. */
  readonly file: string;
  /**
   * The Merkle root over the entries up to `seqno`; undefined for those long before the batch, and
   * behind it.
   */
  rootAt(seqno: Seqno): Uint8Array | undefined;
}

/** How far an audit has come. */
export interface AuditProgress {
  readonly file: string;
  readonly entryCount: number;
  /** Bytes of entries read so far, and of all files: tables and headers are few bytes more. */
  readonly bytesRead: number;
  readonly bytesTotal: number;
}

export interface AuditOptions extends LedgerFolder {
  /** The snapshot that the files begin with, as findBegin found it; the first entry by default. */
  readonly begin?: LedgerBegin | undefined;
  /** With them, every private part is decrypted and authenticated too. */
  readonly secrets?: LedgerSecrets;
  /** An id that the ledger must hold: of a receipt, or of an answer that said Committed. */
  readonly mustContain?: TransactionId;
  /**
   * Takes the entries of each batch, in order, once its signature has verified. A LedgerError that
   * it throws counts as damage there.
   */
  readonly onBatch?: (batch: readonly VerifiedEntry[], place: BatchPlace) => void | Promise<void>;
  /** Called after each batch. */
  readonly onProgress?: (progress: AuditProgress) => void;
}

/** Something that does not hold. */
export interface AuditFinding {
  readonly code:
    | 'LedgerDamaged'
    | 'LedgerEmpty'
    | 'LedgerTooShort'
    | 'TailUnsigned'
    | 'ChunkUnfinished'
    | 'RecoveryUnfinished'
    | 'SignedOutsideValidity';
  readonly file: string | undefined;
  readonly seqno: number | undefined;
  readonly sentence: string;
}

/** Something that holds or not, but cannot be checked with what the auditor has. */
export interface AuditGap {
  readonly file: string | undefined;
  readonly firstSeqno: number;
  readonly lastSeqno: number;
  readonly sentence: string;
}

export interface AuditReport {
  /** Whether everything that could be checked holds. */
  readonly isSound: boolean;
  /** The last id that a verified signature covers or has itself; seqno 0 when there is none. */
  readonly lastSigned: TransactionId;
  readonly entryCount: number;
  readonly signatureCount: number;
  readonly fileCount: number;
  readonly views: readonly ViewStart[];
  readonly findings: readonly AuditFinding[];
  readonly unchecked: readonly AuditGap[];
}

/** Enough for any report; more of one kind says nothing new. */
const findingsMax = 100;
/** A request may run for seconds while others commit: so many states ago it may have begun. */
const rootsHeld = 65_536;

/** @throws DiskFault: everything else is a finding */
export async function auditLedger(options: AuditOptions): Promise<AuditReport> {
  return new Audit(options).run();
}

class Audit {
  readonly #options: AuditOptions;
  readonly #findings: AuditFinding[] = [];
  #signatureCount = 0;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  async run(): Promise<AuditReport> {
    const { disk, folder, secrets, begin } = this.#options;
    const at = { disk, folder };
    const plan = await this.#guarded(() => planChunks(at));
    const bytesTotal = plan && this.#options.onProgress ? await totalBytes(at, plan) : 0;
    const walk = new LedgerWalk({
      at,
      plan: plan ?? { chunks: [], unfinished: [] },
      begin,
      rootsHeld: this.#options.onBatch ? rootsHeld : 0,
      ...(secrets ? { secrets } : {}),
      onBatch: (batch) => this.#takeBatch(batch, walk, bytesTotal),
    });
    if (plan) await this.#guarded(() => walk.run());
    this.#checkEnd(walk, plan);
    const { signed } = walk.verifier;
    return {
      isSound: this.#findings.length === 0,
      lastSigned: signed.id,
      entryCount: walk.entryCount,
      signatureCount: this.#signatureCount,
      fileCount: plan?.chunks.length ?? 0,
      views: walk.verifier.signedViews(),
      findings: this.#findings,
      unchecked: [
        ...(begin ? [gapBefore(begin)] : []),
        ...(secrets ? [] : gapsWithoutSecrets(walk, begin)),
        gapBehindEnd(signed.id),
      ],
    };
  }

  async #guarded<Value>(act: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'LedgerDamaged') throw error;
      const { file, seqno } = error.metadata;
      this.#report({
        code: 'LedgerDamaged',
        file: typeof file === 'string' ? file : undefined,
        seqno: typeof seqno === 'number' ? seqno : undefined,
        sentence: error.message,
      });
      return undefined;
    }
  }

  async #takeBatch(
    batch: readonly VerifiedEntry[],
    walk: LedgerWalk,
    bytesTotal: number,
  ): Promise<void> {
    this.#checkBatch(batch, walk);
    const { onBatch, onProgress } = this.#options;
    const file = present(walk.file, 'a batch is read from a file');
    await onBatch?.(batch, { file, rootAt: (seqno) => walk.verifier.rootAt(seqno) });
    const { entryCount, entryBytes: bytesRead } = walk;
    onProgress?.({ file, entryCount, bytesRead, bytesTotal });
  }

  #checkBatch(batch: readonly VerifiedEntry[], walk: LedgerWalk): void {
    const closing = batch.at(-1);
    const certificate = walk.verifier.service?.certificate;
    if (!closing?.signature || !certificate) return;
    this.#signatureCount += 1;
    const issuedAtMs = closing.signature.issuedAtSeconds * 1000;
    if (issuedAtMs >= certificate.notBeforeMs && issuedAtMs <= certificate.notAfterMs) return;
    this.#report({
      code: 'SignedOutsideValidity',
      file: walk.file,
      seqno: closing.entry.id.seqno,
      sentence:
        'By its own date the signature was made while the service certificate was not valid.',
    });
  }

  #checkEnd(walk: LedgerWalk, plan: ChunkPlan | undefined): void {
    const { cuts, unfinished } = walk;
    for (const tail of cuts) {
      const { file, seqno, brokenSeqno, bytes, reason } = tail;
      const sentence = `The last ${bytes} bytes, from entry ${seqno} on, are covered by no signature: ${reason}`;
      this.#report({ code: 'TailUnsigned', file, seqno: brokenSeqno, sentence });
    }
    if (unfinished) {
      const sentence = 'The last signature ends its file, which has no positions table.';
      this.#report({ code: 'ChunkUnfinished', ...unfinished, sentence });
    }
    const ended = 'The file bears the mark of a recovery that has ended: its renaming is not done.';
    const open = 'The file is of a recovery that never ended; it is not part of the ledger.';
    const marked = plan?.chunks.filter(({ isRecovery }) => isRecovery) ?? [];
    for (const name of [...marked, ...(plan?.unfinished ?? [])]) {
      const [file, seqno] = [formatChunkName(name), name.start];
      const sentence = marked.includes(name) ? ended : open;
      this.#report({ code: 'RecoveryUnfinished', file, seqno, sentence });
    }
    const { signed } = walk.verifier;
    if (signed.id.seqno === 0 && this.#findings.length === 0) {
      const sentence = 'The folder holds no signed ledger.';
      this.#report({ code: 'LedgerEmpty', file: undefined, seqno: undefined, sentence });
    }
    this.#checkContained(walk);
  }

  #checkContained(walk: LedgerWalk): void {
    const { mustContain } = this.#options;
    if (!mustContain) return;
    const { signed } = walk.verifier;
    const view = walk.verifier
      .signedViews()
      .findLast(({ firstSeqno }) => firstSeqno <= mustContain.seqno)?.view;
    if (mustContain.seqno <= signed.id.seqno && view === mustContain.view) return;
    const isShort = compareTransactionIds(mustContain, signed.id) > 0;
    const reason = isShort ? 'ends before it' : 'holds another entry there';
    this.#report({
      code: 'LedgerTooShort',
      file: undefined,
      seqno: mustContain.seqno,
      sentence: `${formatTransactionId(mustContain)} was promised, and the ledger ${reason}.`,
    });
  }

  #report(finding: AuditFinding): void {
    if (this.#findings.length < findingsMax) this.#findings.push(finding);
  }
}

/** @throws DiskFault */
async function totalBytes(at: LedgerFolder, plan: ChunkPlan): Promise<number> {
  let total = 0;
  for (const name of plan.chunks) {
    const file = await at.disk.open(chunkPath(at, name), { create: false });
    try {
      total += await file.size();
    } finally {
      await file.close();
    }
  }
  return total;
}

/** What a snapshot stands for: its outcome is proven, not the way there. */
function gapBefore({ id }: LedgerBegin): AuditGap {
  return {
    file: undefined,
    firstSeqno: 1,
    lastSeqno: id.seqno,
    sentence:
      'The entries before the snapshot that the files begin with: what they came to is signed with the rest, they themselves are not here.',
  };
}

/** What no file can show: that it once was longer. */
function gapBehindEnd(signed: TransactionId): AuditGap {
  const next = signed.seqno + 1;
  return {
    file: undefined,
    firstSeqno: next,
    lastSeqno: next,
    sentence:
      'Whether the ledger went on: files cut behind a signature are an older ledger, whole in itself. Compare with an id that somebody remembers.',
  };
}

/** What holding the ledger secrets would prove besides. */
function gapsWithoutSecrets(walk: LedgerWalk, begin: LedgerBegin | undefined): readonly AuditGap[] {
  const lastSeqno = walk.verifier.signed.id.seqno;
  if (lastSeqno === 0) return [];
  const newest = walk.chunks.at(-1);
  const file = newest ? formatChunkName(newest.name) : undefined;
  return [
    {
      file: undefined,
      firstSeqno: begin?.id.seqno ?? 1,
      lastSeqno,
      sentence: 'Whether private parts decrypt: the signatures cover them as ciphertext only.',
    },
    {
      file,
      firstSeqno: lastSeqno,
      lastSeqno,
      sentence:
        'GCM tag and commit evidence digest of the last signature entry, which no later signature covers.',
    },
  ];
}
