/** Who is the primary, as this node knows it now: what forwarding and the /node endpoints go by. */

import type { View } from '@coco/base';
import type { BatchPipeline } from './batch-pipeline.ts';
import type { NodeOffice } from './node-office.ts';

export interface Leadership {
  /** This node's id. */
  readonly nodeId: string;
  /** The view in which this node takes part. */
  view(): View;
  /** Whether writes execute here now. */
  isExecuting(): boolean;
  /** The node that leads, as this one last heard; undefined while nobody does. */
  primaryId(): string | undefined;
}

export function createLeadership(parts: {
  readonly nodeId: string;
  readonly office: Pick<NodeOffice, 'report'>;
  readonly pipeline: Pick<BatchPipeline, 'isExecuting' | 'isInOffice' | 'view'>;
  /** The node whose id in Raft it is, by the committed ledger. */
  readonly nodeIdOf: (raftId: number) => string | undefined;
}): Leadership {
  const { nodeId, office, pipeline, nodeIdOf } = parts;
  return {
    nodeId,
    // Raft's view may be ahead of the last one that is in the ledger.
    view: () => office.report?.view ?? pipeline.view,
    isExecuting: () => pipeline.isExecuting,
    primaryId: () => {
      if (pipeline.isInOffice) return nodeId;
      const leaderId = office.report?.leaderId;
      return leaderId === undefined ? undefined : nodeIdOf(leaderId);
    },
  };
}
