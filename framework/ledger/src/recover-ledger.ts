/**
 * Reads a ledger back after its service has stopped. First the public part, which needs no key:
 * structure, hashes, Merkle roots, the signatures that cover them. Then `truncate` cuts what no
 * signature covers, `openFiles` gives the files to the recovered service, and `replayPrivate`, once the members have
 * brought the ledger secrets, decrypts and authenticates every entry.
 *
 * The host may change files between two reads: each pass verifies everything again, and the second
 * must end at the same Merkle root.
 */
import {
  asSeqno,
  equalBytes,
  LedgerError,
  type Seqno,
  type TransactionId,
  type View,
} from '@coco/base';
import type { MerkleTree } from '@coco/merkle';
import {
  type ChunkRecord,
  chunkHeaderBytes,
  chunkPath,
  type LedgerFolder,
  OpenChunk,
} from './chunk-file.ts';
import { formatChunkName } from './chunk-name.ts';
import { type ChunkPlan, planChunks } from './chunk-plan.ts';
import { entryFlag } from './entry.ts';
import { ledgerError } from './errors.ts';
import type { LedgerBegin } from './ledger-begin.ts';
import { LedgerFiles } from './ledger-files.ts';
import type { LedgerFilesState } from './ledger-files-state.ts';
import type { LedgerSecrets } from './ledger-secrets.ts';
import type { SignedState, ViewStart } from './ledger-verifier.ts';
import { type BatchVisitor, type LedgerTail, LedgerWalk } from './ledger-walk.ts';
import type { ServiceState } from './service-history.ts';
import type { SignerNames } from './signature-entry.ts';
import type { SignatureIndex } from './signature-index.ts';

export interface RecoverOptions extends LedgerFolder {
  /** The snapshot that the files begin with, as findBegin found it; the first entry by default. */
  readonly begin?: LedgerBegin | undefined;
  /** Takes the public writes of each batch whose signature verified, in order. */
  readonly onBatch?: BatchVisitor;
  /**
   * The operator's decision after a LedgerDamaged in the newest file: cut it from the first broken
   * entry on, although acknowledged entries may be lost.
   */
  readonly isTailLossAccepted?: boolean;
  /**
   * What another reading of the same files has verified: signatures are then not verified again,
   * and files that end at another seqno or root are LedgerDamaged.
   */
  readonly verified?: { readonly seqno: Seqno; readonly root: Uint8Array };
}

/**
 * Reads and verifies the public part: every hash, and the last signature of each service identity,
 * whose root covers all before it. Changes nothing. What `onBatch` took counts once this resolves.
 * @throws LedgerDamaged naming file and seqno, DiskFault
 */
export async function recoverLedger(options: RecoverOptions): Promise<RecoveredLedger> {
  const { disk, folder, onBatch, isTailLossAccepted = false, verified, begin } = options;
  const at = { disk, folder };
  const plan = await planChunks(at);
  const shared = { at, plan, begin, ...(onBatch ? { onBatch } : {}) };
  if (isTailLossAccepted) {
    const walk = new LedgerWalk({ ...shared, isTailLossAccepted });
    await walk.run();
    return new RecoveredLedger(shared, walk);
  }
  const signatures = verified ? 'none' : 'last';
  const walk = new LedgerWalk({ ...shared, signatures });
  try {
    await walk.run();
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code === 'DiskFault') throw error;
    // Damage is named by the first signature that it breaks: the slow walk finds that.
    await new LedgerWalk({ at, plan, begin }).run();
    throw error;
  }
  const recovered = new RecoveredLedger(shared, walk);
  if (verified) assertSame(recovered, verified);
  return recovered;
}

function assertSame(
  recovered: RecoveredLedger,
  verified: { readonly seqno: Seqno; readonly root: Uint8Array },
): void {
  const { seqno } = recovered.lastId;
  if (seqno === verified.seqno && equalBytes(recovered.root, verified.root)) return;
  throw ledgerError('LedgerDamaged', 'The files changed between two reads.', { seqno });
}

interface ReadFrom {
  readonly at: LedgerFolder;
  readonly plan: ChunkPlan;
  readonly begin: LedgerBegin | undefined;
}

export class RecoveredLedger {
  /** The last entry before these files: 0, or that of the snapshot which they begin with. */
  readonly beginsAfter: Seqno;
  /** What the last signature proves; seqno 0 when nothing was ever signed. */
  readonly signed: SignedState;
  /** The highest view in any entry seen, also in what is cut: the next view must exceed it. */
  readonly highestView: View;
  /** Views with their first seqnos. */
  readonly views: readonly ViewStart[];
  /** What `truncate` cuts: the newest file's torn or unsigned tail, and half-written tables. */
  readonly cuts: readonly LedgerTail[];
  /** Files of an unfinished recovery, which `truncate` removes. */
  readonly unfinishedFiles: readonly string[];
  /** The tree up to the last signature; for the sequencer that goes on. */
  readonly tree: MerkleTree;
  /** The root of that tree, the last signature's leaf included. */
  readonly root: Uint8Array;
  readonly #at: LedgerFolder;
  readonly #plan: ChunkPlan;
  readonly #begin: LedgerBegin | undefined;
  readonly #chunks: ChunkRecord[];
  readonly #signatures: SignatureIndex;
  #isTruncated = false;

  constructor({ at, plan, begin }: ReadFrom, walk: LedgerWalk) {
    this.#at = at;
    this.#plan = plan;
    this.#begin = begin;
    this.beginsAfter = begin?.id.seqno ?? asSeqno(0);
    this.#chunks = walk.chunks;
    this.#signatures = walk.signatures;
    this.signed = walk.verifier.signed;
    this.views = walk.verifier.signedViews();
    this.highestView = walk.highestView;
    this.cuts = walk.cuts;
    this.unfinishedFiles = plan.unfinished.map(formatChunkName);
    this.tree = walk.verifier.takeTree();
    this.root = this.tree.root();
  }

