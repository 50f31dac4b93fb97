/** Copies of a ledger for tests: a writer in a folder of its own, that may go on in another view. */
import { asView, encodeJson, MemoryDisk, present, type Seqno, toHex, type View } from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';
import { type NodeInfoRow, nodeInfos, nodeVoters } from '@coco/governance';
import { Store, type WriteSet } from '@coco/kv';
import {
  buildReceipt,
  decodeEntry,
  type EncodedSnapshot,
  encodeSnapshot,
  leafOf,
  NonceGuard,
  type RecoveredLedger,
  recoverLedger,
  Sequencer,
  SnapshotNonceGuard,
  singletonKey,
} from '@coco/ledger';
import { replay } from '@coco/replication';
import {
  beginRecovery,
  copyFolder,
  createIdentity,
  endRecovery,
  type Identity,
  SampleService,
  serviceInfo,
  signerOf,
  testTimeMs,
  writeFile,
  writes,
} from '../../ledger/test/sample-writer.ts';
import { type LedgerCopy, surveyCopy, type UnusableCopy, writeMark } from '../src/index.ts';

export const folder = 'ledger';
export const snapshots = 'snapshots';
const infoMap = 'public:ccf.gov.service.info';
const evidenceMap = 'public:ccf.internal.snapshot_evidence';

export interface TestNode {
  readonly key: SigningKey;
  readonly id: string;
}

export function createNode(): TestNode {
  const key = SigningKey.generate('P-256');
  return { key, id: key.id };
}

const nodeRow: NodeInfoRow = {
  node_to_node_interface: { published_address: '127.0.0.1:7000' },
  rpc_interfaces: {},
  quote_info: { format: 'Insecure_Virtual', quote: '', endorsements: '' },
  encryption_pub_key: '',
  status: 'Trusted',
};

/** What an entry says of nodes: a status, and whether it votes. */
export interface NodeChange {
  readonly node: TestNode;
  readonly row?: Partial<NodeInfoRow>;
  readonly isVoter?: boolean;
}

function changeNodes(changes: readonly NodeChange[]): WriteSet {
  const transaction = new Store().begin();
  for (const { node, row, isVoter } of changes) {
    if (row) nodeInfos.put(transaction, node.id, { ...nodeRow, ...row });
    if (isVoter) nodeVoters.put(transaction, node.id, new Uint8Array(8));
  }
  return transaction.writeSet();
}

/** A service's ledger on a disk of its own. */
export class Writer {
  readonly disk: MemoryDisk;
  readonly service: SampleService;
  /** The transaction that created its service. */
  readonly createId: string;

  private constructor(disk: MemoryDisk, service: SampleService, createId = '2.1') {
    this.disk = disk;
    this.service = service;
    this.createId = createId;
  }

  static async create(
    identity: Identity,
    nodes: readonly TestNode[],
    chunkBytes = 3000,
  ): Promise<Writer> {
    const disk = new MemoryDisk();
    const service = await SampleService.create({ disk, identity, chunkBytes });
    const writer = new Writer(disk, service);
    await service.open();
    await writer.change(nodes.map((node) => ({ node, row: {}, isVoter: true })));
    return writer;
  }

  async change(changes: readonly NodeChange[]): Promise<void> {
    this.service.append(changeNodes(changes));
    await this.service.sign();
  }

  /** A new certificate for the same key. */
  async renewCertificate(): Promise<void> {
    const { key } = this.service.identity;
    const certificatePem = await createCertificate({
      subject: 'CCF Service',
      key,
      isAuthority: true,
      notBeforeMs: testTimeMs + 1000,
      days: 30,
    });
    this.service.append(writes(serviceInfo({ key, certificatePem }, 'Open')));
    await this.service.sign();
  }

  async write(batches = 1): Promise<void> {
    for (let batch = 0; batch < batches; batch++) {
      this.service.write(3);
      await this.service.sign();
    }
  }

  /** The files as they are now, on a disk of their own; marked as the node's if one is given. */
  async copy(node?: TestNode): Promise<MemoryDisk> {
    const disk = new MemoryDisk();
    await copyFolder(this.disk, disk, folder);
    if (node) await writeMark({ disk, folder }, node.key);
    return disk;
  }

  /**
   * A snapshot of the ledger as it is, where a file ends: its folder on this disk. It is of a state
   * that names the transaction which created the service, as nodes write it.
   */
  async snapshot(): Promise<string> {
    const { service, disk } = this;
    const info = { cert: service.identity.certificatePem, status: 'Open' };
    const row = { ...info, current_service_create_txid: this.createId };
    service.append(writes({ [infoMap]: [{ key: singletonKey, value: encodeJson(row) }] }));
    service.sequencer.forceChunk();
    await service.sign();
    const { snapshot, receipt } = await encodedAt(service);
    const at = `${snapshots}/snapshot_${snapshot.seqno}_${snapshot.seqno + 1}.committed`;
    await disk.makeFolder(snapshots);
    await writeFile(disk, at, new Uint8Array(Buffer.concat([...snapshot.pages, receipt])));
    return snapshots;
  }

