/**
 * Several replica hosts on links that deliver at once, unless a node is cut off. Time goes on by
 * beats. What each host says to its main thread is kept. Each has a disk in memory.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import {
  asSeqno,
  asView,
  type LedgerError,
  ManualClock,
  MemoryDisk,
  present,
  SeededRandom,
  type Seqno,
} from '@coco/base';
import {
  createConfiguration,
  loadRaftModule,
  type PeerMessage,
  type ReplicaLimits,
  raftModuleHashUrl,
  raftModuleUrl,
} from '@coco/consensus';
import { createLedgerFiles, PatientDisk } from '@coco/ledger';
import { ReplicaHost } from '../src/replica-host.ts';
import type { ReplicaHostOptions } from '../src/replica-host-options.ts';
import type { ReplicaMessage } from '../src/replica-messages.ts';

let raftModule: Promise<WebAssembly.Module> | undefined;

async function loadModule(): Promise<WebAssembly.Module> {
  const hash = await readFile(raftModuleHashUrl, 'utf8');
  return loadRaftModule(await readFile(raftModuleUrl), hash);
}

/** As in the replica worker. */
const tickMs = 50;
/** Small, so that a few batches are felt. */
const storage = { warningBytes: 1800, reserveBytes: 1200 };

interface Failure {
  readonly id: number;
  readonly error: unknown;
}

interface Parcel {
  readonly from: number;
  readonly to: number;
  readonly message: PeerMessage;
}

type HostOptions = Pick<ReplicaHostOptions, 'backlogBytesMax' | 'isFit' | 'onPeers'>;

export class HostNetwork {
  readonly all: Map<number, ReplicaHost> = new Map();
  /** Nodes that neither send nor receive. */
  readonly cut: Set<number> = new Set();
  readonly failures: Failure[] = [];
  /** Called with everything that a host says, after it was kept. */
  onMessage: (id: number, message: ReplicaMessage) => void = () => {};
  readonly #limits: Partial<ReplicaLimits>;
  readonly #hostOptions: HostOptions;
  readonly #said = new Map<number, ReplicaMessage[]>();
  readonly #disks = new Map<number, MemoryDisk>();
  readonly #clock = new ManualClock(0);
  readonly #queue: Parcel[] = [];

  private constructor(limits: Partial<ReplicaLimits>, options: HostOptions) {
    this.#limits = limits;
    this.#hostOptions = options;
  }

  /** Nodes 1 to `count`, who begin a service. */
  static async start(
    count: number,
    limits: Partial<ReplicaLimits> = {},
    options: HostOptions = {},
  ): Promise<HostNetwork> {
    const network = new HostNetwork(limits, options);
    const ids = Array.from({ length: count }, (_, index) => index + 1);
    for (const id of ids) {
      const host = await network.#add(id);
      const configuration = createConfiguration(ids);
      host.start({ configuration, view: asView(3), seqno: asSeqno(0) });
    }
    return network;
  }

  /** A node that waits to be added. */
  async join(id: number): Promise<ReplicaHost> {
    const host = await this.#add(id);
    host.join();
    return host;
  }

  get ids(): readonly number[] {
    return [...this.all.keys()];
  }

  host(id: number): ReplicaHost {
    return present(this.all.get(id), 'the host exists');
  }

  heard(id: number): readonly ReplicaMessage[] {
    return this.#said.get(id) ?? [];
  }

  disk(id: number): MemoryDisk {
    return present(this.#disks.get(id), 'the node has a disk');
  }

  /** The levels of room on its disk, as they were told. */
  levels(id: number): readonly string[] {
    return this.heard(id).flatMap((one) => (one.kind === 'storage' ? [one.level] : []));
  }

  viewOf(id: number): number {
    return this.host(id).status().office.view;
  }

  /** Batches that a main thread was told of. */
  told(id: number): readonly string[] {
    return this.heard(id)
      .filter(({ kind }) => kind === 'committed' || kind === 'followed')
      .map((one) =>
        one.kind === 'followed'
          ? `followed ${one.batch.view}.${one.batch.firstSeqno} ${one.batch.body.length}`
          : `own ${one.kind === 'committed' && one.seqno}`,
      );
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 50; round++) {
      await new Promise((done) => setImmediate(done));
      for (const { from, to, message } of this.#queue.splice(0)) {
        if (!this.cut.has(from) && !this.cut.has(to)) this.all.get(to)?.step(from, message);
      }
    }
  }

  /** Lets everybody learn of what committed. */
  async beat(count = 1): Promise<void> {
    for (let at = 0; at < count; at++) {
      this.#clock.advance(tickMs);
      for (const host of this.all.values()) host.tick();
      await this.settle();
    }
  }

  /** Who may execute, once somebody may. */
  async primary(): Promise<number> {
    for (let count = 0; count < 200; count++) {
      await this.beat();
      const found = this.ids.find((id) => !this.cut.has(id) && this.isPrimary(id));
      if (found !== undefined) return found;
    }
    return assert.fail('somebody leads');
  }

  isPrimary(id: number): boolean {
    const last = this.heard(id).findLast((message) => message.kind === 'role');
    return last?.kind === 'role' && last.canExecute;
  }

  /** Why a node's files could not be made durable; taken out of the failures. */
  takeFailure(id: number): LedgerError {
    const failure = present(this.failures.shift(), 'it fails');
    assert.equal(failure.id, id);
    const error = failure.error as LedgerError;
    assert.equal(error.code, 'PersistFailed');
    return error.cause as LedgerError;
  }

  async end(id: number): Promise<void> {
    await this.host(id).stop();
    this.all.delete(id);
  }

  async stop(): Promise<void> {
    for (const host of this.all.values()) await host.stop();
    assert.deepEqual(this.failures, []);
  }

  async #add(id: number): Promise<ReplicaHost> {
    raftModule ??= loadModule();
    const memory = new MemoryDisk();
    this.#disks.set(id, memory);
    const disk = new PatientDisk(memory, this.#clock);
    const files = await createLedgerFiles({ disk, folder: 'ledger' });
    const said: ReplicaMessage[] = [];
    this.#said.set(id, said);
    const host = new ReplicaHost({
      nodeId: id,
      raftModule: await raftModule,
      files,
      disk,
      storage,
      clock: this.#clock,
      random: new SeededRandom(id),
      limits: this.#limits,
      ...this.#hostOptions,
      send: (to, message) => this.#queue.push({ from: id, to, message }),
      post: (message) => {
        said.push(message);
        this.onMessage(id, message);
      },
      onFailed: (error) => this.failures.push({ id, error }),
    });
    this.all.set(id, host);
    return host;
  }
}

/** The last seqno that a batch holds. */
export function lastOf(batch: { readonly firstSeqno: number; readonly entryCount: number }): Seqno {
  return asSeqno(batch.firstSeqno + batch.entryCount - 1);
}
