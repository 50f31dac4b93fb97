/**
 * Opens a committed batch of another primary, as a backup does: every entry is read, decrypted
 * (which authenticates it) and hashed, and the batch is ended by the only signature in it. Whether
 * the signature is the service's, over the tree as this node has it, `Sequencer.follow` verifies.
 *
 * Batches come from peers that the ledger trusts, agreed by consensus: one that does not hold is no
 * refusal but the end of this node, which must not go on from it.
 */
import {
  asSeqno,
  equalBytes,
  LedgerError,
  type Seqno,
  type TransactionId,
  type View,
} from '@coco/base';
import { sha256Text } from '@coco/crypto';
import type { WriteSet } from '@coco/kv';
import { MerkleTree, serialisedFirst } from '@coco/merkle';
import { unverified } from './batch-fault.ts';
import { commitEvidence } from './commit-evidence.ts';
import {
  type DecodedEntry,
  decodeEntry,
  entryFlag,
  entryHeaderBytes,
  entrySize,
  leafOf,
  openEntry,
} from './entry.ts';
import type { LedgerSecrets } from './ledger-secrets.ts';
import {
  isSignatureEntry,
  type LedgerSignature,
  parseSignatureEntry,
  verifyLedgerSignature,
} from './signature-entry.ts';

/** A committed batch as consensus delivers it: its place, and its entries back to back. */
export interface CommittedBody {
  readonly view: View;
  readonly firstSeqno: Seqno;
  readonly entryCount: number;
  readonly body: Uint8Array;
}

export interface OpenedEntry {
  readonly id: TransactionId;
  readonly writeSet: WriteSet;
  readonly leaf: Uint8Array;
}

/** A batch that was opened; proven once `Sequencer.follow` has taken it. */
export interface OpenedBatch {
  readonly view: View;
  readonly firstSeqno: Seqno;
  /** Without the signature entry; empty in the batch that opens a view. */
  readonly entries: readonly OpenedEntry[];
  readonly signature: LedgerSignature;
  readonly signatureLeaf: Uint8Array;
  readonly bodyBytes: number;
  readonly isChunkEnd: boolean;
}

/**
 * `onEntry` is called after each entry and before the next is decrypted: what it writes may bring
 * the secret of those that follow.
 * @throws BatchUnverified
 */
export function openBatch(
  batch: CommittedBody,
  secrets: LedgerSecrets,
  onEntry: (entry: OpenedEntry) => void = () => {},
): OpenedBatch {
  try {
    return open(batch, secrets, onEntry);
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code === 'BatchUnverified') throw cause;
    throw unverified(batch, cause.message, cause);
  }
}

/**
 * Shows that the service signed the tree that this node holds up to the signature entry, and that
 * the batch may stand behind the last one. @throws BatchUnverified
 */
export function proveBatch(
  batch: OpenedBatch,
  at: {
    /** The view of the batch before; 0 when unknown. */
    readonly lastView: View;
    /** The tree as it is here, up to the signature entry and without it. */
    readonly tree: MerkleTree;
    /** The service's key and its COSE algorithm. */
    readonly spki: Uint8Array;
    readonly algorithm: number;
  },
): void {
  const { view, entries, signature } = batch;
  const { lastView, tree, spki, algorithm } = at;
  if (view < lastView) throw unverified(batch, 'its view is lower than the one before.');
  if (view > lastView && lastView > 0 && entries.length > 0) {
    throw unverified(batch, 'a view does not begin with a signature alone.');
  }
  const root = tree.root();
  if (!isTreeHere(batch, tree) && !equalBytes(statedRoot(batch), root)) {
    throw unverified(batch, 'its Merkle tree is not the one here.');
  }
  if (!verifyLedgerSignature(signature, { spki, algorithm, root })) {
    throw unverified(batch, 'its signature is not the service’s.');
  }
}

/**
 * Whether the stated tree is, byte for byte, what this node's tree serialises to: then it has the
 * same root, and no leaf need be hashed again to know it. A tree that begins where this node has
 * forgotten the leaves is judged by its root.
 */
function isTreeHere({ signature: { treeBytes } }: OpenedBatch, tree: MerkleTree): boolean {
  const first = serialisedFirst(treeBytes);
  const isHeld = first !== undefined && first >= tree.first && first <= tree.size;
  return isHeld && equalBytes(treeBytes, tree.serialise(first));
}

function statedRoot(batch: OpenedBatch): Uint8Array {
  try {
    return MerkleTree.deserialise(batch.signature.treeBytes).root();
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw unverified(batch, 'its Merkle tree does not parse.', cause);
  }
}

function open(
  batch: CommittedBody,
  secrets: LedgerSecrets,
  onEntry: (entry: OpenedEntry) => void,
): OpenedBatch {
  const { view, firstSeqno, entryCount, body } = batch;
  const entries: OpenedEntry[] = [];
  let at = 0;
  for (let index = 0; index < entryCount; index++) {
    const entry = decodeAt(body, at);
    at += entry.bytes.length;
    const { id } = entry;
    if (id.view !== view || id.seqno !== firstSeqno + index) {
      throw unverified(batch, 'an entry has another id than its place.');
    }
    const writeSet = decrypt(entry, secrets);
    const leaf = leafOf(entry);
    const isLast = index === entryCount - 1;
    if (isLast !== isSignatureEntry(entry)) {
      throw unverified(batch, 'a batch ends with its only signature.');
    }
    if (isLast) {
      if (at !== body.length) throw unverified(batch, 'bytes follow its last entry.');
      const isChunkEnd = (entry.flags & entryFlag.chunkAfter) !== 0;
      const signature = parseSignatureEntry(entry);
      const bodyBytes = body.length;
      return { view, firstSeqno, entries, signature, signatureLeaf: leaf, bodyBytes, isChunkEnd };
    }
    if (entry.flags !== 0) throw unverified(batch, 'an entry within it touches a chunk file.');
    const opened = { id: { view, seqno: asSeqno(id.seqno) }, writeSet, leaf };
    entries.push(opened);
    onEntry(opened);
  }
  throw unverified(batch, 'it holds no entry.');
}

function decodeAt(body: Uint8Array, at: number): DecodedEntry {
  const size = entrySize(body.subarray(at, at + entryHeaderBytes));
  return decodeEntry(body.subarray(at, at + size));
}

function decrypt(entry: DecodedEntry, secrets: LedgerSecrets): WriteSet {
  const { id } = entry;
  if (!secrets.has(id.seqno)) throw unverified({ ...id, firstSeqno: id.seqno }, 'no secret fits.');
  const secret = secrets.secretFor(id.seqno);
  const evidence = sha256Text(commitEvidence(secret, id));
  if (!equalBytes(evidence, entry.commitEvidenceDigest)) {
    const reason = 'the commit evidence is not of the ledger secret.';
    throw unverified({ view: id.view, firstSeqno: id.seqno }, reason);
  }
  return openEntry(secret, entry);
}
