/**
 * A node's mark in its ledger's folder: whose files these are. Chunk files of two nodes are equal
 * byte for byte, so nothing in them tells; and who recovers must not count one folder twice. The
 * node signs the mark with its own key, whose digest is its id in nodes.info. A mark proves that
 * the folder was that node's, not that nothing was taken out of it since: files have no freshness.
 *
 * The name ends in `.ignored`, which every reader of CCF's ledger folders skips.
 * Source: docs/formats/ledger-mark.md.
 */
import {
  type CborKey,
  type CborValue,
  coseHeader,
  decodeSignOne,
  LedgerError,
  toHex,
} from '@coco/base';
import { type SigningKey, sha256, signCose, verifyCose } from '@coco/crypto';
import type { LedgerFolder } from '@coco/ledger';

/** A mark is some 300 bytes. */
const markBytesMax = 4096;
/** A folder bears one mark, for a moment two: hundreds are a hostile listing. */
const marksMax = 64;
const label = 'coco.v1';
const kind = 'ledger-mark';
const namePattern = /^node_([0-9a-f]{64})\.ignored$/;

function markName(nodeId: string): string {
  return `node_${nodeId}.ignored`;
}

/** The mark that the holder of `key` makes. */
export function signMark(key: SigningKey): Uint8Array {
  const protectedHeader = new Map<CborKey, CborValue>([
    [coseHeader.algorithm, key.algorithm],
    [label, kind],
  ]);
  return signCose({ key, protectedHeader, payload: key.spki, isDetached: false });
}

/** The id of the node that made the mark; undefined for bytes that are no mark, or forged. */
export function nodeOfMark(bytes: Uint8Array): string | undefined {
  try {
    const { payload: spki } = decodeSignOne(bytes, markBytesMax);
    if (spki === null) return undefined;
    const { protectedHeader } = verifyCose({ bytes, spki, bytesMax: markBytesMax });
    const isMark = protectedHeader.get(label) === kind;
    return isMark ? toHex(sha256(spki)) : undefined;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

/** The ids of the nodes whose marks a folder bears. @throws DiskFault when it cannot be listed */
export async function readMarks(at: LedgerFolder): Promise<readonly string[]> {
  const names = (await at.disk.list(at.folder)).filter((name) => namePattern.test(name));
  const found: string[] = [];
  for (const name of names.slice(0, marksMax)) {
    const nodeId = await readMark(at, name);
    if (nodeId !== undefined && name === markName(nodeId)) found.push(nodeId);
  }
  return found;
}

async function readMark(at: LedgerFolder, name: string): Promise<string | undefined> {
  try {
    return nodeOfMark(await at.disk.readFile(`${at.folder}/${name}`, markBytesMax));
  } catch (error) {
    // A mark that cannot be read proves nothing; the ledger beside it may all the same be whole.
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

/** Marks the folder as the node's, beside what marks it bears. Durable. @throws DiskFault */
export async function writeMark(at: LedgerFolder, key: SigningKey): Promise<void> {
  const { disk, folder } = at;
  const name = markName(key.id);
  if ((await disk.list(folder)).includes(name)) await disk.remove(`${folder}/${name}`);
  const file = await disk.open(`${folder}/${name}`, { create: true });
  try {
    await file.write(0, signMark(key));
    await file.datasync();
  } finally {
    await file.close();
  }
  await disk.syncFolder(folder);
}

/** A folder that was filled from a backup says so: it may lack what its node committed since. */
const restoredName = 'restored.ignored';

/** Marks the folder as filled from a backup. Durable. @throws DiskFault */
export async function writeRestoredMark({ disk, folder }: LedgerFolder): Promise<void> {
  const file = await disk.open(`${folder}/${restoredName}`, { create: true });
  await file.close();
  await disk.syncFolder(folder);
}

export async function isRestored({ disk, folder }: LedgerFolder): Promise<boolean> {
  return (await disk.list(folder)).includes(restoredName);
}

/** Takes away every other mark: the files are this node's from here on. @throws DiskFault */
export async function removeOtherMarks(at: LedgerFolder, key: SigningKey): Promise<void> {
  const own = markName(key.id);
  for (const name of await at.disk.list(at.folder)) {
    const isOther = namePattern.test(name) && name !== own;
    if (isOther || name === restoredName) await at.disk.remove(`${at.folder}/${name}`);
  }
  await at.disk.syncFolder(at.folder);
}
