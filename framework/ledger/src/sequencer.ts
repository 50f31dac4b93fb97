/**
 * The one writer of a ledger: gives each write set its transaction id, encrypts it, grows the
 * Merkle tree, and closes batches with signature entries. Pure and synchronous; lives on the main
 * thread.
 *
 * The course of a batch: `append` any number of entries; `closeBatch` fixes the root and sets the
 * signature entry's seqno aside; the caller has the input signed (in the pool) while further
 * `append`s go on behind it; `completeBatch` takes the raw signature and gives the batch's bytes.
 * One signature is in the making at a time. A completed batch goes to consensus as it is: if it is
 * dropped there, the same bytes go again, or the view ends and `rollback` follows.
 *
 * What was handed out for seqnos above a rollback must be thrown away by the caller.
 *
 * A node that is not the primary has one too: `follow` takes the batches that others write, so that
 * it stands where the ledger stands when `startView` makes this node the writer.
 */
import {
  asSeqno,
  assert,
  asView,
  concatBytes,
  present,
  type Seqno,
  signatureInput,
  type TransactionId,
  type View,
} from '@coco/base';
import { sha256, sha256Text } from '@coco/crypto';
import type { WriteSet } from '@coco/kv';
import type { MerkleTree } from '@coco/merkle';
import { commitEvidence } from './commit-evidence.ts';
import {
  batchBytesMax,
  encodeEntry,
  entryBytesMax,
  entryFlag,
  leafOf,
  zeroDigest,
} from './entry.ts';
import { ledgerError } from './errors.ts';
import type { LedgerSecrets } from './ledger-secrets.ts';
import type { NonceRule } from './nonce-guard.ts';
import { type OpenedBatch, proveBatch } from './open-batch.ts';
import type { Batch, Closing, Completed, Entry, PendingSignature } from './sealed-batch.ts';
import { type SignerName, signatureHeader, signatureWriteSet } from './signature-entry.ts';

/** CCF's default: a chunk file ends at the first signature after this many bytes. */
export const chunkBytesDefault: number = 5_000_000;

/** A signature entry holds the leaves since the last commit: 2^20 of them are 32 MiB. */
const uncommittedEntriesMax = 2 ** 20 - 2;
/** What an open batch may reach: one more entry and the signature entry must fit a batch. */
const openBytesMax = batchBytesMax - 2 * entryBytesMax;
/** A chunk that ends at the first signature behind this stays below 4 GiB. */
const chunkBytesMost = 2 ** 31;

export interface SequencerOptions {
  readonly view: View;
  /**
   * How the ledger goes on: a new service's or recovered service's first batch holds its creating
   * transaction; any other view begins with a signature entry alone. A node that joins holds
   * nothing yet: everything comes by `follow`.
   */
  readonly start: 'genesis' | 'recovery' | 'view' | 'join';
  /** The tree of everything before, with leaf 0; its size is the next seqno. Owned from here on. */
  readonly tree: MerkleTree;
  readonly secrets: LedgerSecrets;
  readonly guard: NonceRule;
  readonly signer: SignerName;
  /** The last committed signature; 0 in a new ledger. */
  readonly committed: Seqno;
  /** Its view, where the ledger goes on in a service that lives. */
  readonly lastView?: View;
  readonly chunkBytes?: number;
  /** Bytes of entries in the open chunk file so far. */
  readonly openChunkBytes?: number;
}

export class Sequencer {
  readonly #tree: MerkleTree;
  readonly #secrets: LedgerSecrets;
  readonly #guard: NonceRule;
  readonly #signer: SignerName;
  readonly #chunkBytes: number;
  #view: View;
  /** Whether the next batch must be a signature entry alone. */
  #opensView: boolean;
  /** Whether the first entry to come begins a chunk file. */
  #beginsChunk: boolean;
  #isChunkForced = false;
  /** Invariant: tree.size <= next; equal while no signature is in the making. */
  #next: Seqno;
  #committed: Seqno;
  #openEntries: Entry[] = [];
  #openBytes = 0;
  #closing: Closing | undefined;
  /** Bytes of the open chunk file at the last completed batch. */
  #openChunkBytes: number;
  /** Completed batches from the last committed one on, ascending. */
  #completed: Completed[] = [];

