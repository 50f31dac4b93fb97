/** Catching up, wired: the orders of the replica worker, the other nodes, and this node's files. */

import { resolve } from 'node:path';
import { asSeqno, type Clock, LedgerError, type Log, type Seqno } from '@coco/base';
import { recoveryRecord } from '@coco/governance';
import { parseSnapshotName } from '@coco/ledger';
import {
  type CatchUpOrder,
  type CatchUpSource,
  LedgerInstaller,
  type LedgerInstallerOptions,
  OlderLedger,
} from '@coco/replication';
import { type NodeFolders, openSnapshotFolder, readOnlyLedgerAt } from './ledger-folder.ts';
import { FolderSource } from './ledger-source.ts';
import type { OtherNodes } from './other-nodes.ts';
import type { ReplicaClient } from './replica-client.ts';

export interface NodeCatchUpOptions
  extends Pick<LedgerInstallerOptions, 'state' | 'follower' | 'receiver' | 'serviceSpki'> {
  readonly replica: ReplicaClient;
  readonly others: OtherNodes;
  readonly folders: NodeFolders;
  readonly ledgerFolder: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class NodeCatchUp {
  readonly others: OtherNodes;
  readonly #replica: ReplicaClient;
  readonly #installer: LedgerInstaller;
  readonly #options: NodeCatchUpOptions;
  /** Copies of the ledger on this machine, asked first. */
  readonly #copies: readonly CatchUpSource[];
  #older: OlderLedger | undefined;

  constructor(options: NodeCatchUpOptions) {
    const { replica, others, folders } = options;
    this.#options = options;
    this.#copies = copiesAt(folders);
    this.others = others;
    this.#replica = replica;
    this.#installer = new LedgerInstaller({
      ...options,
      files: {
        startAfter: (order, snapshot) => replica.installStart(order, snapshot),
        append: (order, batches) => replica.installBatches(order, batches),
      },
      sources: () => this.#sources(),
      keepSnapshot: (name, file) => keepSnapshot(folders, name, file),
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
    const { replica, ledgerFolder, log } = this.#options;
    const point = this.#installer.startedFrom;
    if (!point) return;
    const after = recoveryRecord.get(this.#options.state.committedState())?.begins_after;
    // The service was recovered without it: no node can give it, a copy here perhaps can.
    if (after !== undefined && this.#copies.length === 0) {
      log.write('warning', 'older.unavailable', { target: point.seqno, beginsAfter: after });
      return;
    }
    this.#older = new OlderLedger({
      ...this.#options,
      point,
      files: {
        begin: () => replica.olderBegin(ledgerFolder),
        append: (batches) => replica.olderBatches(batches),
        finish: () => replica.olderFinish(),
      },
      sources: () => this.#sources(),
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

  #sources(): readonly CatchUpSource[] {
    return [...this.#copies, ...this.others.sources()];
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

function copiesAt({ configuration, baseFolder }: NodeFolders): readonly CatchUpSource[] {
  return configuration.readOnlyLedgerDirectories.map(
    (directory) => new FolderSource(readOnlyLedgerAt(resolve(baseFolder, directory)), directory),
  );
}

function afterOthers(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function keepSnapshot(place: NodeFolders, text: string, file: Uint8Array): Promise<void> {
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
