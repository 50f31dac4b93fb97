/**
 * Checks a ledger entry by entry: order, views, flags, the Merkle tree and every signature, and,
 * with the ledger secrets, every GCM tag and commit evidence. Pure: bytes in, verdict out; the
 * first thing that does not hold throws, and the verifier is of no further use.
 *
 * What an entry says counts only once a later signature covers it: `signed` is that state.
 */
import {
  asSeqno,
  assert,
  asView,
  equalBytes,
  refuse,
  type Seqno,
  type TransactionId,
  type View,
} from '@coco/base';
import { sha256Text } from '@coco/crypto';
import type { WriteSet } from '@coco/kv';
import { MerkleTree } from '@coco/merkle';
import { commitEvidence } from './commit-evidence.ts';
import { type DecodedEntry, decodeEntry, entryFlag, leafOf, openEntry } from './entry.ts';
import type { LedgerSecrets } from './ledger-secrets.ts';
import { createLedgerTree } from './ledger-tree.ts';
import { assertServiceChange, type ServiceState, writtenService } from './service-history.ts';
import {
  isSignatureEntry,
  type LedgerSignature,
  parseSignatureEntry,
  type SignerNames,
  verifyLedgerSignature,
} from './signature-entry.ts';

/** An entry that fits its place; proven once a signature behind it verifies. */
export interface VerifiedEntry {
  readonly entry: DecodedEntry;
  /** The public maps, and the private ones where the verifier has the ledger secret. */
  readonly writeSet: WriteSet;
  /** Set in a signature entry, whose signature then verified. */
  readonly signature: LedgerSignature | undefined;
}

/** The first seqno of each view, ascending. */
export interface ViewStart {
  readonly view: View;
  readonly firstSeqno: Seqno;
}

/** What the last verified signature proves. */
export interface SignedState {
  readonly id: TransactionId;
  readonly service: ServiceState | undefined;
  readonly viewCount: number;
  /** The flags of the last signature entry. */
  readonly flags: number;
  /** How the service calls itself; empty before the first signature. */
  readonly names: SignerNames;
}

const nothingSigned: SignedState = {
  id: { view: asView(0), seqno: asSeqno(0) },
  service: undefined,
  viewCount: 0,
  flags: 0,
  names: { issuer: '', subject: '' },
};

/**
 * Which signatures are verified. `each` says of every batch that the service signed it, and names
 * the first that it did not. `last` verifies the last one of each service identity: its root covers
 * every entry before it, signatures included, so what passes is as well proven, in a fraction of
 * the time. `none` is for files whose root the caller compares with one that is verified.
 */
export type SignatureChecks = 'each' | 'last' | 'none';

interface OpenSignature {
  readonly signature: LedgerSignature;
  readonly service: ServiceState;
  readonly root: Uint8Array;
}

/** Where a reading goes on: what a snapshot, or an earlier reading, has proven. */
export interface VerifierStart {
  /** The signature that ends what is known. */
  readonly id: TransactionId;
  /** With the leaf of that signature; owned from here on. */
  readonly tree: MerkleTree;
  readonly views: readonly ViewStart[];
  readonly service: ServiceState;
  /** How the service calls itself, where that is known; the next signature says it. */
  readonly names?: SignerNames;
}

export interface VerifierOptions {
  /** The beginning of the ledger by default. */
  readonly start?: VerifierStart;
  readonly secrets?: LedgerSecrets;
  /** `each` by default. */
  readonly signatures?: SignatureChecks;
  /** How many leaves stay beside those that signatures need, for `rootAt`; none by default. */
  readonly rootsHeld?: number;
}

export class LedgerVerifier {
  readonly #secrets: LedgerSecrets | undefined;
  readonly #checks: SignatureChecks;
  /** With `last`: the newest signature, not verified yet. */
  #openSignature: OpenSignature | undefined;
  readonly #tree: MerkleTree;
  readonly #views: ViewStart[] = [];
  #service: ServiceState | undefined;
  #previous: { readonly id: TransactionId; readonly flags: number; readonly isSignature: boolean } =
    {
      ...nothingSigned,
      isSignature: true,
    };
  #signed: SignedState = nothingSigned;
  /** Invariant: the tree holds leaves from here on; signatures serialise from here or later. */
  #firstHeld = 0;
  readonly #rootsHeld: number;

  constructor(options: VerifierOptions = {}) {
    this.#secrets = options.secrets;
    this.#checks = options.signatures ?? 'each';
    this.#rootsHeld = options.rootsHeld ?? 0;
    this.#tree = options.start?.tree ?? createLedgerTree();
    if (options.start) this.#begin(options.start);
  }

