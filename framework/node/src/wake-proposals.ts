/** Joins the alarm clock of open proposals to the pipeline: it follows what commits here. */

import type { Clock, Log } from '@coco/base';
import { type GovernancePorts, ProposalWaker, resolveDue } from '@coco/governance';
import type { BatchPipeline } from '@coco/replication';
import { runOptimistic } from '@coco/replication';
import { writeOf } from './run-call.ts';

/** Wakes from now on, while this node is the primary; stop it before the pipeline. */
export function wakeProposals(node: {
  readonly pipeline: BatchPipeline;
  readonly clock: Clock;
  readonly log: Log;
  readonly ports: GovernancePorts;
}): ProposalWaker {
  const { pipeline, clock, log, ports } = node;
  const waker = new ProposalWaker({
    clock,
    log,
    isPrimary: () => pipeline.isExecuting,
    committed: () => pipeline.committedState(),
    resolveDue: () =>
      runOptimistic(pipeline, async (transaction) => writeOf(await resolveDue(transaction, ports))),
  });
  pipeline.addObserver({
    onCommitted: () => waker.update(),
    rolledBack: () => waker.update(),
  });
  waker.update();
  return waker;
}
