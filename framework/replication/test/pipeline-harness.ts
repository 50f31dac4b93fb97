/** A pipeline whose signing, proposing and deferring the test holds in its hand. */

import {
  asSeqno,
  asView,
  type LogFields,
  ManualClock,
  SeededRandom,
  type Seqno,
  type TransactionId,
  utf8Decode,
  utf8Encode,
} from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { TransactionStatusTracker } from '@coco/endpoint';
import { Store } from '@coco/kv';
import { type Batch, createLedgerTree, LedgerSecrets, NonceGuard, Sequencer } from '@coco/ledger';
import { BatchPipeline } from '../src/batch-pipeline.ts';

export const testMap = 'test.rows';
const key = SigningKey.generate('P-256');

export class PipelineHarness {
  readonly store: Store = new Store();
  readonly tracker: TransactionStatusTracker = new TransactionStatusTracker();
  readonly proposed: { batch: Batch; kind: string }[] = [];
  readonly events: { event: string; fields: LogFields }[] = [];
  readonly pipeline: BatchPipeline;
  readonly sequencer: Sequencer;
  readonly secrets: LedgerSecrets;
  readonly clock: ManualClock = new ManualClock(1_800_000_000_000);
  readonly random: SeededRandom = new SeededRandom(7);
  #deferred: (() => void)[] = [];

  constructor(options: { uncommittedMax?: number; isRecovery?: boolean; gatherMs?: number } = {}) {
    this.secrets = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: this.random.bytes(32) }]);
    this.sequencer = new Sequencer({
      view: asView(2),
      start: 'genesis',
      tree: createLedgerTree(),
      secrets: this.secrets,
      guard: new NonceGuard(),
      signer: { keyId: key.id, algorithm: key.algorithm, issuer: 'test', subject: 'test' },
      committed: asSeqno(0),
    });
    this.pipeline = new BatchPipeline({
      store: this.store,
      sequencer: this.sequencer,
      tracker: this.tracker,
      uncommittedMax: options.uncommittedMax ?? 1000,
      isRecovery: options.isRecovery ?? false,
      gatherMs: options.gatherMs ?? 0,
      ports: {
        clock: this.clock,
        log: { write: (_level, event, fields = {}) => this.events.push({ event, fields }) },
        sign: async (input) => key.sign(input),
        propose: (batch, kind) => this.proposed.push({ batch, kind }),
        defer: (callback) => this.#deferred.push(callback),
      },
    });
  }

  /** Executes one write; the value goes to the key. */
  write(name: string, value: string): Seqno {
    const { id } = this.pipeline.execute((transaction) => {
      transaction.map(testMap).set(utf8Encode(name), utf8Encode(value));
      return { result: undefined };
    });
    return id?.seqno ?? asSeqno(0);
  }

  /** Executes a write that brings a new ledger secret; returns the first seqno under it. */
  rekey(): Seqno {
    const key = this.random.bytes(32);
    const { id } = this.pipeline.execute((transaction) => {
      transaction.map('public:test').set(utf8Encode('rekey'), utf8Encode('now'));
      const whenAppended = ({ seqno }: TransactionId): void =>
        this.sequencer.rekey(asSeqno(seqno + 1), key);
      return { result: undefined, whenAppended };
    });
    return asSeqno((id?.seqno ?? 0) + 1);
  }

  read(name: string): string | undefined {
    const value = this.pipeline.executedState().map(testMap).get(utf8Encode(name));
    return value && utf8Decode(value);
  }

  /** Runs what was deferred and lets signatures come back, until nothing moves. */
  async settle(): Promise<void> {
    for (let round = 0; round < 10; round++) {
      for (const callback of this.#deferred.splice(0)) callback();
      await new Promise((done) => setImmediate(done));
    }
  }

  /** The replica commits the oldest `count` batches that it has not committed. */
  commit(count: number): void {
    for (const { batch } of this.proposed.splice(0, count)) {
      this.pipeline.committed(batch.signatureId.seqno);
    }
  }
}
