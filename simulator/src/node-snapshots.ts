/** Snapshots of a simulated node, as the node has them: the primary makes them, the others fetch. */
import { type Log, present, type TransactionId } from '@coco/base';
import { decodeSnapshot, parseSnapshotName, type SnapshotFiles } from '@coco/ledger';
import { readReceipt } from '@coco/node';
import {
  type CoveredEntry,
  type KeptSnapshot,
  SnapshotFetcher,
  SnapshotMaker,
} from '@coco/replication';
import { check } from './errors.ts';
import type { NodeStart } from './node-start.ts';
import type { RunningNode } from './running-node.ts';
import type { World } from './world.ts';

/** Small, so that a run has several snapshots. */
const entriesBetween = 90;

export function makeSnapshots(
  node: RunningNode,
  parts: { readonly world: World; readonly start: NodeStart; readonly log: Log },
): void {
  const { world, start, log } = parts;
  const { snapshots: files, secrets, sequencer } = start;
  const { pipeline, clock, host } = node;
  const { agenda, counts } = world;
  const readCovered = ({ seqno }: TransactionId): Promise<CoveredEntry> =>
    node.askWorker(() => host.readCovered(seqno));
  const offer =
    (kind: 'snapshot' | 'snapshot kept') =>
    (kept: KeptSnapshot): void => {
      counts.add(kind);
      void node.askWorker(() => host.offerSnapshot(kept));
    };
  const maker = new SnapshotMaker({
    pipeline,
    files,
    secrets,
    leafAt: (seqno) => sequencer.tree.leaf(seqno),
    receiptOf: (id) => readReceipt({ secrets, readCovered }, id),
    entriesBetween,
    onMade: offer('snapshot'),
    clock,
    log,
    defer: (callback) => void agenda.after(0, node.owner, callback),
  });
  const fetcher = new SnapshotFetcher({
    files,
    serviceSpki: start.service.key.spki,
    isPrimary: () => pipeline.isExecuting,
    sources: () => start.sources(node),
    onKept: offer('snapshot kept'),
    clock,
    log,
  });
  pipeline.addObserver(maker);
  pipeline.addObserver(fetcher);
  void node.whenPart().then(() => maker.enable());
}

/** The snapshot that a node begins from: it is of the state that its name says. */
export async function keepSnapshot(
  snapshots: SnapshotFiles,
  name: string,
  file: Uint8Array,
): Promise<void> {
  const own = present(parseSnapshotName(name), 'a snapshot has a name');
  const { seqno } = decodeSnapshot(file);
  check(seqno === own.seqno, `the state at ${seqno} is taken for ${name}`);
  const received = await snapshots.receive();
  await received.append(file);
  await received.keep(own);
}
