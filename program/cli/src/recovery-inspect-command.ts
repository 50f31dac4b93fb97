/**
 * `coco recovery inspect`: which of several nodes' ledgers a service is recovered from, read from
 * the files alone, before any node is started. Ends with 0 where the folders are enough, 1 where a
 * recovery from them might miss something acknowledged, or none is possible.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { formatTransactionId, type JsonValue } from '@coco/base';
import type { LedgerFolder } from '@coco/ledger';
import { shortId } from '@coco/member';
import { ReadOnlyDisk } from '@coco/node';
import {
  type ConfiguredNode,
  type JudgedCopy,
  type Judgement,
  judgeCopies,
  type LedgerCopy,
  surveyCopy,
  type UnusableCopy,
} from '@coco/recovery';
import { auditProgress } from './audit-progress.ts';
import type { Command } from './command-line.ts';
import { cliError } from './errors.ts';
import { outputFlags, show } from './output.ts';
import { progressTerminal, type Terminal } from './steps.ts';

export const recoveryInspectCommand: Command = {
  flags: {
    snapshots: {
      type: 'string',
      value: 'DIR',
      meaning: 'more snapshots, for ledgers whose older files are missing; may stand several times',
    },
    ...outputFlags,
  },
  run: async (given) => {
    const more = given.inOrder(['snapshots']).map(({ text }) => text);
    const { document, text, isEnough } = await inspectLedgers(
      given.positionals,
      progressTerminal,
      more,
    );
    show(given, document, text);
    if (!isEnough) process.exitCode = 1;
  },
};

export interface Inspection {
  readonly document: JsonValue;
  readonly text: string;
  /** Whether a recovery from the copy named loses nothing that was acknowledged. */
  readonly isEnough: boolean;
}

/** @throws LedgersFork, LedgersUnrelated, WrongUsage, DiskFault */
export async function inspectLedgers(
  folders: readonly string[],
  terminal: Terminal,
  moreSnapshots: readonly string[] = [],
): Promise<Inspection> {
  const paths = await Promise.all(folders.map((name) => ledgerPath(resolve(name))));
  const snapshots = await snapshotPlaces(paths, moreSnapshots);
  const found: (LedgerCopy | UnusableCopy)[] = [];
  for (const [at, path] of paths.entries()) {
    found.push(await survey({ name: folders[at] ?? path, path, snapshots }, terminal));
  }
  const unusable = found.filter((one) => one.kind === 'unusable');
  const copies = found.filter((one) => one.kind === 'copy');
  if (copies.length === 0) {
    const reasons = unusable.map(({ name, reason }) => `${name}: ${reason}`);
    throw cliError(
      'WrongUsage',
      `None of these folders can be recovered from. ${reasons.join(' ')}`,
    );
  }
  const judgement = judgeCopies(copies);
  return {
    document: documentOf(judgement, unusable),
    text: textOf(judgement, unusable).join('\n'),
    isEnough: judgement.isEnough,
  };
}

interface Place {
  /** As it was given. */
  readonly name: string;
  readonly path: string;
  readonly snapshots: readonly LedgerFolder[];
}

async function survey(
  { name, path, snapshots }: Place,
  terminal: Terminal,
): Promise<LedgerCopy | UnusableCopy> {
  const progress = auditProgress(terminal, () => performance.now());
  try {
    return await surveyCopy({
      disk: new ReadOnlyDisk(dirname(path)),
      folder: basename(path),
      name,
      snapshots,
      onProgress: (state) => progress.show({ ...state, file: name }),
    });
  } finally {
    progress.end();
  }
}

/** A node's own folder may be given in place of the ledger in it. @throws WrongUsage */
async function ledgerPath(path: string): Promise<string> {
  const names = await readdir(path).catch((cause: unknown) => {
    throw cliError('WrongUsage', `The folder ${path} cannot be read.`, {}, cause);
  });
  const isLedger = names.some((name) => name.startsWith('ledger_'));
  return !isLedger && names.includes('ledger') ? join(path, 'ledger') : path;
}

/** The folders beside the ledgers, as nodes name them, and those given. @throws WrongUsage */
async function snapshotPlaces(
  ledgers: readonly string[],
  given: readonly string[],
): Promise<readonly LedgerFolder[]> {
  const beside = await Promise.all(
    ledgers.map(async (path) => {
      const folder = join(dirname(path), 'snapshots');
      return (await readdir(folder).catch(() => undefined)) ? [folder] : [];
    }),
  );
  const named = given.map((name) => resolve(name));
  for (const path of named) {
    await readdir(path).catch((cause: unknown) => {
      throw cliError('WrongUsage', `The folder ${path} cannot be read.`, {}, cause);
    });
  }
  return [...new Set([...beside.flat(), ...named])].map((path) => ({
    disk: new ReadOnlyDisk(dirname(path)),
    folder: basename(path),
  }));
}

