/** Catching up, wired: the orders of the replica worker, the other nodes, and this node's files. */

import { asSeqno, type Clock, LedgerError, type Log, type Seqno } from '@coco/base';
import { parseSnapshotName } from '@coco/ledger';
import {
  type CatchUpOrder,
  LedgerInstaller,
  type LedgerInstallerOptions,
  OlderLedger,
} from '@coco/replication';
import { openSnapshotFolder, type SnapshotPlace } from './ledger-folder.ts';
import type { OtherNodes } from './other-nodes.ts';
import type { ReplicaClient } from './replica-client.ts';

export interface NodeCatchUpOptions
  extends Pick<LedgerInstallerOptions, 'state' | 'follower' | 'receiver' | 'serviceSpki'> {
  readonly replica: ReplicaClient;
  readonly others: OtherNodes;
  readonly snapshots: SnapshotPlace;
  readonly ledgerFolder: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class NodeCatchUp {
  readonly others: OtherNodes;
  readonly #replica: ReplicaClient;
  readonly #installer: LedgerInstaller;
  readonly #options: NodeCatchUpOptions;
  #older: OlderLedger | undefined;

  constructor(options: NodeCatchUpOptions) {
    const { replica, others, snapshots } = options;
    this.#options = options;
    this.others = others;
    this.#replica = replica;
    this.#installer = new LedgerInstaller({
      ...options,
      files: {
        startAfter: (order, snapshot) => replica.installStart(order, snapshot),
        append: (order, batches) => replica.installBatches(order, batches),
      },
      sources: () => others.sources(),
      keepSnapshot: (name, file) => keepSnapshot(snapshots, name, file),
      yieldThread: afterOthers,
    });
  }

  /** The seqno of the snapshot that this node began from; 0 without. */
  get startedAfter(): Seqno {
    return this.#installer.startedFrom?.seqno ?? asSeqno(0);
  }

  /**
   * Fetches, in the background, what stands before the snapshot that the node began from. What the
   * disk refuses ends the fetching, not the node: its own files are sound.
   */
  async fetchOlder(): Promise<void> {
    const { replica, others, ledgerFolder, log } = this.#options;
    const point = this.#installer.startedFrom;
    if (!point) return;
    this.#older = new OlderLedger({
      ...this.#options,
      point,
      files: {
        begin: () => replica.olderBegin(ledgerFolder),
        append: (batches) => replica.olderBatches(batches),
        finish: () => replica.olderFinish(),
      },
      sources: () => others.sources(),
      yieldThread: afterOthers,
    });
    try {
      await this.#older.fetch();
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      const { code, message: reason } = error;
      log.write('error', 'older.failed', { target: point.seqno, code, reason });
    }
  }

  /** The replica waits for it; where it does not come about, the node ends. */
  async carryOut(order: CatchUpOrder): Promise<void> {
    try {
      await this.#installer.install(order);
      await this.#replica.installed(order.request);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.#replica.installFailed(order.request, error);
    }
  }

  stop(): void {
    this.#older?.stop();
    this.#installer.stop();
    this.others.stop();
  }
}

function afterOthers(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function keepSnapshot(place: SnapshotPlace, text: string, file: Uint8Array): Promise<void> {
  const name = parseSnapshotName(text);
  if (!name) return;
  const files = await openSnapshotFolder(place, name.evidenceSeqno);
  if (files.has(name)) return;
  const received = await files.receive();
  try {
    await received.append(file);
    await received.keep(name);
  } catch (error) {
    await received.discard();
    throw error;
  }
}
