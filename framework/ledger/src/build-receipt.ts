/**
 * COSE receipts: the signature that closed an entry's batch, with the inclusion proof in its
 * unprotected header. Everything comes from the two entries' own bytes, so that a receipt of any
 * age can be built from the files. Source: CCF 7, IETF CCF profile of COSE receipts;
 * docs/formats/ledger.md section 8.
 */
import { equalBytes, LedgerError, type TransactionId, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { MerkleTree, type PathStep } from '@coco/merkle';
import { encodeReceipt } from '@coco/receipt';
import { commitEvidence } from './commit-evidence.ts';
import { type DecodedEntry, decodeEntry, leafOf } from './entry.ts';
import { ledgerError } from './errors.ts';
import { commitKeyOf } from './ledger-secrets.ts';
import { isSignatureEntry, type LedgerSignature, parseSignatureEntry } from './signature-entry.ts';

/**
 * The receipt of the entry `id`, which is committed. `signatureEntryBytes` is the first signature
 * entry after it, and `secret` the ledger secret in force for it. Both entries come from the host,
 * who may have kept a batch of a lost view: signed as well, under the same secret, but never
 * committed. Its commit evidence must not come out, so the entry must be the one of this very id.
 * @throws ReceiptUnavailable for a signature entry; LedgerDamaged when the entries do not fit
 */
export function buildReceipt(options: {
  readonly id: TransactionId;
  readonly entryBytes: Uint8Array;
  readonly signatureEntryBytes: Uint8Array;
  readonly secret: Uint8Array;
}): Uint8Array {
  const entry = readFor(options.entryBytes, decodeEntry);
  const { view, seqno } = options.id;
  if (entry.id.view !== view || entry.id.seqno !== seqno) {
    throw damaged(entry, 'The entry is another one than the files should hold there.');
  }
  if (isSignatureEntry(entry)) {
    throw ledgerError('ReceiptUnavailable', 'There is no receipt for a signature entry.', {
      seqno: entry.id.seqno,
    });
  }
  const signature = readFor(options.signatureEntryBytes, (bytes) =>
    parseSignatureEntry(decodeEntry(bytes)),
  );
  const evidence = commitEvidence({ commitKey: commitKeyOf(options.secret) }, entry.id);
  if (!equalBytes(sha256(utf8Encode(evidence)), entry.commitEvidenceDigest)) {
    throw damaged(entry, 'The entry was not written under this ledger secret.');
  }
  const { protectedBytes, signature: raw } = signature.cose;
  const proof = {
    writeSetDigest: entry.digest,
    commitEvidence: evidence,
    claimsDigest: entry.claimsDigest,
    path: pathTo(entry, signature),
  };
  return encodeReceipt({ protectedBytes, signature: raw, proofs: [proof] });
}

/** The path by the signature entry's own tree, which must hold the entry's leaf. */
function pathTo(entry: DecodedEntry, signature: LedgerSignature): readonly PathStep[] {
  const tree = readFor(signature.treeBytes, MerkleTree.deserialise);
  const { seqno } = entry.id;
  const isCovered = seqno >= tree.first && seqno < tree.size && tree.size === signature.id.seqno;
  if (!isCovered || !equalBytes(tree.leaf(seqno), leafOf(entry))) {
    throw damaged(entry, 'The signature entry does not cover the entry.');
  }
  return tree.path(seqno);
}

/** The bytes come from the host's files: what does not parse is damage. */
function readFor<Value>(bytes: Uint8Array, parse: (bytes: Uint8Array) => Value): Value {
  try {
    return parse(bytes);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw ledgerError('LedgerDamaged', `An entry does not parse: ${cause.message}`, {}, cause);
  }
}

function damaged(entry: DecodedEntry, message: string): LedgerError {
  return ledgerError('LedgerDamaged', message, { seqno: entry.id.seqno });
}
