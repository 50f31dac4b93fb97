/**
 * Where the reading of a ledger begins when its older files are not here: at a committed snapshot,
 * behind which a chunk file goes on. The host may have made the snapshot. Two things prove it: its
 * receipt, under the service that it names itself, and, because that service may be made up as
 * well, the transaction with its digest, which the files behind it must hold (ledger-walk.ts) and
 * which the ledger's last signature covers with everything else.
 */
import {
  asView,
  equalBytes,
  formatTransactionId,
  isJsonObject,
  LedgerError,
  parseJson,
  refuse,
  type Seqno,
  type TransactionId,
  toHex,
} from '@coco/base';
import { MerkleTree } from '@coco/merkle';
import type { LedgerFolder } from './chunk-file.ts';
import { type ChunkName, formatChunkName } from './chunk-name.ts';
import { planChunks } from './chunk-plan.ts';
import {
  type DecodedSnapshot,
  decodeSnapshot,
  publicRow,
  verifySnapshot,
} from './decode-snapshot.ts';
import type { DecodedEntry } from './entry.ts';
import { ledgerError } from './errors.ts';
import type { VerifierStart, ViewStart } from './ledger-verifier.ts';
import { parseServiceState, serviceInfoMap } from './service-history.ts';
import { singletonKey, treeMap } from './signature-entry.ts';
import { parseSnapshotName, type SnapshotName } from './snapshot-name.ts';

/** The state of a service is to fit the memory of a node. */
const snapshotBytesMax = 4 * 1024 * 1024 * 1024;

const evidenceMap = 'public:ccf.internal.snapshot_evidence';

/** Plain values: the replica worker is given them, too. */
export interface LedgerBegin {
  /** The signature entry that the snapshot is of. */
  readonly id: TransactionId;
  /** The leaf of that entry, and the Merkle tree before it. */
  readonly leaf: Uint8Array;
  readonly treeBytes: Uint8Array;
  readonly views: readonly ViewStart[];
  /** The service's row as it stood. */
  readonly serviceRow: Uint8Array;
  /** The transaction that holds the snapshot's digest. */
  readonly evidence: { readonly seqno: Seqno; readonly digest: Uint8Array };
}

/** A snapshot that a ledger begins with, and where its file is. */
export interface FoundBegin {
  readonly begin: LedgerBegin;
  readonly at: LedgerFolder;
  /** Of the file. */
  readonly name: string;
  readonly snapshot: DecodedSnapshot;
}

/**
 * The oldest snapshot that the ledger in `at` can begin with, out of the folders given; undefined
 * where the files begin with the first entry and none is needed.
 * @throws LedgerDamaged where files are missing and no snapshot stands for them, DiskFault
 */
export async function findBegin(
  at: LedgerFolder,
  snapshots: readonly LedgerFolder[],
): Promise<FoundBegin | undefined> {
  const { chunks } = await planChunks(at);
  const run = lastRun(chunks);
  const [first] = run;
  if (!first || first.start === 1) return undefined;
  const starts = new Set(run.map(({ start }) => start - 1));
  const reasons: string[] = [];
  for (const place of await candidates(snapshots)) {
    if (!starts.has(place.parsed.seqno)) continue;
    try {
      return await readBegin(place);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      reasons.push(`${place.name}: ${error.message}`);
    }
  }
  const file = formatChunkName(first);
  const message = `The files before ${file} are missing, and no snapshot that ends where a file begins stands for them.`;
  throw ledgerError('LedgerDamaged', [message, ...reasons].join(' '), { file, seqno: first.start });
}

/** The snapshot's file once more. @throws LedgerDamaged where it is another one now, DiskFault */
export async function reopenBegin({
  at,
  name,
  begin,
}: Omit<FoundBegin, 'snapshot'>): Promise<DecodedSnapshot> {
  const again = await readBegin({ at, name, parsed: parsedName(name) });
  const [one, other] = [again.begin.evidence.digest, begin.evidence.digest];
  if (equalBytes(one, other)) return again.snapshot;
  throw ledgerError('LedgerDamaged', `${name} changed between two reads.`, { file: name });
}

