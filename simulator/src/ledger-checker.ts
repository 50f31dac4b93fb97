/**
 * What the disks say when a run has ended: the files of all nodes are equal, the auditor accepts
 * them, and after a power cut of every node any majority of the disks still gives, by the rule of
 * disaster recovery, everything that was acknowledged.
 */
import {
  asSeqno,
  asView,
  formatTransactionId,
  type MemoryDisk,
  type TransactionId,
  toHex,
} from '@coco/base';
import { sha256 } from '@coco/crypto';
import {
  auditLedger,
  entryId,
  type LedgerSecrets,
  parseSnapshotName,
  recoverLedger,
} from '@coco/ledger';
import type { Cluster, Member } from './cluster.ts';
import { entriesOf } from './committed-log.ts';
import { ledgerFolder } from './durability-checker.ts';
import { check } from './errors.ts';
import { snapshotFolder } from './ledger-sources.ts';
import type { SimulatedNode } from './simulated-node.ts';

const fileBytesMax = 1 << 26;
/** The offset of a chunk's table stands before its entries. */
const chunkHeaderBytes = 8;

/** Nodes that hold the same commits hold the same files, names and bytes. */
export async function checkFilesEqual(members: readonly Member[]): Promise<void> {
  const all = [];
  for (const { node } of members) {
    // The first file of a node that began from a snapshot begins where no other's does.
    if (isWhole(node)) all.push({ node, text: await folderText(node.disk.memory) });
  }
  const [first] = all;
  for (const { node, text } of all) {
    check(text === first?.text, `the files of ${node.name} are not those of ${first?.node.name}`);
  }
}

async function folderText(disk: MemoryDisk): Promise<string> {
  const lines: string[] = [];
  for (const name of await disk.list(ledgerFolder)) {
    const bytes = await disk.readFile(`${ledgerFolder}/${name}`, fileBytesMax);
    lines.push(`${name} ${toHex(sha256(bytes))}`);
  }
  return lines.join('\n');
}

/** The auditor finds nothing, with the secrets and without. */
export async function checkAudit(
  members: readonly Member[],
  secrets: LedgerSecrets,
): Promise<void> {
  for (const { node } of members) {
    if (!isWhole(node)) continue;
    const at = { disk: node.disk.memory, folder: ledgerFolder };
    for (const options of [at, { ...at, secrets }]) {
      const { isSound, findings } = await auditLedger(options);
      check(isSound, `the auditor rejects ${node.name}: ${JSON.stringify(findings)}`);
    }
  }
}

interface Recovered {
  readonly id: TransactionId;
  /** Digest of each entry by seqno, as far as a signature covers it. */
  readonly entries: ReadonlyMap<number, string>;
}

/**
 * The power fails everywhere. From the files of the node whose last signature is highest among any
 * majority of the last configuration, nothing that was acknowledged is missing or changed.
 */
export async function checkRecoverable(
  cluster: Cluster,
  acknowledged: readonly string[],
): Promise<void> {
  const { configuration } = cluster;
  const recovered: Recovered[] = [];
  for (const { node } of cluster.members) {
    if (node.isAlive) node.crash();
    const own = isWhole(node) ? await recover(node.disk.memory) : await scan(cluster, node);
    checkOwn(cluster, node, own);
    if (configuration.voters.includes(node.id)) recovered.push(own);
  }
  for (const majority of majoritiesOf(recovered)) {
    const best = majority.reduce((one, other) => (isHigher(other.id, one.id) ? other : one));
    for (const text of acknowledged) {
      const seqno = Number(text.split('.')[1]);
      const isKept = best.entries.get(seqno) === cluster.log.entryDigest(seqno);
      check(isKept, `a recovery to ${formatTransactionId(best.id)} loses ${text}`);
    }
  }
}

/** Whatever a node has called committed is on its own disk, as it is in the ledger. */
function checkOwn({ log }: Cluster, node: SimulatedNode, { entries }: Recovered): void {
  for (let seqno = 1; seqno <= node.pipeline.committedSeqno; seqno++) {
    const isKept = entries.get(seqno) === log.entryDigest(seqno);
    check(isKept, `the disk of ${node.name} does not hold ${seqno}, which it called committed`);
  }
}

async function recover(disk: MemoryDisk): Promise<Recovered> {
  const entries = new Map<number, string>();
  const ledger = await recoverLedger({
    disk,
    folder: ledgerFolder,
    onBatch: (batch) => {
      for (const { entry } of batch) entries.set(entry.id.seqno, toHex(sha256(entry.bytes)));
    },
  });
  return { id: ledger.lastId, entries };
}

/** Whether the node's files begin with the ledger. */
function isWhole(node: SimulatedNode): boolean {
  return node.startedAfter === 0;
}

/** What the files behind a snapshot hold; the snapshot stands for everything before. */
async function scan({ log }: Cluster, node: SimulatedNode): Promise<Recovered> {
  const disk = node.disk.memory;
  const { startedAfter } = node;
  const names = await disk.list(snapshotFolder);
  const isThere = names.some((name) => parseSnapshotName(name)?.seqno === startedAfter);
  check(isThere, `${node.name} has lost the snapshot at ${startedAfter} that it began from`);
  const entries = new Map<number, string>();
  for (let seqno = 1; seqno <= startedAfter; seqno++) {
    const digest = log.entryDigest(seqno);
    if (digest !== undefined) entries.set(seqno, digest);
  }
  let id: TransactionId = { view: asView(0), seqno: asSeqno(0) };
  for (const bytes of await scannedEntries(disk)) {
    const own = entryId(bytes);
    entries.set(own.seqno, toHex(sha256(bytes)));
    if (log.isSignature(formatTransactionId(own)) && isHigher(own, id)) id = own;
  }
  return { id, entries };
}

/** The entries of all chunk files, as far as they are whole. */
async function scannedEntries(disk: MemoryDisk): Promise<Uint8Array[]> {
  const starts = new Map<number, string>();
  for (const name of await disk.list(ledgerFolder)) starts.set(Number(/\d+/.exec(name)?.[0]), name);
  const entries: Uint8Array[] = [];
  for (const start of [...starts.keys()].sort((one, other) => one - other)) {
    const file = await disk.readFile(`${ledgerFolder}/${starts.get(start)}`, fileBytesMax);
    if (file.length < chunkHeaderBytes) break;
    const table = new DataView(file.buffer, file.byteOffset, 4).getUint32(0, true);
    entries.push(...entriesOf(file.subarray(chunkHeaderBytes, table > 0 ? table : file.length)));
  }
  return entries;
}

function isHigher(one: TransactionId, other: TransactionId): boolean {
  return one.view > other.view || (one.view === other.view && one.seqno > other.seqno);
}

function majoritiesOf<Item>(items: readonly Item[]): Item[][] {
  const subsets: Item[][] = [[]];
  for (const item of items) {
    for (const subset of [...subsets]) subsets.push([...subset, item]);
  }
  return subsets.filter((subset) => 2 * subset.length > items.length);
}
