/** Joins the node's follower of members to a simulated node, and looks at what it tells. */
import { asSeqno, type Log } from '@coco/base';
import { nodeInfos } from '@coco/governance';
import { MembersFollower } from '@coco/node';
import type { BatchPipeline, LedgerMembers } from '@coco/replication';
import { check } from './errors.ts';
import type { NodeStart } from './node-start.ts';

export function followMembers(
  pipeline: BatchPipeline,
  parts: {
    readonly start: NodeStart;
    readonly log: Log;
    readonly tell: (members: LedgerMembers) => void;
  },
): void {
  const { start, log, tell } = parts;
  const { begin, nodeId } = start;
  const from = begin.kind === 'join' ? begin.committed : asSeqno(0);
  const follower = new MembersFollower({
    nodeId,
    from,
    log,
    tell: (members) => {
      checkCutOff(pipeline, members);
      tell(members);
    },
  });
  pipeline.addObserver(follower);
  const { committedSeqno: lastSeqno } = pipeline;
  if (lastSeqno > 0) follower.onCommitted({ lastSeqno, state: pipeline.committedState() });
}

/** Who is known to be gone is spoken with no more. */
function checkCutOff(pipeline: BatchPipeline, { peers }: LedgerMembers): void {
  const state = pipeline.committedState();
  for (const { id, keyId } of peers) {
    const isGone = nodeInfos.get(state, keyId)?.retired_committed === true;
    check(!isGone, `node ${id} is gone, and others still speak with it`);
  }
}
