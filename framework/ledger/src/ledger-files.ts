/**
 * The ledger's chunk files as the replica worker writes and reads them. `append` writes, `flush`
 * makes durable: only then may a batch be acknowledged. `commit` renames complete chunks whose
 * entries are all committed. Source of names and layout: docs/formats/ledger.md section 1.
 *
 * Calls are carried out one after another in the order they are made. The first failing write
 * poisons the object: what the files hold is then unknown, every later write is refused with
 * LedgerUnwritable, and the node must stop and recover. Reads go on; over a patient disk a write
 * that has no room does not fail but waits, and reads go on then, too.
 */
import { asSeqno, assert, present, type Seqno } from '@coco/base';
import {
  type ChunkRecord,
  chunkPath,
  endsChunk,
  entryPositions,
  type LedgerFolder,
  OpenChunk,
  tableBounds,
} from './chunk-file.ts';
import { formatChunkName } from './chunk-name.ts';
import { entryBytesMax, entryFlag, entryId } from './entry.ts';
import { type EntryRange, EntryReader } from './entry-reader.ts';
import { ledgerError } from './errors.ts';
import type { LedgerFilesState } from './ledger-files-state.ts';
import { moveChunks, type OlderChunks } from './move-chunks.ts';
import type { SignatureIndex } from './signature-index.ts';
import { TaskQueue } from './task-queue.ts';

/** Bytes that one `readEntries` answers with at most, unless one entry alone is larger. */
export const readBytesMax: number = entryBytesMax;

/** A body of entries to append, as consensus hands it over. */
export interface BatchBody {
  readonly firstSeqno: Seqno;
  readonly body: Uint8Array;
}

export class LedgerFiles {
  readonly #at: LedgerFolder;
  /** Invariant: ascending, without gaps, up to the open chunk. */
  readonly #chunks: ChunkRecord[];
  readonly #signatures: SignatureIndex;
  readonly #reader: EntryReader;
  #open: OpenChunk | undefined;
  /** Invariant: <= next. Entries before it are in the snapshot that the node began from. */
  #begin: Seqno;
  #next: Seqno;
  #committed: Seqno;
  #isRecovery: boolean;
  /** Whether a chunk was created, renamed or removed since the folder was flushed. */
  #isFolderDirty = false;
  #failure: unknown;
  readonly #queue = new TaskQueue();

  constructor(at: LedgerFolder, state: LedgerFilesState) {
    this.#at = at;
    this.#reader = new EntryReader(at);
    this.#chunks = [...state.chunks];
    this.#open = state.open;
    this.#begin = state.begin ?? asSeqno(1);
    this.#next = state.next;
    this.#committed = state.committed;
    this.#signatures = state.signatures;
    this.#isRecovery = state.isRecovery;
  }

  /** The seqno that the next appended entry must have. */
  get next(): Seqno {
    return this.#next;
  }

  get committed(): Seqno {
    return this.#committed;
  }

  /** The first entry that is here, or will be. */
  get begin(): Seqno {
    return this.#begin;
  }

  /** Whether the next entry begins a chunk. */
  get isAtChunkEnd(): boolean {
    return this.#open === undefined;
  }

  /** Where the first chunk ends, once it is complete and committed. */
  get firstChunkEnd(): Seqno | undefined {
    const [first] = this.#chunks;
    return first?.name.isCommitted === true ? first.last : undefined;
  }

