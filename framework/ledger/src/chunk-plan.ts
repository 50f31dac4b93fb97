/**
 * Which of a folder's chunk files make up the ledger, by name alone. Files of an unfinished
 * recovery do not: nothing of it was acknowledged. They do once a file without the marker stands
 * behind them: the markers go newest first, so the recovery was decided and only the renaming was
 * interrupted.
 */
import type { LedgerFolder } from './chunk-file.ts';
import { type ChunkName, formatChunkName, parseChunkName } from './chunk-name.ts';
import { ledgerError } from './errors.ts';

export interface ChunkPlan {
  /** The ledger's files, ascending. */
  readonly chunks: readonly ChunkName[];
  /** Files of an unfinished recovery. */
  readonly unfinished: readonly ChunkName[];
  /** Files whose entries another one holds as well. */
  readonly doubled?: readonly ChunkName[];
}

/**
 * A folder holds one file for each 5 MB: more than a million of them are a hostile listing. No part
 * of it is read: a ledger that lacks files would be cut as if it had never had them.
 */
const filesMax = 1_000_000;

/**
 * @throws LedgerDamaged when two files start at one seqno, a file that cannot stand there does, or
 * the folder holds too many
 */
export async function planChunks(at: LedgerFolder): Promise<ChunkPlan> {
  const listed = await at.disk.list(at.folder);
  if (listed.length > filesMax) {
    const message = `The ledger's folder holds more than ${filesMax} files.`;
    throw ledgerError('LedgerDamaged', message, { count: listed.length });
  }
  const names = listed
    .map(parseChunkName)
    .filter((name) => name !== undefined)
    .sort((left, right) => left.start - right.start);
  const lastPlain = names.findLastIndex((name) => !name.isRecovery);
  const plain = names.slice(0, lastPlain + 1);
  const doubled = plain.filter((name, index) => isWithin(name, plain[index - 1]));
  const chunks = plain.filter((name) => !doubled.includes(name));
  for (const [index, name] of chunks.entries()) {
    const next = chunks[index + 1];
    const end = name.last ?? name.start;
    if (next && next.start <= end) {
      const file = formatChunkName(next);
      throw ledgerError('LedgerDamaged', `${file} overlaps the file before it.`, {
        file,
        seqno: next.start,
      });
    }
  }
  return { chunks, unfinished: names.slice(lastPlain + 1), doubled };
}

/**
 * A node that began from a snapshot replaces its first file by the one that holds the beginning of
 * that chunk as well: a crash between the two steps leaves both.
 */
function isWithin(name: ChunkName, before: ChunkName | undefined): boolean {
  if (!before?.isCommitted || before.last === undefined || name.last === undefined) return false;
  return name.isCommitted && name.start > before.start && name.last === before.last;
}
