/** What the sequencer hands out: entries, a batch that waits for its signature, a whole batch. */
import type { Seqno, TransactionId, View } from '@coco/base';

/** An entry as it was appended. */
export interface Entry {
  readonly id: TransactionId;
  readonly bytes: Uint8Array;
  readonly claimsDigest: Uint8Array;
  /** Goes into the receipt; not to be shown before commit. */
  readonly commitEvidence: string;
  readonly leaf: Uint8Array;
}

/** A closed batch that waits for its signature. */
export interface PendingSignature {
  readonly id: TransactionId;
  /** The Merkle root over everything before the signature entry. */
  readonly root: Uint8Array;
  readonly protectedBytes: Uint8Array;
  /** What the service key signs (r || s): the COSE Sig_structure over the root. */
  readonly input: Uint8Array;
  /** The value of `public:ccf.internal.tree` that the signature entry will hold. */
  readonly treeBytes: Uint8Array;
}

/** The batch that waits for its signature. */
export interface Closing {
  readonly pending: PendingSignature;
  readonly entries: readonly Entry[];
  readonly isChunkEnd: boolean;
}

/** A batch that is completed, or was followed. */
export interface Completed {
  readonly signatureSeqno: Seqno;
  readonly view: View;
  /** 0 where it ended its chunk file. */
  readonly openChunkBytes: number;
}

/** Entries that commit together, ended by a signature entry. */
export interface Batch {
  readonly view: View;
  readonly firstSeqno: Seqno;
  readonly entryCount: number;
  /** The entries back to back, the signature entry last. */
  readonly body: Uint8Array;
  /** SHA-256 of the body. */
  readonly digest: Uint8Array;
  /** The id of the signature entry: the batch's last. */
  readonly signatureId: TransactionId;
  readonly root: Uint8Array;
  /** Whether the chunk file ends after the batch. */
  readonly isChunkEnd: boolean;
}
