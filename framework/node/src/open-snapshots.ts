/**
 * Snapshots joined to a running service: its folder, its state, its receipts, and the other nodes.
 * The primary makes them, the others fetch them; whoever has one offers it to nodes that join.
 */

import { type Clock, LedgerError, type Log } from '@coco/base';
import type { SnapshotFiles } from '@coco/ledger';
import { type KeptSnapshot, SnapshotFetcher, SnapshotMaker } from '@coco/replication';
import { type NodeFolders, openSnapshotFolder } from './ledger-folder.ts';
import { readReceipt } from './receipt-endpoint.ts';
import type { ServiceRuntime } from './service-runtime.ts';

export interface NodeSnapshots {
  readonly files: SnapshotFiles;
  /** Snapshots that this node has made, and that failed. */
  readonly measures: { readonly made: number; readonly failed: number };
  /** The entry just appended asks for a snapshot. */
  ask(): void;
  /** The state is whole: nothing of it can be discarded any more. */
  enable(): void;
  stop(): Promise<void>;
}

/** @throws DiskFault when the folder cannot be made or read */
export async function openSnapshots(
  runtime: ServiceRuntime,
  node: NodeFolders & { readonly clock: Clock; readonly log: Log },
): Promise<NodeSnapshots> {
  const { core, tree, secrets, service } = runtime;
  const { pipeline, replica, catchUp } = core;
  const { clock, log } = node;
  const { entriesBetween, filesMax } = node.configuration.snapshots;
  const files = await openSnapshotFolder(node, pipeline.committedSeqno);
  const keep = (kept: KeptSnapshot): void => {
    replica.offerSnapshot(kept);
    if (filesMax !== undefined) retain(files, filesMax, log);
  };
  const maker = new SnapshotMaker({
    pipeline,
    files,
    secrets,
    entriesBetween,
    leafAt: (seqno) => tree.leaf(seqno),
    receiptOf: (id) =>
      readReceipt({ secrets, readCovered: (of) => replica.readCovered(of.seqno) }, id),
    onMade: keep,
    clock,
    log,
    defer: (callback) => setImmediate(callback),
  });
  const fetcher = new SnapshotFetcher({
    files,
    serviceSpki: service.key.spki,
    isPrimary: () => pipeline.isInOffice,
    sources: () => catchUp.others.sources(),
    onKept: keep,
    clock,
    log,
  });
  pipeline.addObserver(maker);
  return {
    files,
    measures: maker.measures,
    ask: () => maker.ask(),
    enable: () => {
      maker.enable();
      pipeline.addObserver(fetcher);
      fetcher.onCommitted({ state: pipeline.committedState() });
    },
    stop: async () => {
      await maker.stop();
      await fetcher.stop();
    },
  };
}

/** A file that stays costs room and nothing else. */
function retain(files: SnapshotFiles, count: number, log: Log): void {
  files.retain(count).catch((error: unknown) => {
    if (!(error instanceof LedgerError)) throw error;
    log.write('warning', 'snapshot.notRemoved', { code: error.code, reason: error.message });
  });
}
