/** What chunk files there are, for who opens them. */
import type { Seqno } from '@coco/base';
import type { ChunkRecord, OpenChunk } from './chunk-file.ts';
import type { SignatureIndex } from './signature-index.ts';

export interface LedgerFilesState {
  /** The first entry that the files hold, or will; 1 without. */
  readonly begin?: Seqno;
  /** Chunks that no longer grow, ascending and without gaps. */
  readonly chunks: readonly ChunkRecord[];
  /** The chunk that grows, behind the others. */
  readonly open?: OpenChunk;
  readonly next: Seqno;
  readonly committed: Seqno;
  /** Seqnos of the signature entries, ascending. */
  readonly signatures: SignatureIndex;
  /** Whether new chunks carry the recovery marker until `endRecovery`. */
  readonly isRecovery: boolean;
}
