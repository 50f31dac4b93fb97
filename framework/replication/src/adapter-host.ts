/** What the node gives to an adapter: its maps and no others, the pipeline, and the ports. */

import type { Adapter, Host } from '@coco/adapter';
import type { Clock, Log, Random } from '@coco/base';
import type { BatchPipeline } from './batch-pipeline.ts';

/** Joins an adapter to the pipeline and gives it its host. It seals and observes from here on. */
export function hostAdapter(
  adapter: Adapter,
  node: {
    readonly pipeline: BatchPipeline;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Log;
    /** See Host. */
    readonly view: Host['view'];
    readonly callPrimary: Host['callPrimary'];
  },
): Host {
  const { pipeline, clock, random, log, view, callPrimary } = node;
  const maps: ReadonlySet<string> = new Set(adapter.maps);
  pipeline.addSealer({
    name: adapter.name,
    maps,
    seal: (transaction, batch) => adapter.seal(transaction, batch),
  });
  pipeline.addObserver({
    onCommitted: (batch) => adapter.onCommitted(batch),
    rolledBack: (to) => adapter.rolledBack(to),
  });
  return {
    clock,
    random,
    log,
    isPrimary: () => pipeline.isExecuting,
    execute: (write) => pipeline.execute(write, maps),
    committed: () => pipeline.committedState(),
    executed: () => pipeline.executedState(),
    whenDecided: (id) => pipeline.whenDecided(id),
    view,
    callPrimary,
    requestBatch: () => pipeline.requestBatch(),
  };
}
