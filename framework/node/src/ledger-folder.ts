/**
 * Whose a ledger's folder is: a node marks the one that it writes (@coco/recovery), so that who
 * recovers from the files of several nodes can tell them apart.
 */
import { basename, dirname } from 'node:path';
import type { SigningKey } from '@coco/crypto';
import type { LedgerFolder } from '@coco/ledger';
import { removeOtherMarks, writeMark } from '@coco/recovery';
import { FileDisk } from './file-disk.ts';

/** The folder as the ledger's rooms take it. */
function folderAt(path: string): LedgerFolder {
  return { disk: new FileDisk(dirname(path)), folder: basename(path) };
}

/** Marks the folder as this node's beside whose it was. @throws DiskFault */
export function markFolder(path: string, key: SigningKey): Promise<void> {
  return writeMark(folderAt(path), key);
}

/** The folder is this node's alone from here on. @throws DiskFault */
export async function takeFolder(path: string, key: SigningKey): Promise<void> {
  await markFolder(path, key);
  await removeOtherMarks(folderAt(path), key);
}
