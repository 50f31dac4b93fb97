/**
 * Whom the ledger's secrets may be given to: a node that the committed ledger trusts. A node that
 * is Pending, or retired, or trusted only by what may yet be rolled back, gets nothing.
 */
import type { Seqno } from '@coco/base';
import { raftIdOf } from './node-joins.ts';
import type { Readable } from './table.ts';
import { type NodeInfoRow, nodeCertificates, nodeInfos } from './tables.ts';

export interface TrustedNode {
  readonly raftId: Seqno;
  readonly info: NodeInfoRow;
  readonly endorsedCertificatePem: string;
}

/** @param committed a committed state. @throws GovernanceRowInvalid */
export function trustedNode(committed: Readable, nodeId: string): TrustedNode | undefined {
  const info = nodeInfos.get(committed, nodeId);
  const endorsedCertificatePem = nodeCertificates.get(committed, nodeId);
  const raftId = raftIdOf(committed, nodeId);
  const isTrusted = info?.status === 'Trusted';
  if (!isTrusted || endorsedCertificatePem === undefined || raftId === undefined) return undefined;
  return { raftId, info, endorsedCertificatePem };
}
