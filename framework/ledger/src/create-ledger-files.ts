/** The files of a ledger that begins: an empty folder, durable in its parent. */
import { asSeqno } from '@coco/base';
import type { LedgerFolder } from './chunk-file.ts';
import { parseChunkName } from './chunk-name.ts';
import { ledgerError } from './errors.ts';
import { LedgerFiles } from './ledger-files.ts';
import { SignatureIndex } from './signature-index.ts';

/** The files of a new ledger; its folder holds none yet. @throws LedgerNotEmpty, DiskFault */
export async function createLedgerFiles(at: LedgerFolder): Promise<LedgerFiles> {
  await at.disk.makeFolder(at.folder);
  // A folder's name is in its parent: without this a crash may take the whole folder.
  await at.disk.syncFolder(parentFolder(at.folder));
  const names = await at.disk.list(at.folder);
  if (names.some((name) => parseChunkName(name) !== undefined)) {
    throw ledgerError('LedgerNotEmpty', 'The folder of a new ledger holds ledger files.', {
      folder: at.folder,
    });
  }
  return new LedgerFiles(at, {
    chunks: [],
    next: asSeqno(1),
    committed: asSeqno(0),
    signatures: new SignatureIndex(),
    isRecovery: false,
  });
}

function parentFolder(folder: string): string {
  const slash = folder.lastIndexOf('/');
  return slash < 0 ? '.' : folder.slice(0, slash);
}