  #begin({ id, views, service, names = nothingSigned.names, tree }: VerifierStart): void {
    assert(tree.size === id.seqno + 1, 'the tree ends with the leaf of the signature');
    this.#views.push(...views);
    this.#service = service;
    // Whether a file ends there, the reader of files sees by the entries behind.
    this.#previous = { id, flags: entryFlag.chunkAfter, isSignature: true };
    this.#signed = { id, service, names, viewCount: views.length, flags: entryFlag.chunkAfter };
    this.#firstHeld = tree.first;
  }

  /**
   * Runs the `accept`s of one batch: when one of them throws, all are undone, and the same place
   * may be tried with other bytes.
   */
  attempt<Value>(accept: () => Value): Value {
    const [previous, signed, service] = [this.#previous, this.#signed, this.#service];
    const [openSignature, firstHeld] = [this.#openSignature, this.#firstHeld];
    const [size, viewCount] = [this.#tree.size, this.#views.length];
    try {
      return accept();
    } catch (error) {
      this.#tree.truncate(size);
      this.#views.length = viewCount;
      this.#previous = previous;
      this.#signed = signed;
      this.#service = service;
      this.#openSignature = openSignature;
      this.#firstHeld = firstHeld;
      throw error;
    }
  }

  /** Verifies a signature that is still open: at the end of a walk. @throws InvalidInput */
  settle(): void {
    const open = this.#openSignature;
    this.#openSignature = undefined;
    if (open) assertSigned(open);
  }

  get signed(): SignedState {
    return this.#signed;
  }

  /** Whether the last signature ends its chunk file. */
  get isChunkEnd(): boolean {
    return (this.#signed.flags & entryFlag.chunkAfter) !== 0;
  }

  /** The seqno that the next entry must have. */
  get next(): Seqno {
    return asSeqno(this.#tree.size);
  }

  /** The service as the entries so far have it, signed or not. */
  get service(): ServiceState | undefined {
    return this.#service;
  }

  /**
   * The Merkle root over the entries up to `seqno`: the state that a transaction read. undefined
   * where it is not held any more, or not reached yet.
   */
  rootAt(seqno: Seqno): Uint8Array | undefined {
    const isHeld = seqno >= this.#tree.first && seqno < this.#tree.size;
    return isHeld ? this.#tree.root(seqno + 1) : undefined;
  }

  /** Views with their first seqnos, up to the last signature. */
  signedViews(): readonly ViewStart[] {
    return this.#views.slice(0, this.#signed.viewCount);
  }

  /** The tree as of the last signature, for the writer that goes on. Ends the verifier. */
  takeTree(): MerkleTree {
    this.#tree.truncate(this.#signed.id.seqno + 1);
    return this.#tree;
  }

  /**
   * Takes the next entry. `isChunkStart`: whether it is the first of its file, where it comes from
   * one.
   * @throws InvalidInput, InvalidMerkleTree, InvalidCertificate, DecryptionFailed on damage.
   */
  accept(bytes: Uint8Array, options: { readonly isChunkStart?: boolean } = {}): VerifiedEntry {
    const entry = decodeEntry(bytes);
    const isSignature = isSignatureEntry(entry);
    if (entry.id.seqno !== this.next) {
      throw refuse('InvalidInput', 'The entry has another seqno than its place.', {
        found: entry.id.seqno,
      });
    }
    this.#checkChunk(entry, { isSignature, isChunkStart: options.isChunkStart });
    this.#checkView(entry, isSignature);
    const writeSet = this.#open(entry);
    this.#checkService(entry);
    const signature = isSignature ? this.#checkSignature(entry) : undefined;
    this.#tree.append(leafOf(entry));
    this.#previous = { id: entry.id, flags: entry.flags, isSignature };
    if (signature) {
      this.#signed = {
        id: entry.id,
        service: this.#service,
        viewCount: this.#views.length,
        flags: entry.flags,
        names: signature.names,
      };
    }
    return { entry, writeSet, signature };
  }

  #checkChunk(
    entry: DecodedEntry,
    options: { readonly isSignature: boolean; readonly isChunkStart: boolean | undefined },
  ): void {
    const { isSignature, isChunkStart } = options;
    const isBefore = (entry.flags & entryFlag.chunkBefore) !== 0;
    const isAfter = (entry.flags & entryFlag.chunkAfter) !== 0;
    const ended = (this.#previous.flags & entryFlag.chunkAfter) !== 0;
    if (isAfter && !isSignature) throw refuse('InvalidInput', 'A chunk ends within a batch.');
    if (isBefore && (isSignature || !this.#previous.isSignature)) {
      throw refuse('InvalidInput', 'A chunk is begun by an entry that begins no service.');
    }
    const mayStart = ended || isBefore || entry.id.seqno === 1;
    if (isChunkStart !== undefined && isChunkStart !== mayStart) {
      // Either flag may be the wrong one; only who creates a service begins a chunk on his own.
      const isOwnFlag = writtenService(entry) !== undefined && isChunkStart;
      const seqno = isOwnFlag ? entry.id.seqno : this.#previous.id.seqno;
      throw refuse('InvalidInput', 'The chunk flags do not fit the file.', { seqno });
    }
  }

  #checkView(entry: DecodedEntry, isSignature: boolean): void {
    const { id: previous, isSignature: afterSignature } = this.#previous;
    const { view, seqno } = entry.id;
    if (view < previous.view) throw refuse('InvalidInput', 'The view goes down.', { view });
    if (view === previous.view) {
      if (isSignature && afterSignature) {
        throw refuse('InvalidInput', 'Two signatures of one view stand side by side.');
      }
      return;
    }
    if (!afterSignature) throw refuse('InvalidInput', 'A view ends without a signature.');
    if (!isSignature && !this.#beginsService(entry)) {
      throw refuse('InvalidInput', 'A view does not begin with a signature.');
    }
    this.#views.push({ view, firstSeqno: seqno });
  }

  /** Whether an entry is where a service is created: the ledger's first, or a recovery's first. */
  #beginsService(entry: DecodedEntry): boolean {
    return entry.id.seqno === 1 || (entry.flags & entryFlag.chunkBefore) !== 0;
  }

  #open(entry: DecodedEntry): WriteSet {
    if (!this.#secrets) return { maps: entry.publicMaps };
    if (!this.#secrets.has(entry.id.seqno)) {
      throw refuse('InvalidInput', 'No ledger secret is known for the entry.');
    }
    const secret = this.#secrets.secretFor(entry.id.seqno);
    const evidence = sha256Text(commitEvidence(secret, entry.id));
    if (!equalBytes(evidence, entry.commitEvidenceDigest)) {
      throw refuse('InvalidInput', 'The commit evidence is not of the ledger secret.');
    }
    return openEntry(secret, entry);
  }

  #checkService(entry: DecodedEntry): void {
    const written = writtenService(entry);
    const beginsService = this.#beginsService(entry);
    if (!written) {
      if (beginsService) throw refuse('InvalidInput', 'A service begins without service.info.');
      return;
    }
    assertServiceChange(this.#service, written, beginsService);
    if (beginsService) this.settle();
    this.#service = written;
  }

  #checkSignature(entry: DecodedEntry): LedgerSignature {
    const signature = parseSignatureEntry(entry);
    const stated = MerkleTree.deserialise(signature.treeBytes);
    const isPlausible =
      stated.first >= this.#firstHeld &&
      stated.first < entry.id.seqno &&
      stated.size === entry.id.seqno;
    if (!isPlausible) {
      throw refuse('InvalidInput', 'The tree of the signature entry is of another place.');
    }
    assert(this.#service !== undefined, 'the first entry of a ledger creates its service');
    const open = { signature, service: this.#service, root: stated.root() };
    if (this.#checks === 'each') assertSigned(open);
    if (this.#checks === 'last') this.#openSignature = open;
    if (!equalBytes(signature.treeBytes, this.#tree.serialise(stated.first))) {
      const seqno = this.#firstDifference(stated);
      throw refuse('InvalidInput', 'The entry is not the one that was signed.', { seqno });
    }
    this.#firstHeld = stated.first;
    this.#tree.forget(Math.max(0, stated.first - this.#rootsHeld));
    return signature;
  }

  /**
   * The first entry whose leaf is not the one in a tree that was signed: the entry that changed.
   * Where only older ones can have, the oldest that the signed tree holds is named.
   */
  #firstDifference(stated: MerkleTree): Seqno {
    for (let at = stated.first; at < stated.size; at++) {
      if (!equalBytes(stated.leaf(at), this.#tree.leaf(at))) return asSeqno(at);
    }
    return asSeqno(stated.first);
  }
}

function assertSigned({ signature, service, root }: OpenSignature): void {
  const { certificate, algorithm } = service;
  if (!verifyLedgerSignature(signature, { spki: certificate.spki, algorithm, root })) {
    throw refuse('InvalidInput', 'The signature does not verify.');
  }
}