function textOf(judgement: Judgement, unusable: readonly UnusableCopy[]): readonly string[] {
  const { best, nodes, copies } = judgement;
  const seen = new Set(judgement.seenIds);
  return [
    'Ledgers:',
    ...copies.flatMap((judged) => copyLines(judged, best)),
    ...unusable.map(({ name, reason }) => `  ${name}\n    cannot be used: ${reason}`),
    'Nodes that may have voted at the end:',
    ...nodes.map((node) => `  ${nodeText(node)}: ${seen.has(node.nodeId) ? 'given' : 'MISSING'}`),
    ...verdict(judgement),
  ];
}

function copyLines(judged: JudgedCopy, best: LedgerCopy): readonly string[] {
  const { copy, nodeIds } = judged;
  const owner = nodeIds.length > 0 ? `of node ${nodeIds.map(shortId).join(', ')}` : ownerText(copy);
  return [
    `  ${copy.name}`,
    `    ${owner}; signed up to ${formatTransactionId(copy.lastSigned)}`,
    ...(copy.beginsAfter > 0
      ? [`    begins with a snapshot: the entries up to seqno ${copy.beginsAfter} are not here`]
      : []),
    ...(copy === best ? ['    recover from this one'] : [`    ${standingText(judged, best)}`]),
    ...copy.cuts.map(
      ({ file, bytes }) => `    a recovery cuts ${bytes} bytes of ${file} that no signature covers`,
    ),
  ];
}

function ownerText({ marks, isRestored }: LedgerCopy): string {
  if (isRestored) return 'comes from a backup, so it counts for none';
  return marks.length === 0
    ? 'bears no mark of a node, so it counts for none'
    : `of node ${marks.map(shortId).join(', ')}, which had no vote at the end`;
}

function standingText({ standing, copy }: JudgedCopy, best: LedgerCopy): string {
  switch (standing.kind) {
    case 'equal':
      return 'equal to it';
    case 'behind':
      return `behind: recovering from it would lose ${entries(standing.lackingCount)}`;
    case 'replaced': {
      const { from, view, lackingCount } = standing;
      const tail = `from seqno ${from} on it holds what a primary of view ${view} did not commit`;
      const end = formatTransactionId(copy.lastSigned);
      const instead = formatTransactionId(best.lastSigned);
      return `${tail} (to ${end}; to ${instead} others wrote ${entries(lackingCount)} there)`;
    }
  }
}

function entries(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`;
}

function nodeText({ nodeId, address, status, isCertain }: ConfiguredNode): string {
  const where = address === '' ? '' : ` at ${address}`;
  const doubt = status === 'Retired' ? ', retired and may have voted' : ', may not have voted yet';
  return `${shortId(nodeId)}${where}${isCertain ? '' : doubt}`;
}

function verdict({ best, isEnough, missingCount }: Judgement): readonly string[] {
  const point = formatTransactionId(best.lastSigned);
  if (isEnough) {
    return [
      `Recover from ${best.name}, up to ${point}. These ledgers are enough: whatever was acknowledged`,
      'as committed is in it.',
    ];
  }
  return [
    `The most that these ledgers give is ${best.name}, up to ${point}. They are NOT enough: other nodes`,
    'may have committed more. To be sure, give the ledger of ' +
      `${missingCount === 1 ? 'one more node' : `${missingCount} more nodes`} that voted for certain.`,
  ];
}

function documentOf(judgement: Judgement, unusable: readonly UnusableCopy[]): JsonValue {
  const { best, isEnough, missingCount, seenIds, nodes, copies } = judgement;
  return {
    recoverFrom: best.name,
    lastSigned: formatTransactionId(best.lastSigned),
    isEnough,
    missingCount,
    nodes: nodes.map((node) => ({ ...node, isGiven: seenIds.includes(node.nodeId) })),
    ledgers: copies.map(({ copy, nodeIds, standing }) => ({
      folder: copy.name,
      lastSigned: formatTransactionId(copy.lastSigned),
      beginsAfter: copy.beginsAfter,
      nodeIds: [...nodeIds],
      standing: { ...standing },
    })),
    unusable: unusable.map(({ name, reason }) => ({ folder: name, reason })),
  };
}
