/** Names of snapshot files. Source: CCF's ledger format; docs/formats/snapshot.md. */
import { asSeqno, type Seqno } from '@coco/base';

export interface SnapshotName {
  /** The seqno of the state. */
  readonly seqno: Seqno;
  /** The seqno of the transaction that holds its digest. */
  readonly evidenceSeqno: Seqno;
  /** Whether the file ends with the receipt of that transaction. */
  readonly isCommitted: boolean;
}

const pattern = /^snapshot_([1-9]\d{0,15})_([1-9]\d{0,15})(\.committed)?$/;

export function formatSnapshotName(name: SnapshotName): string {
  return `snapshot_${name.seqno}_${name.evidenceSeqno}${name.isCommitted ? '.committed' : ''}`;
}

/** undefined for names that are no snapshot's. */
export function parseSnapshotName(text: string): SnapshotName | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [seqno, evidenceSeqno] = [Number(match[1]), Number(match[2])];
  if (!Number.isSafeInteger(evidenceSeqno) || seqno >= evidenceSeqno) return undefined;
  return {
    seqno: asSeqno(seqno),
    evidenceSeqno: asSeqno(evidenceSeqno),
    isCommitted: match[3] !== undefined,
  };
}
