/** A service whose files other nodes read, and a node that lacks a part of its ledger. */

import {
  asSeqno,
  asView,
  type Clock,
  type LogFields,
  MemoryDisk,
  present,
  type Seqno,
  toBase64,
  toHex,
} from '@coco/base';
import { createConfiguration } from '@coco/consensus';
import { EncryptionKey, encryptTo, sha256 } from '@coco/crypto';
import { TransactionStatusTracker } from '@coco/endpoint';
import { nodeSecrets } from '@coco/governance';
import { Store } from '@coco/kv';
import {
  buildReceipt,
  type CommittedBody,
  createLedgerFiles,
  createLedgerTree,
  decodeEntry,
  encodeSnapshot,
  formatSnapshotName,
  type LedgerFiles,
  LedgerSecrets,
  leafOf,
  NonceGuard,
  readBatches,
  Sequencer,
  SnapshotNonceGuard,
  singletonKey,
} from '@coco/ledger';
import {
  createIdentity,
  fileOf,
  type Identity,
  recoverSample,
  row,
  runWhole,
  SampleService,
  signerOf,
  writes,
} from '../../ledger/test/ledger-harness.ts';
import { adoptSecret, type SecretReceiver } from '../src/adopt-secret.ts';
import { BatchFollower } from '../src/batch-follower.ts';
import { BatchPipeline } from '../src/batch-pipeline.ts';
import type { CatchUpSource } from '../src/catch-up-source.ts';
import { LedgerInstaller } from '../src/ledger-installer.ts';
import type { CatchUpOrder } from '../src/replica-messages.ts';
import { viewStartsAt } from '../src/snapshot-maker.ts';

const nodeId = 'ab'.repeat(32);
const chunkBytes = 4000;
export const identity: Identity = await createIdentity();
const encryptionKey = EncryptionKey.generate();

export interface NamedSnapshot {
  readonly name: string;
  readonly file: Uint8Array;
  readonly digest: Uint8Array;
  readonly seqno: Seqno;
}

/** A service that writes: what it has is what honest nodes serve. */
export class Origin {
  readonly service: SampleService;
  readonly #guard = new SnapshotNonceGuard();

  constructor(service: SampleService) {
    this.service = service;
  }

  static async create(seed = 1, own: Identity = identity): Promise<Origin> {
    const options = { disk: new MemoryDisk(), identity: own, chunkBytes, seed };
    const service = await SampleService.create(options);
    await service.open();
    return new Origin(service);
  }

  async write(...counts: number[]): Promise<void> {
    for (const count of counts) {
      this.service.write(count);
      await this.service.sign();
    }
  }

  /** The secret goes to the node that will read. */
  async rekey(): Promise<void> {
    const { service } = this;
    const secret = service.random.bytes(32);
    const row_ = {
      version: null,
      encrypted_secret: toBase64(encryptTo(encryptionKey.publicPem, secret)),
    };
    const store = new Store();
    const transaction = store.begin();
    nodeSecrets.put(transaction, { [nodeId]: [row_] });
    const { id } = service.append(transaction.writeSet());
    service.sequencer.rekey(asSeqno(id.seqno + 1), secret);
    service.write(3);
    await service.sign();
  }

  /** It stops, and members bring it back under a new identity. */
  async recover(own: Identity, seed = 77): Promise<Origin> {
    const { service } = this;
    await service.files.close();
    const options = { disk: service.at.disk, identity: own, chunkBytes, seed };
    return new Origin(await recoverSample(options, service));
  }

  get last(): Seqno {
    return asSeqno(this.service.files.next - 1);
  }

  batches(from: number, to: number = this.last): Promise<readonly CommittedBody[]> {
    const options = { to: asSeqno(to), bytesMax: 3_000 };
    return readBatches(this.service.files, asSeqno(from), options);
  }

  async lastBatch(): Promise<CommittedBody> {
    const all: CommittedBody[] = [];
    for (let next = 1; next <= this.last; ) {
      all.push(...(await this.batches(next)));
      const end = present(all.at(-1), 'there is a batch');
      next = end.firstSeqno + end.entryCount;
    }
    return present(all.at(-1), 'there is a batch');
  }

  async order(request: number, next: number, snapshot?: NamedSnapshot): Promise<CatchUpOrder> {
    const { view, firstSeqno, entryCount, body } = await this.lastBatch();
    const digest = new Uint8Array(sha256(body));
    const bodyBytes = body.length;
    return {
      request,
      next: asSeqno(next),
      offer: {
        raftIndex: 9 as CatchUpOrder['offer']['raftIndex'],
        view,
        configuration: createConfiguration([1]),
        lastBatch: { kind: 'batch', view, firstSeqno, entryCount, bodyBytes, digest },
        ledgerSnapshot: snapshot,
      },
    };
  }