  /** The disk's files with chunks, oldest first. */
  get fileNames(): readonly string[] {
    const open = this.#open ? [formatChunkName(this.#open.name)] : [];
    return [...this.#chunks.map(({ name }) => formatChunkName(name)), ...open];
  }

  /** The files of an empty ledger begin behind a snapshot: the next entry is the one after it. */
  startAfter(snapshot: Seqno): Promise<void> {
    return this.#write(async () => {
      assert(this.#next === this.#begin && !this.#open, 'only files without entries begin anew');
      assert(snapshot + 1 >= this.#begin, 'files begin later, not earlier');
      this.#begin = asSeqno(snapshot + 1);
      this.#next = this.#begin;
      this.#committed = snapshot;
    });
  }

  /**
   * Takes the files that hold everything before `begin`, complete and committed, out of the folder
   * that they were written in. Their last chunk may go on where the first one of these ends: then
   * it takes its place. Newest first: what is there after a crash has no gap.
   */
  adoptOlder(older: OlderChunks): Promise<void> {
    return this.#write(async () => {
      const end = older.chunks.at(-1)?.last ?? 0;
      const isMerged = end >= this.#begin;
      assert(!isMerged || end === this.firstChunkEnd, 'a chunk ends where it ends elsewhere');
      assert(isMerged || end === this.#begin - 1, 'older files end where these begin');
      await this.#reader.close();
      const replaced = isMerged ? present(this.#chunks.shift(), 'it ends there').name : undefined;
      await moveChunks(this.#at, older, replaced);
      this.#chunks.unshift(...older.chunks);
      this.#signatures.prepend(older.signatures);
      this.#begin = asSeqno(1);
    });
  }

  /** Ends this object: the files are another's now. All of them are complete and committed. */
  async release(): Promise<OlderChunks> {
    assert(!this.#open, 'files that are handed over are complete');
    await this.close();
    return { folder: this.#at.folder, chunks: this.#chunks, signatures: this.#signatures };
  }

  /** Writes batches that follow one another. Not durable before `flush`. */
  append(batches: readonly BatchBody[]): Promise<void> {
    return this.#write(async () => {
      for (const batch of batches) await this.#appendOne(batch);
    });
  }

  /** fdatasync of the open chunk, and of the folder where names changed. */
  flush(): Promise<void> {
    return this.#write(async () => {
      if (this.#open) await this.#open.file.datasync();
      await this.#flushFolder();
    });
  }

  /** Everything up to `seqno` is committed: renames the complete chunks it covers. */
  commit(seqno: Seqno): Promise<void> {
    return this.#write(async () => {
      assert(seqno < this.#next, 'what commits was appended');
      if (seqno <= this.#committed) return;
      this.#committed = seqno;
      for (let at = this.#chunks.length - 1; at >= 0; at--) {
        const chunk = present(this.#chunks[at], 'the index is in the list');
        if (chunk.name.isCommitted || chunk.name.last === undefined) break;
        // Files of the service before keep their names, by which they are read, until it holds.
        if (this.#isRecovery && !chunk.name.isRecovery) break;
        if (chunk.last <= seqno) await this.#rename(at, { ...chunk.name, isCommitted: true });
      }
      await this.#flushFolder();
    });
  }

  /** Drops the entries after `seqno`, which consensus replaces. Durable when it resolves. */
  truncateAfter(seqno: Seqno): Promise<void> {
    return this.#write(async () => {
      assert(seqno >= this.#committed, 'what is committed is never cut');
      if (seqno + 1 >= this.#next) return;
      // First: what is read while the disk is waited for must not be what goes.
      this.#signatures.truncate(seqno);
      this.#next = asSeqno(seqno + 1);
      await this.#reader.close();
      if (this.#open && this.#open.name.start > seqno) await this.#removeOpen();
      for (let last = this.#chunks.at(-1); last && last.last > seqno; last = this.#chunks.at(-1)) {
        await this.#dropOrReopen(last, seqno);
      }
      if (this.#open && this.#open.next > seqno + 1) await this.#open.truncate(asSeqno(seqno + 1));
      await this.#flushFolder();
    });
  }

  /**
   * The recovered service has opened: its files lose the recovery marker, and the last file of the
   * service before it, which ended wherever that service died, is completed. From here on the
   * recovery holds. Newest first: a crash between leaves a state that shows that it was decided.
   */
  endRecovery(): Promise<void> {
    return this.#write(async () => {
      if (!this.#isRecovery) return;
      if (this.#open) await this.#open.file.datasync();
      await this.#flushFolder();
      if (this.#open) {
        await this.#open.rename(this.#at, { ...this.#open.name, isRecovery: false });
        await this.#at.disk.syncFolder(this.#at.folder);
      }
      for (let at = this.#chunks.length - 1; at >= 0; at--) {
        const { name } = present(this.#chunks[at], 'the index is in the list');
        if (!name.isRecovery) continue;
        await this.#rename(at, { ...name, isRecovery: false });
        await this.#flushFolder();
      }
      await this.#completeOldChunks();
      this.#isRecovery = false;
    });
  }

  /**
   * The bytes of the entries first..last, or of as many from `first` on as fit `bytesMax` (at least
   * one). They come from the host's disk: each is an entry with its seqno, but only its leaf in the
   * Merkle tree proves it. @throws EntryNotFound, LedgerDamaged, DiskFault
   */
  readEntries(
    first: Seqno,
    last: Seqno,
    bytesMax: number = readBytesMax,
  ): Promise<readonly Uint8Array[]> {
    return this.#queue.add('read', async () => {
      if (first < this.#begin || first > last || last >= this.#next) {
        throw ledgerError('EntryNotFound', 'The ledger has no such entries.', { first, last });
      }
      const entries: Uint8Array[] = [];
      let left = bytesMax;
      for (let seqno = first; seqno <= last && left > 0; ) {
        const part = await this.#readChunk({ first: seqno, last, bytesMax: left });
        for (const entry of part) left -= entry.length;
        if (left < 0 && entries.length > 0) break;
        entries.push(...part);
        seqno = asSeqno(seqno + part.length);
      }
      return entries;
    });
  }

  /** The seqno of the last signature up to `seqno`, of those that are here. */
  signatureUpTo(seqno: Seqno): Seqno | undefined {
    return this.#signatures.upTo(seqno);
  }

  /** The seqno of the first signature after `seqno`, if it was appended. */
  signatureAfter(seqno: Seqno): Seqno | undefined {
    return this.#signatures.after(seqno);
  }

  /**
   * The signature entry that covers `seqno`: the first one after it.
   * @throws EntryNotYetHere, ReceiptUnavailable, LedgerDamaged, DiskFault
   */
  async readBatchSignature(seqno: Seqno): Promise<Uint8Array> {
    if (seqno < this.#begin) {
      throw ledgerError('EntryNotYetHere', 'The entry is older than these files.', { seqno });
    }
    const signature = this.#signatures.after(seqno);
    if (signature === undefined) {
      throw ledgerError('ReceiptUnavailable', 'No signature covers the entry yet.', { seqno });
    }
    const [entry] = await this.readEntries(signature, signature);
    return present(entry, 'a read answers with one entry at least');
  }

  /** Room on the disk of the files. @throws DiskFault */
  freeBytes(): Promise<number> {
    return this.#at.disk.freeBytes(this.#at.folder);
  }

  /** While a write waits for room: reads are served until `again` resolves. */
  serveReads(again: Promise<void>): Promise<void> {
    return this.#queue.lendTurn(again);
  }

  /** Closes the files; what was not flushed may be lost. */
  close(): Promise<void> {
    return this.#queue.add('change', async () => {
      await this.#reader.close();
      await this.#open?.file.close();
      this.#failure ??= ledgerError('LedgerUnwritable', 'The ledger files are closed.');
    });
  }

  async #appendOne(batch: BatchBody): Promise<void> {
    const { body, firstSeqno } = batch;
    assert(firstSeqno === this.#next, 'a batch follows the last one');
    const positions = entryPositions(body);
    const id = entryId(body);
    assert(id.seqno === firstSeqno, 'the entries of a batch have the seqnos it states');
    const beginsChunk = ((body[1] as number) & entryFlag.chunkBefore) !== 0;
    // The service before a recovery stopped in its chunk; here it is followed beyond that.
    if (beginsChunk && this.#open) await this.#completeOpen();
    if (!this.#open) {
      const name = { start: firstSeqno, last: undefined, isCommitted: false };
      this.#open = await OpenChunk.create(this.#at, { ...name, isRecovery: this.#isRecovery });
      this.#isFolderDirty = true;
    }
    await this.#open.append(body);
    this.#next = asSeqno(firstSeqno + positions.length);
    this.#signatures.add(asSeqno(this.#next - 1));
    if (endsChunk(body, positions)) await this.#completeOpen();
  }

  async #completeOpen(): Promise<void> {
    const open = present(this.#open, 'a chunk that ends is open');
    await open.complete();
    const record = open.record({ isComplete: true });
    await this.#at.disk.rename(chunkPath(this.#at, open.name), chunkPath(this.#at, record.name));
    this.#chunks.push(record);
    this.#open = undefined;
    this.#isFolderDirty = true;
    // Last: up to here the chunk is read by this handle.
    await open.file.close();
  }

  /** Gives the chunks of the service before a recovery their table and their committed name. */
  async #completeOldChunks(): Promise<void> {
    const { disk } = this.#at;
    for (let at = this.#chunks.length - 1; at >= 0; at--) {
      const chunk = present(this.#chunks[at], 'the index is in the list');
      if (chunk.name.isCommitted || chunk.last > this.#committed) continue;
      if (chunk.positions) {
        const file = await disk.open(chunkPath(this.#at, chunk.name), { create: false });
        const { name, entriesEnd: size, positions } = chunk;
        await new OpenChunk({ name, file, size, positions }).complete();
        await file.close();
      }
      await this.#rename(at, { ...chunk.name, last: chunk.last, isCommitted: true });
    }
    await this.#flushFolder();
  }

  /** The last complete chunk lies behind the cut, or holds it: then it grows again. */
  async #dropOrReopen(chunk: ChunkRecord, seqno: Seqno): Promise<void> {
    const { disk, folder } = this.#at;
    assert(!chunk.name.isCommitted, 'a committed chunk is never cut');
    if (chunk.name.start > seqno) {
      this.#chunks.pop();
      await disk.remove(chunkPath(this.#at, chunk.name));
      await disk.syncFolder(folder);
      return;
    }
    const name = { ...chunk.name, last: undefined };
    const file = await disk.open(chunkPath(this.#at, chunk.name), { create: false });
    const { first, last } = { first: chunk.name.start, last: chunk.last };
    const bounds = chunk.positions
      ? [...chunk.positions]
      : (await tableBounds(file, chunk, { first, last })).slice(0, -1);
    await disk.rename(chunkPath(this.#at, chunk.name), chunkPath(this.#at, name));
    this.#chunks.pop();
    this.#open = new OpenChunk({ name, file, size: chunk.entriesEnd, positions: bounds });
    await disk.syncFolder(folder);
  }

  async #removeOpen(): Promise<void> {
    const open = present(this.#open, 'the open chunk is removed');
    this.#open = undefined;
    await open.file.close();
    await this.#at.disk.remove(chunkPath(this.#at, open.name));
    await this.#at.disk.syncFolder(this.#at.folder);
  }

  async #rename(at: number, name: ChunkRecord['name']): Promise<void> {
    const chunk = present(this.#chunks[at], 'the index is in the list');
    await this.#at.disk.rename(chunkPath(this.#at, chunk.name), chunkPath(this.#at, name));
    const positions = name.last === undefined ? chunk.positions : undefined;
    this.#chunks[at] = { ...chunk, name, positions };
    this.#isFolderDirty = true;
  }

  async #flushFolder(): Promise<void> {
    if (!this.#isFolderDirty) return;
    await this.#at.disk.syncFolder(this.#at.folder);
    this.#isFolderDirty = false;
  }

  #readChunk(range: EntryRange): Promise<readonly Uint8Array[]> {
    const { first } = range;
    if (this.#open && this.#open.name.start <= first)
      return this.#reader.readOpen(this.#open, range);
    const chunk = this.#chunks.findLast(({ name }) => name.start <= first);
    return this.#reader.readClosed(present(chunk, 'every appended entry is in a chunk'), range);
  }

  /** A change of the files: refused after a failure, and poisoning when it fails itself. */
  #write(change: () => Promise<void>): Promise<void> {
    return this.#queue.add('change', async () => {
      if (this.#failure !== undefined) {
        const message = 'The ledger files failed before and take no more writes.';
        throw ledgerError('LedgerUnwritable', message, {}, this.#failure);
      }
      try {
        await change();
      } catch (failure) {
        this.#failure = failure;
        throw failure;
      }
    });
  }
}