  /** The last signed id: where the recovered service goes on. */
  get lastId(): TransactionId {
    return this.signed.id;
  }

  /** How the service called itself in its signatures. */
  get signerNames(): SignerNames {
    return this.signed.names;
  }

  /** The service as it was; undefined when nothing was ever signed. */
  get service(): ServiceState | undefined {
    return this.signed.service;
  }

  /**
   * Makes the files hold the signed ledger and nothing else: removes an unfinished recovery, cuts
   * the tail, finishes an interrupted renaming. Durable when it resolves. @throws DiskFault
   */
  async truncate(): Promise<void> {
    const { disk, folder } = this.#at;
    const { unfinished, doubled = [] } = this.#plan;
    for (const name of [...doubled, ...unfinished.toReversed()]) {
      await disk.remove(chunkPath(this.#at, name));
      await disk.syncFolder(folder);
    }
    for (const cut of this.cuts) await this.#cut(cut);
    for (let index = this.#chunks.length - 1; index >= 0; index--) await this.#settle(index);
    await disk.syncFolder(folder);
    this.#isTruncated = true;
  }

  /** The files, ready for the recovered service; call `truncate` before. */
  openFiles(): LedgerFiles {
    return this.#files({ chunks: this.#chunks, isRecovery: true });
  }

  /**
   * The files, ready for a node of the service that wrote them and lives: its newest chunk grows
   * on. Call `truncate` before. @throws DiskFault
   */
  async continueFiles(): Promise<LedgerFiles> {
    const newest = this.#chunks.at(-1);
    if (!newest?.positions) return this.#files({ chunks: this.#chunks, isRecovery: false });
    const { name, positions, entriesEnd: size } = newest;
    const file = await this.#at.disk.open(chunkPath(this.#at, name), { create: false });
    const open = new OpenChunk({ name, file, size, positions: [...positions] });
    return this.#files({ chunks: this.#chunks.slice(0, -1), open, isRecovery: false });
  }

  #files(
    state: Pick<LedgerFilesState, 'chunks' | 'isRecovery'> & { readonly open?: OpenChunk },
  ): LedgerFiles {
    if (!this.#isTruncated) {
      throw ledgerError('LedgerUnwritable', 'The recovered files are not truncated yet.');
    }
    const { seqno } = this.lastId;
    const next = asSeqno(seqno + 1);
    const signatures = this.#signatures;
    const begin = asSeqno(this.beginsAfter + 1);
    return new LedgerFiles(this.#at, { ...state, begin, next, committed: seqno, signatures });
  }

  /**
   * Reads the ledger again up to the last signed id, with the secrets: every GCM tag and commit
   * evidence is checked, and `onBatch` gets whole write sets.
   * @throws LedgerDamaged with file and seqno, DiskFault
   */
  async replayPrivate(secrets: LedgerSecrets, onBatch: BatchVisitor): Promise<void> {
    const until: Seqno = this.lastId.seqno;
    if (until === 0) return;
    const plan = { chunks: this.#chunks.map(({ name }) => name), unfinished: [] };
    // Signatures were verified; that this reading is of the same bytes, its root will show.
    const signatures = 'none';
    const shared = { at: this.#at, plan, begin: this.#begin, secrets };
    const walk = new LedgerWalk({ ...shared, onBatch, until, signatures });
    await walk.run();
    const { signed } = walk.verifier;
    if (signed.id.seqno !== until || !equalBytes(walk.verifier.takeTree().root(), this.root)) {
      const file = formatChunkName(
        plan.chunks.at(-1) ?? {
          start: asSeqno(1),
          last: undefined,
          isCommitted: false,
          isRecovery: false,
        },
      );
      throw ledgerError('LedgerDamaged', 'The files changed between two reads.', {
        file,
        seqno: signed.id.seqno,
      });
    }
  }

  async #cut(tail: LedgerTail): Promise<void> {
    const path = `${this.#at.folder}/${tail.file}`;
    if (tail.position === 0) return this.#at.disk.remove(path);
    const file = await this.#at.disk.open(path, { create: false });
    // A crash may have torn the header too; it says again that there is no table.
    await file.write(0, new Uint8Array(chunkHeaderBytes));
    await file.truncate(tail.position);
    await file.datasync();
    await file.close();
  }

  /** Gives a chunk the name and the table that it would have had without the crash. */
  async #settle(index: number): Promise<void> {
    const chunk = this.#chunks[index] as ChunkRecord;
    const isNewest = index === this.#chunks.length - 1;
    const isEnded = !isNewest || (this.signed.flags & entryFlag.chunkAfter) !== 0;
    const name = { ...chunk.name, isRecovery: false, ...(isEnded ? { last: chunk.last } : {}) };
    if (chunk.positions && isEnded) {
      const file = await this.#at.disk.open(chunkPath(this.#at, chunk.name), { create: false });
      const { entriesEnd: size, positions } = chunk;
      await new OpenChunk({ name: chunk.name, file, size, positions }).complete();
      await file.close();
    }
    const settled = { ...chunk, name, positions: isEnded ? undefined : chunk.positions };
    if (formatChunkName(name) !== formatChunkName(chunk.name)) {
      await this.#at.disk.rename(chunkPath(this.#at, chunk.name), chunkPath(this.#at, name));
      await this.#at.disk.syncFolder(this.#at.folder);
    }
    this.#chunks[index] = settled;
  }
}