  /** A snapshot of the state that a node which has read everything holds. */
  async snapshot(by: Reader, options: { isProven?: boolean } = {}): Promise<NamedSnapshot> {
    const { service } = this;
    const { committed: seqno } = by.pipeline.state;
    const [entry] = await service.files.readEntries(seqno, seqno);
    const snapshot = runWhole(
      encodeSnapshot(
        { secret: service.secrets.secretFor(seqno), guard: this.#guard },
        {
          state: by.pipeline.committedState(),
          leaf: leafOf(decodeEntry(present(entry, 'it is in the files'))),
          viewStarts: viewStartsAt(by.tracker.viewHistory(), seqno),
        },
      ),
    );
    const evidence = writes({ 'public:ccf.internal.snapshot_evidence': [row(singletonKey, '{}')] });
    const { id } = service.append(evidence, snapshot.digest);
    await service.sign();
    const [entryBytes] = await service.files.readEntries(id.seqno, id.seqno);
    const receipt = buildReceipt({
      id,
      entryBytes: present(entryBytes, 'it is in the files'),
      signatureEntryBytes: await service.files.readBatchSignature(id.seqno),
      secret: service.secrets.secretFor(id.seqno).key,
    });
    const file = options.isProven === false ? fileOf(snapshot) : fileOf(snapshot, receipt);
    const name = formatSnapshotName({ seqno, evidenceSeqno: id.seqno, isCommitted: true });
    return { name, file, digest: new Uint8Array(sha256(file)), seqno };
  }

  source(name: string, snapshots: readonly NamedSnapshot[] = []): CatchUpSource {
    return {
      name,
      readSnapshotPart: async (asked, from) => {
        const { file } = present(
          snapshots.find((one) => one.name === asked),
          'it is there',
        );
        return { bytes: file.subarray(from, from + 1500), size: file.length };
      },
      readBatches: (from, to) => this.batches(from, to),
    };
  }
}

/** A node without a state, at first. */
export class Reader {
  readonly disk: MemoryDisk = new MemoryDisk();
  readonly pipeline: BatchPipeline;
  readonly tracker: TransactionStatusTracker = new TransactionStatusTracker();
  readonly secrets: LedgerSecrets;
  readonly events: { event: string; fields: LogFields }[] = [];
  readonly observed: string[] = [];
  readonly kept: string[] = [];
  readonly installer: LedgerInstaller;
  readonly receiver: SecretReceiver;
  sources: readonly CatchUpSource[] = [];
  /** How often it waited for somebody to answer. */
  waits = 0;
  files: LedgerFiles;
  readonly #clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    setTimer: (_delayMs, callback) => {
      this.waits++;
      setImmediate(callback);
      return () => {};
    },
  };

  private constructor(
    secrets: LedgerSecrets,
    files: (disk: MemoryDisk) => LedgerFiles,
    own: Identity,
  ) {
    this.secrets = secrets;
    this.files = files(this.disk);
    const sequencer = new Sequencer({
      view: asView(1),
      start: 'join',
      tree: createLedgerTree(),
      secrets,
      guard: new NonceGuard(),
      signer: signerOf(own),
      committed: asSeqno(0),
      chunkBytes,
    });
    const log = {
      write: (_level: string, event: string, fields: LogFields = {}) =>
        void this.events.push({ event, fields }),
    };
    const ports = {
      clock: this.#clock,
      log,
      sign: async (input: Uint8Array) => own.key.sign(input),
      propose: () => {},
      defer: (callback: () => void) => void setImmediate(callback),
    };
    const store = new Store();
    const { tracker } = this;
    this.pipeline = new BatchPipeline({ store, sequencer, tracker, uncommittedMax: 99, ports });
    this.pipeline.addObserver({
      onCommitted: ({ view, firstSeqno, lastSeqno }) =>
        this.observed.push(`${view}.${firstSeqno}-${lastSeqno}`),
      rolledBack: () => {},
    });
    this.receiver = { secrets, nodeId, encryptionKey };
    const { receiver } = this;
    const serviceSpki = own.key.spki;
    const { state } = this.pipeline;
    this.installer = new LedgerInstaller({
      state,
      follower: new BatchFollower({
        state,
        secrets,
        serviceSpki,
        onEntry: (entry) => adoptSecret(entry, receiver),
      }),
      receiver,
      serviceSpki,
      files: {
        startAfter: (_order, snapshot) => this.files.startAfter(snapshot),
        append: (_order, batches) => this.files.append(batches),
      },
      sources: () => this.sources,
      keepSnapshot: async (name) => void this.kept.push(name),
      clock: this.#clock,
      log,
      yieldThread: () => new Promise((resolve) => setImmediate(resolve)),
    });
  }

  /** With the secrets of `chain`; by default all that the service has. */
  static async create(
    origin: Origin,
    chain: LedgerSecrets['chain'] = origin.service.secrets.chain,
  ): Promise<Reader> {
    const disk = new MemoryDisk();
    const files = await createLedgerFiles({ disk, folder: 'ledger' });
    const reader = new Reader(new LedgerSecrets(chain), () => files, origin.service.identity);
    Object.assign(reader, { disk });
    return reader;
  }

  /** Reads everything from the sources. */
  async install(order: CatchUpOrder): Promise<void> {
    await this.installer.install(order);
    await this.files.flush();
    await this.files.commit(asSeqno(this.files.next - 1));
  }

  /** What it holds: state, place, statuses. */
  standing(): string {
    const { state } = this.pipeline;
    const view = state.committedState();
    const rows = [...view.mapNames()]
      .sort()
      .flatMap((name) =>
        [...view.map(name).range()].map(
          ({ key, value, version }) => `${name} ${toHex(key)} ${toHex(sha256(value))} ${version}`,
        ),
      );
    const history = this.tracker.viewHistory().map(({ view: of, seqno }) => `${of}.${seqno}`);
    return [`${state.committed} ${state.sequencer.nextSeqno}`, ...history, ...rows].join('\n');
  }

  refusals(): readonly unknown[] {
    return this.events
      .filter(({ event }) => event === 'install.refused')
      .map(({ fields }) => fields.node);
  }
}

/** Names and content of chunk files. */
export async function filesOf(disk: MemoryDisk): Promise<Readonly<Record<string, string>>> {
  const names = await disk.list('ledger');
  const contents = await Promise.all(
    names.map(async (name) => toHex(sha256(await disk.readFile(`ledger/${name}`, 1e9)))),
  );
  return Object.fromEntries(names.map((name, at) => [name, contents[at] ?? '']));
}
