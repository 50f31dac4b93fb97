/** The replica worker's part of a simulated node: Raft and files, on the simulated ports. */
import type { Clock, Log } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import { ReplicaHost, type ReplicaMessage } from '@coco/replication';
import type { NodeStart } from './node-start.ts';
import type { World } from './world.ts';

/** Less than two batches: the replica often has to wait for its main thread. */
const backlogBytesMax = 4_000;
/** As small as the disks that fill up in a run. */
const storageLimits = { warningBytes: 40_000, reserveBytes: 20_000 };
/** Small, so that a node which was away for a moment is too far behind for Raft's log. */
const keptEntries = 24;

export function createHost(
  node: { readonly id: NodeId; readonly isAlive: boolean; readonly clock: Clock },
  parts: {
    readonly world: World;
    readonly start: NodeStart;
    readonly log: Log;
    readonly post: (message: ReplicaMessage) => void;
    /** Whom it speaks with from now on. */
    readonly onPeers: (ids: readonly NodeId[]) => void;
    readonly onFailed: (error: unknown) => void;
  },
): ReplicaHost {
  const { world, start, log, post, onPeers, onFailed } = parts;
  const { network, raftModule } = world;
  return new ReplicaHost({
    nodeId: node.id,
    raftModule,
    files: start.files,
    disk: start.disk.patient,
    storage: storageLimits,
    backlogBytesMax,
    isFit: (peer) => network.receivers.get(peer)?.isShort === false,
    clock: node.clock,
    random: start.chance,
    log,
    limits: { keptEntries },
    send: (to, message) => {
      if (node.isAlive) network.send(node.id, to, message);
    },
    onPeers: (peers) => onPeers(peers.map(({ id }) => id)),
    post,
    onFailed,
  });
}
