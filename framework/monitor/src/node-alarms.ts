/** The watches of a running node, each once a second, and what they lead to. */

import type { Clock, Log } from '@coco/base';
import type { MeasuredCore } from './measured-core.ts';
import { watchMemory } from './memory-alarm.ts';
import type { MemoryReport } from './memory-watch.ts';
import { NetworkWatch, type Trouble } from './network-watch.ts';

const lookMs = 1_000;

export interface NodeAlarms {
  readonly memory: MemoryReport;
  /** Troubles between the nodes that are not over. */
  readonly troubles: ReadonlySet<Trouble>;
  stop(): void;
}

export function startAlarms(node: {
  readonly clock: Clock;
  readonly log: Log;
  /** What the node may use of the machine's memory. */
  readonly memoryBytes: number;
  readonly core: MeasuredCore;
}): NodeAlarms {
  const { clock, log, memoryBytes: limitBytes, core } = node;
  const memory = watchMemory({ clock, log, limitBytes, core });
  const network = new NetworkWatch((level, event, fields) => log.write(level, event, fields));
  let cancel = (): void => {};
  const look = (): void => {
    network.look(core.replica.measures);
    cancel = clock.setTimer(lookMs, look);
  };
  look();
  return {
    get memory() {
      return memory.report;
    },
    get troubles() {
      return network.troubles;
    },
    stop: () => {
      memory.stop();
      cancel();
    },
  };
}