  /** A node that has these files becomes primary of a view, and writes its first signature. */
  async elsewhere(view: number): Promise<Writer> {
    const disk = await this.copy();
    const ledger = await recoverLedger({ disk, folder });
    await ledger.truncate();
    const files = await ledger.continueFiles();
    const { identity, secrets, random } = this.service;
    const guard = new NonceGuard();
    const sequencer = new Sequencer({
      view: asView(view) as View,
      start: 'view',
      tree: ledger.tree,
      secrets,
      guard,
      signer: { ...signerOf(identity), ...ledger.signerNames },
      committed: ledger.lastId.seqno,
      chunkBytes: 3000,
    });
    sequencer.startView(asView(view));
    const service = new SampleService(
      { disk, identity },
      { guard, secrets, sequencer, files, random },
    );
    await service.sign();
    return new Writer(disk, service, this.createId);
  }

  /** A disaster recovery from these files, under a new identity. */
  async recovered(): Promise<Writer> {
    const disk = await this.copy();
    const identity = await createIdentity();
    const recovering = await beginRecovery({ disk, identity, chunkBytes: 3000 });
    const { identity: before, secrets } = this.service;
    const { view, seqno } = recovering.ledger.lastId;
    await endRecovery(recovering, { identity: before, secrets });
    return new Writer(disk, recovering.service, `${view + 2}.${seqno + 1}`);
  }
}

/** The state of a ledger's last signature as a snapshot, and the receipt of its evidence. */
async function encodedAt(
  service: SampleService,
): Promise<{ readonly snapshot: EncodedSnapshot; readonly receipt: Uint8Array }> {
  const { files, secrets } = service;
  const ledger = await recoverLedger(service.at);
  const store = new Store();
  await ledger.replayPrivate(secrets, (batch) => replay(store, batch, () => true));
  const { seqno } = ledger.lastId;
  const [signature] = await files.readEntries(seqno, seqno);
  const sealer = { secret: secrets.secretFor(seqno), guard: new SnapshotNonceGuard() };
  const steps = encodeSnapshot(sealer, {
    state: store.readAt(seqno),
    leaf: leafOf(decodeEntry(present(signature, 'the ledger ends with it'))),
    viewStarts: viewStartsOf(ledger),
  });
  let step = steps.next();
  while (!step.done) step = steps.next();
  const snapshot = step.value;
  const row = encodeJson({ hash: toHex(snapshot.digest), version: seqno });
  const rows = [{ key: singletonKey, value: row }];
  const { id } = service.append(writes({ [evidenceMap]: rows }), snapshot.digest);
  await service.sign();
  const [entry] = await files.readEntries(id.seqno, id.seqno);
  const receipt = buildReceipt({
    id,
    entryBytes: present(entry, 'the evidence is in the files'),
    signatureEntryBytes: await files.readBatchSignature(id.seqno),
    secret: secrets.secretFor(id.seqno).key,
  });
  return { snapshot, receipt };
}

/** From view 1 on; an empty view has the start of the next one. */
function viewStartsOf({ views }: RecoveredLedger): readonly Seqno[] {
  const starts: Seqno[] = [];
  for (const { view, firstSeqno } of views) while (starts.length < view) starts.push(firstSeqno);
  return starts;
}

/** The files behind the first snapshot alone, with it; marked as the node's. */
export async function beginLate(writer: Writer, node: TestNode): Promise<MemoryDisk> {
  const disk = await writer.copy(node);
  await disk.makeFolder(snapshots);
  await copyFolder(writer.disk, disk, snapshots);
  const seqnos = (await disk.list(snapshots)).map((name) => Number(name.split('_')[1]));
  const first = Math.min(...seqnos);
  for (const name of await disk.list(folder)) {
    const start = Number(/^ledger_(\d+)/.exec(name)?.[1] ?? first + 1);
    if (start <= first) await disk.remove(`${folder}/${name}`);
  }
  return disk;
}

export async function survey(disk: MemoryDisk, name: string): Promise<LedgerCopy> {
  const found: LedgerCopy | UnusableCopy = await surveyCopy({
    disk,
    folder,
    name,
    snapshots: [{ disk, folder: snapshots }],
  });
  if (found.kind === 'copy') return found;
  throw new TypeError(`${name}: ${found.reason}`);
}