  constructor(options: SequencerOptions) {
    const { tree, secrets, start, committed } = options;
    this.#tree = tree;
    this.#secrets = secrets;
    this.#guard = options.guard;
    this.#signer = options.signer;
    this.#chunkBytes = options.chunkBytes ?? chunkBytesDefault;
    assert(this.#chunkBytes <= chunkBytesMost, 'a chunk has at most 2 GiB before its last batch');
    this.#view = options.view;
    this.#opensView = start === 'view' || start === 'join';
    this.#beginsChunk = start === 'recovery';
    this.#next = asSeqno(tree.size);
    this.#committed = committed;
    this.#openChunkBytes = start === 'recovery' ? 0 : (options.openChunkBytes ?? 0);
    assert(this.#next >= 1, 'the tree holds leaf 0, which no entry has');
    assert(committed < this.#next, 'what is committed is in the tree');
    const beginsAtOne = start === 'genesis' || start === 'join';
    assert(beginsAtOne === (this.#next === 1), 'a ledger begins at 1, and only there');
    // A recovery cannot know what the lost service encrypted under its secret after the files it
    // reads end; so it never encrypts under it again.
    const isFresh = secrets.secretFor(this.#next).fromSeqno === this.#next;
    assert(this.#opensView || isFresh, 'a new or recovered service begins with a fresh secret');
    this.#completed.push({
      signatureSeqno: asSeqno(this.#next - 1),
      view: options.lastView ?? asView(0),
      openChunkBytes: this.#openChunkBytes,
    });
  }

  get view(): View {
    return this.#view;
  }

  /** The seqno that the next appended entry gets. */
  get nextSeqno(): Seqno {
    return this.#next;
  }

  get committed(): Seqno {
    return this.#committed;
  }

  /** Entries that are in no closed batch yet, and their bytes. */
  get openEntryCount(): number {
    return this.#openEntries.length;
  }

  get openEntryBytes(): number {
    return this.#openBytes;
  }

  /** The signature in the making, if there is one. */
  get pendingSignature(): PendingSignature | undefined {
    return this.#closing?.pending;
  }

  /** Whether the view still owes its opening signature: nothing can be appended before. */
  get opensView(): boolean {
    return this.#opensView;
  }

  /**
   * A new ledger secret (32 bytes) encrypts from the next entry on. Called when the entry that
   * brings it was appended, so that a rollback of that entry takes the secret away too.
   */
  rekey(fromSeqno: Seqno, key: Uint8Array): void {
    assert(fromSeqno === this.#next, 'a new secret encrypts from the next entry on');
    assert(this.#openEntries.at(-1)?.id.seqno === fromSeqno - 1, 'an entry brings the new secret');
    this.#secrets.add(fromSeqno, key);
  }

  /** Makes the batch that is open end its chunk file whatever its size; a rollback undoes it. */
  forceChunk(): void {
    this.#isChunkForced = true;
  }

  /**
   * Gives a write set its place in the ledger.
   * @throws EntryTooLarge, BatchFull, after which nothing has changed
   */
  append(writeSet: WriteSet, options: { readonly claimsDigest?: Uint8Array } = {}): Entry {
    assert(!this.#opensView, 'a new view begins with a signature entry alone');
    assert(writeSet.maps.length > 0, 'an entry writes something');
    const isFull = this.#next - this.#committed >= uncommittedEntriesMax;
    if (isFull || this.#openBytes > openBytesMax) {
      throw ledgerError('BatchFull', 'Too many entries wait for their signature or for commit.', {
        openBytes: this.#openBytes,
      });
    }
    const id = { view: this.#view, seqno: this.#next };
    const flags = this.#beginsChunk ? entryFlag.chunkBefore : 0;
    const claimsDigest = options.claimsDigest ?? zeroDigest;
    const entry = this.#encode(id, { writeSet, claimsDigest, flags });
    this.#beginsChunk = false;
    this.#next = asSeqno(this.#next + 1);
    this.#openEntries.push(entry);
    this.#openBytes += entry.bytes.length;
    if (!this.#closing) this.#tree.append(entry.leaf);
    return entry;
  }

  /** Closes the open batch and says what to sign. `issuedAtSeconds` is Unix time. */
  closeBatch(issuedAtSeconds: number): PendingSignature {
    assert(!this.#closing, 'one signature is in the making at a time');
    assert(this.#opensView || this.#openEntries.length > 0, 'a batch holds entries');
    assert(this.#tree.size === this.#next, 'every leaf before a signature is in the tree');
    const id = { view: this.#view, seqno: this.#next };
    this.#guard.reserve(this.#secrets.secretFor(id.seqno), id);
    const protectedBytes = signatureHeader(this.#signer, id, issuedAtSeconds);
    const root = this.#tree.root();
    const treeBytes = this.#tree.serialise(this.#committed);
    const input = signatureInput(protectedBytes, root);
    const pending = { id, root, protectedBytes, input, treeBytes };
    const size = this.#openChunkBytes + this.#openBytes + treeBytes.length;
    const isChunkEnd = this.#isChunkForced || size >= this.#chunkBytes;
    this.#closing = { pending, entries: this.#openEntries, isChunkEnd };
    this.#isChunkForced = false;
    this.#opensView = false;
    this.#openEntries = [];
    this.#openBytes = 0;
    this.#next = asSeqno(this.#next + 1);
    return pending;
  }

  /** Takes the signature (r || s) of the pending input and gives the batch. */
  completeBatch(signature: Uint8Array): Batch {
    const { pending, entries, isChunkEnd } = present(this.#closing, 'a signature is in the making');
    this.#closing = undefined;
    const { protectedBytes, id, root, treeBytes } = pending;
    const entry = this.#encode(id, {
      writeSet: signatureWriteSet({ protectedBytes, signature, treeBytes }),
      claimsDigest: zeroDigest,
      flags: isChunkEnd ? entryFlag.chunkAfter : 0,
    });
    this.#tree.append(entry.leaf);
    for (const { leaf } of this.#openEntries) this.#tree.append(leaf);
    assert(this.#tree.size === this.#next, 'the tree has caught up with the entries');
    const body = concatBytes(...entries.map(({ bytes }) => bytes), entry.bytes);
    this.#openChunkBytes = isChunkEnd ? 0 : this.#openChunkBytes + body.length;
    this.#pushCompleted(id.seqno);
    return {
      view: this.#view,
      firstSeqno: entries[0]?.id.seqno ?? id.seqno,
      entryCount: entries.length + 1,
      body,
      digest: sha256(body),
      signatureId: id,
      root,
      isChunkEnd,
    };
  }

  /** The batch that ends at `seqno`, and all before, are committed. */
  commit(seqno: Seqno): void {
    if (seqno <= this.#committed) return;
    const at = this.#completed.findIndex((batch) => batch.signatureSeqno === seqno);
    assert(at >= 0, 'what commits is the end of a completed batch');
    // One batch more than writing needs: the tree that a primary signs may begin before the last.
    this.#tree.forget(this.#committed);
    this.#committed = seqno;
    this.#completed = this.#completed.slice(at);
  }

  /**
   * This node is the writer from here on: everything before is committed and here. The view begins
   * with a signature entry alone.
   */
  startView(view: View): void {
    this.#assertAtRest();
    assert(
      view >= this.#view && view > this.#lastView(),
      'a new view is higher than every old one',
    );
    this.#view = view;
  }

  /**
   * A node that holds nothing stands, from here on, where a ledger that it was given stands: `id`
   * is of the last committed signature, whose leaf is the last of `tree`.
   */
  adopt(place: {
    readonly tree: MerkleTree;
    readonly id: TransactionId;
    /** Bytes of entries in the open chunk file so far. */
    readonly openChunkBytes: number;
  }): void {
    const { tree, id, openChunkBytes } = place;
    this.#assertAtRest();
    assert(this.#committed === 0, 'a node adopts a ledger once, before it holds anything');
    assert(tree.size === id.seqno + 1, 'the tree ends with the leaf of the signature');
    this.#tree.adopt(tree);
    this.#view = asView(Math.max(this.#view, id.view));
    this.#next = asSeqno(id.seqno + 1);
    this.#openChunkBytes = openChunkBytes;
    this.#completed = [];
    this.#pushCompleted(id.seqno, id.view);
    this.commit(id.seqno);
  }

  /** Whether the last committed batch ended its chunk file. */
  get isAtChunkEnd(): boolean {
    return this.#completed[0]?.openChunkBytes === 0;
  }

  /**
   * Takes in a committed batch that another node wrote, or this one before it was deposed, once it
   * is shown that the service signed the tree which this node holds. `spki` is the service's key.
   * @throws BatchUnverified, after which nothing has changed
   */
  follow(batch: OpenedBatch, spki: Uint8Array): void {
    this.#assertAtRest();
    const { view, entries, signature, signatureLeaf, firstSeqno } = batch;
    assert(firstSeqno === this.#next, 'a batch follows the last one');
    for (const { leaf } of entries) this.#tree.append(leaf);
    this.#prove(batch, spki);
    this.#tree.append(signatureLeaf);
    this.#view = asView(Math.max(this.#view, view));
    this.#next = asSeqno(signature.id.seqno + 1);
    assert(this.#tree.size === this.#next, 'the tree has caught up with the batch');
    this.#openChunkBytes = batch.isChunkEnd ? 0 : this.#openChunkBytes + batch.bodyBytes;
    this.#pushCompleted(signature.id.seqno, view);
    this.commit(signature.id.seqno);
  }

  /**
   * Drops everything above `to`, the end of a completed batch at or above what is committed, and
   * ends the view: the next one of this node is `view` at least (`startView` raises it).
   */
  rollback(options: { readonly to: Seqno; readonly view: View }): void {
    const { to, view } = options;
    assert(view > this.#view, 'a rollback ends the view');
    assert(to >= this.#committed, 'what is committed is never rolled back');
    const kept = this.#completed.filter((batch) => batch.signatureSeqno <= to);
    const last = present(kept.at(-1), 'the committed batch is kept');
    assert(last.signatureSeqno === to, 'a rollback goes to the end of a batch');
    this.#completed = kept;
    this.#openChunkBytes = last.openChunkBytes;
    this.#tree.truncate(to + 1);
    this.#secrets.rollback(to);
    this.#next = asSeqno(to + 1);
    this.#closing = undefined;
    this.#openEntries = [];
    this.#openBytes = 0;
    this.#isChunkForced = false;
    this.#view = view;
    this.#opensView = true;
  }

  #prove(batch: OpenedBatch, spki: Uint8Array): void {
    const { algorithm } = this.#signer;
    try {
      proveBatch(batch, { lastView: this.#lastView(), tree: this.#tree, spki, algorithm });
    } catch (error) {
      this.#tree.truncate(this.#next);
      throw error;
    }
  }

  #pushCompleted(signatureSeqno: Seqno, view: View = this.#view): void {
    this.#completed.push({ signatureSeqno, view, openChunkBytes: this.#openChunkBytes });
  }

  /** The view of the last batch that is here; 0 where the start did not say. */
  #lastView(): View {
    return this.#completed.at(-1)?.view ?? asView(0);
  }

  #assertAtRest(): void {
    assert(this.#opensView && !this.#closing, 'no view of this node is open');
    assert(this.#next === this.#committed + 1, 'nothing waits for its commit');
  }

  #encode(
    id: TransactionId,
    content: {
      readonly writeSet: WriteSet;
      readonly claimsDigest: Uint8Array;
      readonly flags: number;
    },
  ): Entry {
    const secret = this.#secrets.secretFor(id.seqno);
    const { claimsDigest } = content;
    const evidence = commitEvidence(secret, id);
    const commitEvidenceDigest = sha256Text(evidence);
    const sealer = { secret, guard: this.#guard };
    const bytes = encodeEntry(sealer, { id, commitEvidenceDigest, ...content });
    const leaf = leafOf({ digest: sha256(bytes), commitEvidenceDigest, claimsDigest });
    return { id, bytes, claimsDigest, commitEvidence: evidence, leaf };
  }
}
