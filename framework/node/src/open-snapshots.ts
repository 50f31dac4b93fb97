/** Joins the maker of snapshots to a running service: its folder, its state, its receipts. */

import { basename, dirname, resolve } from 'node:path';
import type { Clock, Log } from '@coco/base';
import { SnapshotFiles } from '@coco/ledger';
import { SnapshotMaker } from '@coco/replication';
import type { NodeConfiguration } from './configuration.ts';
import { FileDisk } from './file-disk.ts';
import { readReceipt } from './receipt-endpoint.ts';
import type { ServiceRuntime } from './service-runtime.ts';

/** @throws DiskFault when the folder cannot be made or read */
export async function openSnapshots(
  { core, tree, secrets }: ServiceRuntime,
  node: {
    readonly configuration: NodeConfiguration;
    readonly baseFolder: string;
    readonly clock: Clock;
    readonly log: Log;
  },
): Promise<{ readonly maker: SnapshotMaker; readonly files: SnapshotFiles }> {
  const { pipeline, replica } = core;
  const { clock, log } = node;
  const { directory, entriesBetween } = node.configuration.snapshots;
  const path = resolve(node.baseFolder, directory);
  const at = { disk: new FileDisk(dirname(path)), folder: basename(path) };
  const files = await SnapshotFiles.open(at, pipeline.committedSeqno);
  const maker = new SnapshotMaker({
    pipeline,
    files,
    secrets,
    entriesBetween,
    leafAt: (seqno) => tree.leaf(seqno),
    receiptOf: (id) =>
      readReceipt({ secrets, readCovered: (of) => replica.readCovered(of.seqno) }, id),
    clock,
    log,
    defer: (callback) => setImmediate(callback),
  });
  pipeline.addObserver(maker);
  return { maker, files };
}
