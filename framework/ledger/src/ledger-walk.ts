/**
 * Reads a whole ledger from its files and verifies it: the one way that recovery, audit and private
 * replay share. Bounded memory: one window of a file, one batch, one tree between two signatures.
 */
import { asSeqno, asView, LedgerError, refuse, type Seqno, type View } from '@coco/base';
import type { ChunkRecord, LedgerFolder } from './chunk-file.ts';
import { type ChunkName, formatChunkName } from './chunk-name.ts';
import type { ChunkPlan } from './chunk-plan.ts';
import { ChunkScanner } from './chunk-scanner.ts';
import { batchBytesMax, entryFlag } from './entry.ts';
import { ledgerError } from './errors.ts';
import { isEvidence, type LedgerBegin, verifierStart } from './ledger-begin.ts';
import type { LedgerSecrets } from './ledger-secrets.ts';
import { LedgerVerifier, type SignatureChecks, type VerifiedEntry } from './ledger-verifier.ts';
import { SignatureIndex } from './signature-index.ts';
import { findWholeSignature, highestViewIn } from './torn-tail.ts';

/**
 * Takes the entries of one batch, in order, once its signature has verified. Where a walk verifies
 * only the last signature, what a visitor took counts when the walk has ended, and not before.
 */
export type BatchVisitor = (batch: readonly VerifiedEntry[]) => void | Promise<void>;

export interface WalkOptions {
  readonly at: LedgerFolder;
  readonly plan: ChunkPlan;
  /** Where the reading begins; the first entry by default. Files before it are not read. */
  readonly begin?: LedgerBegin | undefined;
  /** With them, private parts are decrypted and authenticated too. */
  readonly secrets?: LedgerSecrets;
  readonly onBatch?: BatchVisitor;
  /** `each` by default. */
  readonly signatures?: SignatureChecks;
  /** Stops behind the signature with this seqno. */
  readonly until?: Seqno;
  /**
   * An operator's decision: what does not verify in the newest file is cut as if it were torn,
   * although acknowledged entries may be lost with it.
   */
  readonly isTailLossAccepted?: boolean;
  /** How many leaves the verifier keeps for `rootAt` beside those that signatures need. */
  readonly rootsHeld?: number;
}

/** The end of the newest file that no signature covers: torn by a crash, or not signed yet. */
export interface LedgerTail {
  readonly file: string;
  /** The first seqno that is cut. */
  readonly seqno: Seqno;
  /** Where it broke off: this seqno or a later one. */
  readonly brokenSeqno: Seqno;
  readonly position: number;
  readonly bytes: number;
  readonly reason: string;
  /** Whether it holds what was signed, and goes by an operator's decision alone. */
  readonly isLoss: boolean;
}

/**
 * How far a view in the tail may lie above the last one signed: elections that led to no signature.
 * Nothing proves a tail, and the next view must exceed it: without a bound, whoever has the files
 * could use up all 2^31 views of a service.
 */
const viewLeapMax = 1_000_000;

/** Where the newest file stops to hold entries, and why. */
interface Break {
  readonly position: number;
  readonly error: LedgerError;
  /** Whether a whole entry stands there, which does not verify. */
  readonly isWhole: boolean;
}

export class LedgerWalk {
  readonly verifier: LedgerVerifier;
  readonly chunks: ChunkRecord[] = [];
  readonly signatures: SignatureIndex = new SignatureIndex();
  readonly #options: WalkOptions;
  readonly #cuts: LedgerTail[] = [];
  #file: string | undefined;
  #highestView = 0;
  #entryCount = 0;
  #entryBytes = 0;
  #batch: VerifiedEntry[] = [];
  #batchBytes = 0;
  /** Whether the transaction was read that vouches for the snapshot which the reading began with. */
  #hasEvidence = false;

  constructor(options: WalkOptions) {
    this.#options = options;
    const { secrets, signatures = 'each', rootsHeld = 0, begin } = options;
    this.verifier = new LedgerVerifier({
      signatures,
      rootsHeld,
      ...(secrets ? { secrets } : {}),
      ...(begin ? { start: verifierStart(begin) } : {}),
    });
    this.#highestView = begin?.id.view ?? 0;
  }

  /** The file being read, for who looks on. */
  get file(): string | undefined {
    return this.#file;
  }

  /** What has to be cut: the newest file's tail, and half a table of an older file. */
  get cuts(): readonly LedgerTail[] {
    return this.#cuts;
  }

