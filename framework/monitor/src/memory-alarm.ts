/**
 * What a node does as its memory runs short: operators are told, the gate of writes closes, and the
 * store keeps fewer old states, since what was deleted is freed only when no state shows it.
 * docs/operations/memory.md says what to do.
 */

import type { Clock, Log, LogLevel } from '@coco/base';
import { storeLimitsDefault } from '@coco/kv';
import type { MemoryLevel } from '@coco/replication';
import type { MeasuredCore } from './measured-core.ts';
import { type MemoryReadings, MemoryWatch, readMemory } from './memory-watch.ts';

/** States that stay readable while memory is short: some, for handlers that wait. */
const statesWhileShort = 8;
/** Records looked at in a second while memory is short: some 10 ms. */
const reclaimSteps = 20_000;

/** What a node takes with nothing in it is less; what is above that at the start is garbage. */
const baseBytesMax: number = 256 * 1024 * 1024;

const severities: Readonly<Record<MemoryLevel, LogLevel>> = {
  ample: 'info',
  low: 'warning',
  short: 'warning',
  scarce: 'error',
};

/** Watches from now on; stop it with the node. */
export function watchMemory(node: {
  readonly clock: Clock;
  readonly log: Log;
  readonly limitBytes: number;
  readonly core: MeasuredCore;
}): MemoryWatch {
  const { clock, log, limitBytes } = node;
  const { pipeline } = node.core;
  const baseBytes = baseOf(read(node.core, 0), process.memoryUsage.rss());
  const watch = new MemoryWatch({
    clock,
    limitBytes,
    read: () => read(node.core, baseBytes),
    onLevel: ({ level, resource, share, usedBytes, limitBytes: limit }) => {
      pipeline.gate.setMemory(level);
      if (level === 'ample' || level === 'low') {
        pipeline.state.store.keepStates(storeLimitsDefault.statesMax);
      }
      const percent = Math.round(share * 100);
      log.write(severities[level], `memory.${level}`, {
        resource,
        percent,
        usedBytes,
        limitBytes: limit,
      });
    },
    onShort: () => {
      const { store } = pipeline.state;
      store.keepStates(statesWhileShort);
      store.reclaim(reclaimSteps);
    },
  });
  watch.start();
  return watch;
}

function read({ pipeline, replica }: MeasuredCore, baseBytes: number): MemoryReadings {
  const held = replica.measures.replica;
  const heldBytes = held
    ? held.raftBytes + held.stagedBytes + held.recentBytes + held.inFlightBytes + held.backlogBytes
    : 0;
  return readMemory({ store: pipeline.state.store, otherBytes: baseBytes + heldBytes });
}

/** What the process takes beside what is counted: the program, its threads, an adapter's engine. */
function baseOf(atStart: MemoryReadings, rssBytes: number): number {
  const { heapBytes, reservedBytes } = atStart;
  return Math.min(baseBytesMax, Math.max(0, rssBytes - heapBytes - reservedBytes));
}
