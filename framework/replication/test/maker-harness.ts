import { asSeqno, MemoryDisk, present, type Seqno, type TransactionId } from '@coco/base';
import { type ServiceStatus, serviceInfo, snapshotRequest } from '@coco/governance';
import { buildReceipt, decodeEntry, isSignatureEntry, leafOf, SnapshotFiles } from '@coco/ledger';
import { type KeptSnapshot, SnapshotMaker } from '../src/snapshot-maker.ts';
import { PipelineHarness } from './pipeline-harness.ts';

export const folder = 'snapshots';

/** A pipeline whose batches the test commits, and the maker that observes it. */
export class MakerHarness extends PipelineHarness {
  readonly disk: MemoryDisk;
  /** Entries of committed batches by seqno. */
  readonly #entries = new Map<number, Uint8Array>();
  readonly maker: SnapshotMaker;
  readonly files: SnapshotFiles;
  readonly made: KeptSnapshot[] = [];
  /** Turns of the event loop that the encoder gave back. */
  turns = 0;

  private constructor(disk: MemoryDisk, files: SnapshotFiles, options: MakerOptions) {
    super({ uncommittedMax: options.uncommittedMax ?? 1000 });
    this.disk = disk;
    this.files = files;
    this.maker = new SnapshotMaker({
      pipeline: this.pipeline,
      files,
      secrets: this.secrets,
      leafAt: (seqno) => leafOf(decodeEntry(this.entry(seqno))),
      receiptOf: async (id) => this.#receipt(id),
      entriesBetween: options.entriesBetween ?? 1000,
      onMade: (made) => this.made.push(made),
      clock: { monotonicMs: () => this.#beat(), nowMs: () => 0, setTimer: () => () => {} },
      log: { write: (_level, event, fields = {}) => this.events.push({ event, fields }) },
      defer: (callback) => {
        this.turns++;
        setImmediate(callback);
      },
    });
    this.pipeline.addObserver(this.maker);
  }

  static async create(options: MakerOptions = {}): Promise<MakerHarness> {
    const disk = new MemoryDisk();
    const files = await SnapshotFiles.open({ disk, folder }, asSeqno(0));
    const harness = new MakerHarness(disk, files, options);
    harness.pipeline.startExecuting();
    harness.setStatus('Opening');
    await harness.commitAll();
    harness.maker.enable();
    return harness;
  }

  /** Each look at the clock is a millisecond: a slice is a few steps. */
  #now = 0;
  #beat(): number {
    return this.#now++;
  }

  entry(seqno: number): Uint8Array {
    return present(this.#entries.get(seqno), 'the entry is committed');
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  /** As the action of a proposal does. */
  request(): void {
    this.pipeline.execute((transaction) => {
      snapshotRequest.put(transaction, 'governance');
      return { result: undefined, whenAppended: () => this.maker.ask() };
    });
  }

  setStatus(status: ServiceStatus): void {
    this.pipeline.execute((transaction) => {
      serviceInfo.put(transaction, { cert: 'PEM', status });
      return { result: undefined };
    });
  }

  /** Commits whatever is proposed until nothing moves. */
  async commitAll(): Promise<void> {
    for (let round = 0; round < 12; round++) {
      await this.settle();
      this.commitOnce();
    }
  }

  commitOnce(): void {
    for (const { batch } of this.proposed) {
      let seqno = batch.firstSeqno as number;
      for (let at = 0; at < batch.body.length; ) {
        const view = new DataView(batch.body.buffer, batch.body.byteOffset + at);
        const size = 8 + view.getUint32(2, true);
        this.#entries.set(seqno++, batch.body.subarray(at, at + size));
        at += size;
      }
    }
    this.commit(this.proposed.length);
  }

  #receipt(id: TransactionId): Uint8Array {
    for (let seqno = id.seqno + 1; ; seqno++) {
      const signature = this.entry(seqno);
      if (!isSignatureEntry(decodeEntry(signature))) continue;
      const secret = this.secrets.secretFor(id.seqno as Seqno).key;
      const entryBytes = this.entry(id.seqno);
      return buildReceipt({ id, entryBytes, signatureEntryBytes: signature, secret });
    }
  }

  names(): Promise<readonly string[]> {
    return this.disk.list(folder);
  }

  logged(event: string): number {
    return this.events.filter((one) => one.event === event).length;
  }
}

interface MakerOptions {
  readonly entriesBetween?: number;
  readonly uncommittedMax?: number;
}
