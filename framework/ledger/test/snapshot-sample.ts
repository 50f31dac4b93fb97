/** A service whose state is kept as a node keeps it, and snapshots of it. */
import { asSeqno, MemoryDisk, present, toHex, utf8Encode } from '@coco/base';
import { Store, type WriteSet } from '@coco/kv';
import {
  buildReceipt,
  decodeEntry,
  type EncodedSnapshot,
  encodeSnapshot,
  leafOf,
  SnapshotNonceGuard,
  type SnapshotSource,
  singletonKey,
  treeMap,
} from '../src/index.ts';
import {
  createIdentity,
  type Identity,
  row,
  SampleService,
  serviceInfo,
  writes,
} from './sample-service.ts';

export class SnapshotSample {
  readonly service: SampleService;
  readonly store: Store = new Store();
  readonly guard: SnapshotNonceGuard = new SnapshotNonceGuard();
  #leaf: Uint8Array = new Uint8Array(32);

  private constructor(service: SampleService) {
    this.service = service;
  }

  static async create(identity?: Identity): Promise<SnapshotSample> {
    const own = identity ?? (await createIdentity());
    const service = await SampleService.create({ disk: new MemoryDisk(), identity: own });
    const sample = new SnapshotSample(service);
    sample.write(writes(serviceInfo(own, 'Opening')));
    await sample.sign();
    sample.write(writes(serviceInfo(own, 'Open')));
    await sample.sign();
    return sample;
  }

  write(writeSet: WriteSet, claimsDigest?: Uint8Array): void {
    this.service.append(writeSet, claimsDigest);
    this.store.apply(writeSet);
  }

  /** Rows of a private and a public map, `count` of each, of `bytes` bytes. */
  writeRows(count: number, bytes: number): void {
    const { random } = this.service;
    const rows = Array.from({ length: count }, (_, at) =>
      row(`key ${String(at).padStart(6, '0')}`, random.bytes(bytes)),
    );
    this.write(writes({ 'coco.private': rows, 'public:coco.open': rows }));
  }

  /** Closes the batch as a node does: of a signature entry the state keeps the tree. */
  async sign(): Promise<void> {
    const { sequencer, identity } = this.service;
    const pending = sequencer.closeBatch(1_767_225_601);
    const rows = [{ key: singletonKey, value: pending.treeBytes }];
    this.store.apply({ maps: [{ name: treeMap, rows }] });
    const batch = sequencer.completeBatch(identity.key.sign(pending.input));
    await this.service.files.append([batch]);
    await this.service.files.flush();
    await this.service.commit(pending.id.seqno);
    const { seqno } = pending.id;
    const [entry] = await this.service.files.readEntries(seqno, seqno);
    this.#leaf = leafOf(decodeEntry(present(entry, 'the signature entry is in the files')));
    this.store.seal();
    this.store.commit(this.store.seqno);
  }

  source(): SnapshotSource {
    const starts = [asSeqno(1), asSeqno(1)];
    const state = this.store.readAt(this.store.committed);
    return { state, leaf: this.#leaf, viewStarts: starts };
  }

  encode(source: SnapshotSource = this.source()): EncodedSnapshot {
    const { secrets } = this.service;
    const sealer = { secret: secrets.secretFor(source.state.seqno), guard: this.guard };
    return runWhole(encodeSnapshot(sealer, source));
  }

  /** Writes the evidence of a snapshot and returns the receipt of that transaction. */
  async receiptFor(snapshot: EncodedSnapshot): Promise<Uint8Array> {
    const { service } = this;
    const evidence = utf8Encode(
      JSON.stringify({ hash: toHex(snapshot.digest), version: snapshot.seqno }),
    );
    const { id } = service.append(
      writes({ 'public:ccf.internal.snapshot_evidence': [row(singletonKey, evidence)] }),
      snapshot.digest,
    );
    await service.sign();
    const [entryBytes] = await service.files.readEntries(id.seqno, id.seqno);
    const signatureEntryBytes = await service.files.readBatchSignature(id.seqno);
    const secret = service.secrets.secretFor(id.seqno).key;
    const entry = present(entryBytes, 'the evidence is in the files');
    return buildReceipt({ id, entryBytes: entry, signatureEntryBytes, secret });
  }
}

/** Lets a generator run to its end. */
export function runWhole<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** A snapshot's file. */
export function fileOf(
  snapshot: EncodedSnapshot,
  receipt: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return new Uint8Array(Buffer.concat([...snapshot.pages, receipt]));
}
