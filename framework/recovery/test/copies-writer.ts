/** Copies of a ledger for tests: a writer in a folder of its own, that may go on in another view. */
import { asView, MemoryDisk, type View } from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';
import { type NodeInfoRow, nodeInfos, nodeVoters } from '@coco/governance';
import { Store, type WriteSet } from '@coco/kv';
import { NonceGuard, recoverLedger, Sequencer } from '@coco/ledger';
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
  writes,
} from '../../ledger/test/sample-writer.ts';
import { type LedgerCopy, surveyCopy, type UnusableCopy, writeMark } from '../src/index.ts';

export const folder = 'ledger';

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

  private constructor(disk: MemoryDisk, service: SampleService) {
    this.disk = disk;
    this.service = service;
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
    return new Writer(disk, service);
  }

  /** A disaster recovery from these files, under a new identity. */
  async recovered(): Promise<Writer> {
    const disk = await this.copy();
    const identity = await createIdentity();
    const recovering = await beginRecovery({ disk, identity, chunkBytes: 3000 });
    const { identity: before, secrets } = this.service;
    await endRecovery(recovering, { identity: before, secrets });
    return new Writer(disk, recovering.service);
  }
}

export async function survey(disk: MemoryDisk, name: string): Promise<LedgerCopy> {
  const found: LedgerCopy | UnusableCopy = await surveyCopy({ disk, folder, name });
  if (found.kind === 'copy') return found;
  throw new TypeError(`${name}: ${found.reason}`);
}