  /**
   * The newest file, where its last signature ends it but its positions table is missing: a crash
   * between two writes, or a changed flag.
   */
  get unfinished(): { readonly file: string; readonly seqno: Seqno } | undefined {
    const newest = this.chunks.at(-1);
    if (!newest?.positions || !this.#isChunkEnded()) return undefined;
    return { file: formatChunkName(newest.name), seqno: newest.last };
  }

  /** The highest view in any entry seen, in the tail too. */
  get highestView(): View {
    return asView(this.#highestView);
  }

  /** Entries that fitted their place, signed or not. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /** Bytes of those entries. */
  get entryBytes(): number {
    return this.#entryBytes;
  }

  /** @throws LedgerDamaged with file and seqno, DiskFault */
  async run(): Promise<void> {
    const { plan, begin } = this.#options;
    const chunks = plan.chunks.filter(({ start }) => start > (begin?.id.seqno ?? 0));
    for (const [index, name] of chunks.entries()) {
      if (this.#isDone()) break;
      const following = chunks[index + 1];
      this.#file = formatChunkName(name);
      const scanner = await this.#open(name);
      try {
        await this.#walkChunk(scanner, following);
      } finally {
        await scanner.close();
      }
    }
    this.verifier.settle();
    if (begin) this.#checkEvidence(begin);
  }

  /** Without it the snapshot that the reading began with is anybody's. */
  #checkEvidence({ id, evidence }: LedgerBegin): void {
    const { signed } = this.verifier;
    if (this.#hasEvidence && signed.id.seqno >= evidence.seqno) return;
    const { seqno } = evidence;
    const message = `The files hold no transaction at ${seqno} that vouches for the snapshot of ${id.seqno}.`;
    throw ledgerError('LedgerDamaged', message, { seqno });
  }

  #isDone(): boolean {
    return (
      this.#options.until !== undefined && this.verifier.signed.id.seqno >= this.#options.until
    );
  }

  async #open(name: ChunkName): Promise<ChunkScanner> {
    if (name.start !== this.verifier.next) {
      throw this.#damaged(name, 'The file does not begin where the one before it ends.');
    }
    try {
      return await ChunkScanner.open(this.#options.at, name);
    } catch (error) {
      throw this.#wrap(name, error);
    }
  }

  async #walkChunk(scanner: ChunkScanner, following: ChunkName | undefined): Promise<void> {
    const { name } = scanner;
    const positions: number[] = [];
    const broken = await this.#walkEntries(scanner, positions, following);
    const isNamedComplete = name.last !== undefined;
    if (isNamedComplete) await this.#checkComplete(scanner, positions, following);
    const isComplete = isNamedComplete || (await this.#isComplete(scanner, positions, following));
    if (!isComplete && following) this.#cutTable(scanner, following);
    if (!isComplete && !following) await this.#cutTail(scanner, positions, broken);
    if (positions.length === 0) return;
    const cut = this.#cuts.find(({ file }) => file === formatChunkName(name));
    this.chunks.push({
      name,
      last: asSeqno(name.start + positions.length - 1),
      entriesEnd: cut?.position ?? scanner.position,
      positions: isComplete ? undefined : positions,
    });
  }

  /**
   * Takes entries until the file ends, `until` is reached, or an open file's successor begins; in
   * the newest open file also until one breaks.
   */
  async #walkEntries(
    scanner: ChunkScanner,
    positions: number[],
    following: ChunkName | undefined,
  ): Promise<Break | undefined> {
    const isLossAccepted = this.#options.isTailLossAccepted === true;
    const isOpen = scanner.name.last === undefined;
    const mayBeTorn = isOpen && !following;
    const end = isOpen ? following?.start : undefined;
    while (this.verifier.next !== end && !this.#isDone()) {
      const { position } = scanner;
      let isWhole = false;
      try {
        const scanned = await scanner.next();
        if (!scanned) return undefined;
        isWhole = true;
        const isChunkStart = positions.length === 0;
        const verified = this.verifier.accept(scanned.bytes, { isChunkStart });
        positions.push(scanned.position);
        await this.#take(verified);
      } catch (error) {
        if (!(error instanceof LedgerError) || error.code === 'DiskFault') throw error;
        if (mayBeTorn && (!isWhole || isLossAccepted)) return { position, error, isWhole };
        throw this.#wrap(scanner.name, error);
      }
    }
    return undefined;
  }

  async #take(verified: VerifiedEntry): Promise<void> {
    const { entry, signature } = verified;
    this.#entryCount += 1;
    this.#entryBytes += entry.bytes.length;
    this.#highestView = Math.max(this.#highestView, entry.id.view);
    this.#batchBytes += entry.bytes.length;
    if (this.#batchBytes > batchBytesMax) {
      throw refuse('InvalidInput', `A batch holds at most ${batchBytesMax} bytes.`);
    }
    const { onBatch, begin } = this.#options;
    if (begin && isEvidence(entry, begin)) this.#hasEvidence = true;
    if (onBatch) this.#batch.push(verified);
    if (!signature) return;
    this.signatures.add(entry.id.seqno);
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    await onBatch?.(batch);
  }