/** A start of its own for a verifier, which owns the tree. @throws InvalidInput */
export function verifierStart(begin: LedgerBegin): VerifierStart {
  const { id, leaf, treeBytes, views, serviceRow } = begin;
  const tree = MerkleTree.deserialise(treeBytes);
  if (tree.size !== id.seqno) {
    throw refuse('InvalidInput', 'The tree of the snapshot is of another place.');
  }
  tree.append(leaf);
  return { id, tree, views, service: parseServiceState(serviceRow) };
}

/** What a snapshot says of the place that it stands at. @throws InvalidInput */
function beginOf(snapshot: DecodedSnapshot, evidenceSeqno: Seqno): LedgerBegin {
  const { seqno, leaf, viewStarts, digest } = snapshot;
  const treeBytes = publicRow(snapshot, treeMap, singletonKey);
  const serviceRow = publicRow(snapshot, serviceInfoMap, singletonKey);
  if (!treeBytes || !serviceRow) {
    throw refuse('InvalidInput', 'The snapshot holds no Merkle tree, or names no service.');
  }
  return {
    id: { view: asView(viewStarts.length), seqno },
    // Of their own: the rest of a large file need not stay in memory.
    leaf: leaf.slice(),
    treeBytes: treeBytes.slice(),
    serviceRow: serviceRow.slice(),
    views: viewsOf(viewStarts),
    evidence: { seqno: evidenceSeqno, digest },
  };
}

/** Whether an entry is the one that vouches for the snapshot: the primary alone writes such a row. */
export function isEvidence(entry: DecodedEntry, { id, evidence }: LedgerBegin): boolean {
  if (entry.id.seqno !== evidence.seqno) return false;
  const rows = entry.publicMaps.find(({ name }) => name === evidenceMap)?.rows ?? [];
  const value = rows.find(({ key }) => equalBytes(key, singletonKey))?.value;
  if (!value || !equalBytes(entry.claimsDigest, evidence.digest)) return false;
  const row = parseJson(value);
  const { version, hash } = isJsonObject(row) ? row : {};
  return version === id.seqno && hash === toHex(evidence.digest);
}

/** The views that have entries, from the first seqno of each view from 1 on. */
function viewsOf(starts: readonly Seqno[]): readonly ViewStart[] {
  return starts.flatMap((firstSeqno, at) => {
    const isEmpty = starts[at + 1] === firstSeqno;
    return isEmpty ? [] : [{ view: asView(at + 1), firstSeqno }];
  });
}

/** The files behind the last place where one is missing. */
function lastRun(chunks: readonly ChunkName[]): readonly ChunkName[] {
  const gap = chunks.findLastIndex((chunk, index) => {
    const before = chunks[index - 1];
    // A file without an end holds everything up to the next one: reading it will show.
    return before?.last !== undefined && chunk.start !== before.last + 1;
  });
  return chunks.slice(Math.max(0, gap));
}

interface Candidate {
  readonly at: LedgerFolder;
  readonly name: string;
  readonly parsed: SnapshotName;
}

/** Committed snapshots, oldest first: the older one leaves more of the ledger to be verified. */
async function candidates(folders: readonly LedgerFolder[]): Promise<readonly Candidate[]> {
  const found: Candidate[] = [];
  for (const at of folders) {
    for (const name of await at.disk.list(at.folder)) {
      const parsed = parseSnapshotName(name);
      if (parsed?.isCommitted) found.push({ at, name, parsed });
    }
  }
  return found.sort((left, right) => left.parsed.seqno - right.parsed.seqno);
}

function parsedName(name: string): SnapshotName {
  const parsed = parseSnapshotName(name);
  if (parsed) return parsed;
  throw refuse('InvalidInput', 'The name is not of a snapshot.');
}

/** @throws InvalidInput and what verifySnapshot throws, DiskFault */
async function readBegin({ at, name, parsed }: Candidate): Promise<FoundBegin> {
  const file = await at.disk.readFile(`${at.folder}/${name}`, snapshotBytesMax);
  const snapshot = decodeSnapshot(file);
  const begin = beginOf(snapshot, parsed.evidenceSeqno);
  const { certificate } = parseServiceState(begin.serviceRow);
  const { transactionId } = await verifySnapshot(snapshot, certificate.spki);
  const isNamed = snapshot.seqno === parsed.seqno && transactionId.seqno === parsed.evidenceSeqno;
  if (!isNamed) {
    const found = formatTransactionId(transactionId);
    throw refuse('InvalidInput', `The file is not the one that it is named as.`, { found });
  }
  return { begin, at, name, snapshot };
}
