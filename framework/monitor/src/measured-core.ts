/** What of a node's core is watched and measured. */

import type { NodeId } from '@coco/consensus';
import type { LinkMeasures } from '@coco/peers';
import type { BatchPipeline, ReplicaMeasures } from '@coco/replication';

export interface MeasuredCore {
  readonly pipeline: BatchPipeline;
  readonly replica: {
    /** As the replica worker told it last. */
    readonly measures: {
      readonly replica: ReplicaMeasures | undefined;
      readonly links: ReadonlyMap<NodeId, LinkMeasures>;
    };
    /** Connections at the node-to-node interface that no trusted node was behind. */
    readonly refusedPeers: number;
  };
}