  async #checkComplete(
    scanner: ChunkScanner,
    positions: readonly number[],
    following: ChunkName | undefined,
  ): Promise<void> {
    const { name } = scanner;
    if (this.#isDone() && scanner.position < scanner.entriesEnd) return;
    const last = name.start + positions.length - 1;
    const { signed } = this.verifier;
    if (name.last !== undefined && name.last !== last) {
      const reason = 'The file holds another number of entries than its name says.';
      throw this.#damaged(name, reason, { seqno: last });
    }
    const isEnded = following !== undefined || this.#isChunkEnded();
    if (signed.id.seqno !== last || !isEnded) {
      const reason = 'A complete file does not end on a signature that ends it.';
      throw this.#damaged(name, reason, { seqno: last });
    }
    const wrong = await scanner.findWrongPosition(positions);
    if (wrong === undefined) return;
    throw this.#damaged(name, 'The positions table does not fit the entries.', {
      seqno: name.start + wrong,
    });
  }

  /** Whether a file that still has an open chunk's name has its whole table: the renaming is due. */
  async #isComplete(
    scanner: ChunkScanner,
    positions: readonly number[],
    following: ChunkName | undefined,
  ): Promise<boolean> {
    const { name, position, tableOffset } = scanner;
    const isSigned = this.verifier.signed.id.seqno === name.start + positions.length - 1;
    const isEnded = following !== undefined || this.#isChunkEnded();
    if (positions.length === 0 || tableOffset !== position || !isSigned || !isEnded) return false;
    return (await scanner.findWrongPosition(positions)) === undefined;
  }

  #isChunkEnded(): boolean {
    return (this.verifier.signed.flags & entryFlag.chunkAfter) !== 0;
  }

  /**
   * An older file that has no table yet: the service before a recovery stopped in it. What stands
   * behind its entries is half a table, which a crash left while it was completed.
   */
  #cutTable(scanner: ChunkScanner, following: ChunkName): void {
    const { name, position, size } = scanner;
    if (position === size || this.verifier.next !== following.start) return;
    this.#cuts.push({
      file: formatChunkName(name),
      seqno: following.start,
      brokenSeqno: following.start,
      position,
      bytes: size - position,
      reason: 'The positions table is not whole.',
      isLoss: false,
    });
  }

  /** Everything behind the last signature goes, unless a whole signature shows it is no torn tail. */
  async #cutTail(
    scanner: ChunkScanner,
    positions: number[],
    broken: Break | undefined,
  ): Promise<void> {
    const { name, size } = scanner;
    const { signed, next } = this.verifier;
    const signedCount = Math.max(0, signed.id.seqno + 1 - name.start);
    if (this.#isDone()) return;
    const isLossAccepted = this.#options.isTailLossAccepted === true;
    const isTableEarly = scanner.tableOffset !== 0 && !this.#isChunkEnded();
    if (isTableEarly && !isLossAccepted) {
      const reason = 'The header of a growing file points to a positions table.';
      throw this.#damaged(name, reason, { seqno: name.start });
    }
    const hasTail = broken || signedCount < Math.max(1, positions.length);
    if (!hasTail) return;
    const position = signedCount === 0 ? 0 : (positions[signedCount] ?? broken?.position ?? size);
    const bytes = size - position;
    if (bytes > batchBytesMax && !isLossAccepted) {
      throw this.#damaged(name, 'The tail of the newest file is larger than any batch.');
    }
    const tail = await scanner.rawBytes(position, Math.min(bytes, batchBytesMax));
    const whole = findWholeSignature(tail);
    if (whole && !isLossAccepted) {
      throw this.#damaged(
        name,
        `The file is broken before the whole signature of seqno ${whole.id.seqno}.`,
        broken ? { cause: broken.error } : {},
      );
    }
    const unread = tail.subarray((broken?.position ?? size) - position);
    const highest = [this.#highestView, highestViewIn(unread, next), whole?.id.view ?? 0];
    if (Math.max(...highest) > signed.id.view + viewLeapMax) {
      throw this.#damaged(name, 'The tail states a view that no election can have reached.');
    }
    this.#highestView = Math.max(...highest);
    positions.length = signedCount;
    this.#cuts.push({
      file: formatChunkName(name),
      seqno: asSeqno(signed.id.seqno + 1),
      brokenSeqno: broken ? next : asSeqno(signed.id.seqno + 1),
      position,
      bytes,
      reason: broken?.error.message ?? 'No signature covers the last entries.',
      isLoss:
        isTableEarly || broken?.isWhole === true || bytes > batchBytesMax || whole !== undefined,
    });
    this.#batch = [];
  }

  /** The verifier may blame an earlier entry: its file is named then. */
  #wrap(name: ChunkName, error: unknown): unknown {
    const isOurs = error instanceof LedgerError;
    if (!isOurs || error.code === 'LedgerDamaged' || error.code === 'DiskFault') return error;
    const { seqno } = error.metadata;
    if (typeof seqno !== 'number') return this.#damaged(name, error.message, { cause: error });
    const earlier = this.chunks.findLast((chunk) => chunk.name.start <= seqno);
    const blamed = seqno >= name.start ? name : (earlier?.name ?? name);
    return this.#damaged(blamed, error.message, { seqno, cause: error });
  }

  #damaged(
    name: ChunkName,
    reason: string,
    details: { readonly seqno?: number; readonly cause?: LedgerError } = {},
  ): LedgerError {
    const file = formatChunkName(name);
    const seqno = details.seqno ?? Math.max(this.verifier.next, name.start);
    const message = `${file}, entry ${seqno}: ${reason}`;
    return ledgerError('LedgerDamaged', message, { file, seqno }, details.cause);
  }
}
