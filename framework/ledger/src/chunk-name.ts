/** Names of chunk files. Source: CCF's ledger format, docs/formats/ledger.md section 1. */
import { asSeqno, type Seqno } from '@coco/base';

export interface ChunkName {
  /** The seqno of the file's first entry. */
  readonly start: Seqno;
  /** The seqno of its last one; undefined while the chunk grows. */
  readonly last: Seqno | undefined;
  readonly isCommitted: boolean;
  /** Written by a recovery that has not opened its service yet. */
  readonly isRecovery: boolean;
}

const pattern = /^ledger_([1-9]\d{0,15})(?:-([1-9]\d{0,15})(\.committed)?)?(\.recovery)?$/;

export function formatChunkName(name: ChunkName): string {
  const last = name.last === undefined ? '' : `-${name.last}`;
  return `ledger_${name.start}${last}${name.isCommitted ? '.committed' : ''}${name.isRecovery ? '.recovery' : ''}`;
}

/** undefined for names that are no chunk's, `*.ignored` among them. */
export function parseChunkName(text: string): ChunkName | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const start = Number(match[1]);
  const last = match[2] === undefined ? undefined : Number(match[2]);
  if (!Number.isSafeInteger(start) || (last !== undefined && !(last >= start))) return undefined;
  return {
    start: asSeqno(start),
    last: last === undefined ? undefined : asSeqno(last),
    isCommitted: match[3] !== undefined,
    isRecovery: match[4] !== undefined,
  };
}

/** The last seqno of a file that is named as committed; 0 without one. */
export function committedThrough(names: readonly string[]): Seqno {
  let through = 0;
  for (const text of names) {
    const name = parseChunkName(text);
    if (name?.isCommitted && !name.isRecovery) through = Math.max(through, name.last ?? 0);
  }
  return asSeqno(through);
}
