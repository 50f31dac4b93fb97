/** How a simulated node gets the part of the ledger that it lacks, as the node does it. */
import { LedgerError, type Log } from '@coco/base';
import {
  type BatchFollower,
  type CatchUpOrder,
  LedgerInstaller,
  type SecretReceiver,
} from '@coco/replication';
import { keepSnapshot } from './node-snapshots.ts';
import type { NodeStart } from './node-start.ts';
import type { RunningNode } from './running-node.ts';
import type { World } from './world.ts';

export function createInstaller(
  node: RunningNode,
  parts: {
    readonly world: World;
    readonly start: NodeStart;
    readonly follower: BatchFollower;
    readonly receiver: SecretReceiver;
    readonly log: Log;
  },
): LedgerInstaller {
  const { world, start, follower, receiver, log } = parts;
  const { agenda, counts } = world;
  return new LedgerInstaller({
    state: node.pipeline.state,
    follower,
    receiver,
    serviceSpki: start.service.key.spki,
    files: {
      startAfter: (order, seqno) => node.askWorker(() => node.host.startAfter(order, seqno)),
      append: (order, batches) => {
        start.log.installs(node.id, batches);
        counts.add('batch installed', batches.length);
        return node.askWorker(() => node.host.installBatches(order, batches));
      },
    },
    sources: () => start.sources(node),
    keepSnapshot: async (name, file) => {
      counts.add('snapshot install');
      await keepSnapshot(start.snapshots, name, file);
    },
    clock: node.clock,
    log,
    yieldThread: () => agenda.pause(0, node.owner),
  });
}

/** As the node does: the replica waits for it; where it does not come about, the node ends. */
export async function carryOut(
  node: RunningNode & { readonly installer: LedgerInstaller },
  order: CatchUpOrder,
): Promise<void> {
  const { installer, host } = node;
  try {
    await installer.install(order);
    await node.askWorker(() => host.installed(order.request));
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    await node.askWorker(() => host.installFailed(order.request, error));
  }
}
