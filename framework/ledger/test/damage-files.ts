/**
 * Damage to a ledger's files, as disks, copies and hosts do it: a seeded list over every kind.
 * Nothing here has a key.
 */
import { concatBytes, SeededRandom } from '@coco/base';
import { entryBounds, type Files, isSignature } from './forge-ledger.ts';

export interface Damage {
  readonly kind: string;
  /** What exactly, for who reads of a failure. */
  readonly detail: string;
  readonly files: Files;
  /** What shows it: the files alone, the ledger secrets, or an id that somebody remembers. */
  readonly shows: 'files' | 'secrets' | 'memory';
}

export interface DamageSource {
  readonly files: Files;
  /** The same ledger, some batches ago. */
  readonly earlier: Files;
  /** Another service's ledger with the same names. */
  readonly foreign: Files;
}

type Kind = (source: DamageSource, random: SeededRandom) => Omit<Damage, 'kind'> | undefined;

/** `count` damages of each kind. */
export function damageFiles(source: DamageSource, seed: number, count: number): readonly Damage[] {
  const random = new SeededRandom(seed);
  return Object.entries(kinds).flatMap(([kind, make]) =>
    Array.from({ length: count }, () => make(source, random)).flatMap((damage) =>
      damage ? [{ kind, ...damage }] : [],
    ),
  );
}

function sorted(files: Files): readonly string[] {
  const start = (name: string): number => Number(/\d+/.exec(name)?.[0]);
  return [...files.keys()].sort((left, right) => start(left) - start(right));
}

function pick<Item>(items: readonly Item[], random: SeededRandom): Item {
  return items[random.below(items.length)] as Item;
}

function changed(
  files: Files,
  name: string,
  bytes: Uint8Array | undefined,
): Map<string, Uint8Array> {
  const copy = new Map(files);
  if (bytes) copy.set(name, bytes);
  else copy.delete(name);
  return copy;
}

function renamed(files: Files, from: string, to: string): Map<string, Uint8Array> {
  const bytes = files.get(from) ?? new Uint8Array(0);
  return changed(changed(files, from, undefined), to, bytes);
}

function bytesOf(files: Files, name: string): Uint8Array {
  return files.get(name) ?? new Uint8Array(0);
}

/** The last signature entry, which no signature covers: its file and where it stands. */
function lastSignature(files: Files): {
  readonly name: string;
  readonly at: number;
  readonly size: number;
} {
  const name = sorted(files).at(-1) ?? '';
  const bounds = entryBounds(bytesOf(files, name)).at(-1);
  return { name, at: bounds?.at ?? 0, size: bounds?.size ?? 0 };
}

/** GCM tag and commit evidence digest of the last signature entry: the secret alone shows them. */
function showsAt(files: Files, name: string, at: number): Damage['shows'] {
  const last = lastSignature(files);
  const offset = at - last.at;
  const isTag = offset >= 8 && offset < 24;
  const isEvidence = offset >= 85 && offset < 117;
  return name === last.name && (isTag || isEvidence) ? 'secrets' : 'files';
}

/** Whether a cut of the newest file leaves an older ledger that is whole. */
function isBatchEnd(bytes: Uint8Array, length: number): boolean {
  const last = entryBounds(bytes).find(({ at, size }) => at + size === length);
  return last !== undefined && isSignature(bytes.slice(last.at, last.at + last.size));
}

function flipAt(files: Files, name: string, at: number, bit: number): Omit<Damage, 'kind'> {
  const bytes = bytesOf(files, name).slice();
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
  const detail = `${name}, byte ${at}, bit ${bit}`;
  return { detail, files: changed(files, name, bytes), shows: showsAt(files, name, at) };
}

function randomFlip(files: Files, random: SeededRandom): Omit<Damage, 'kind'> {
  const name = pick(sorted(files), random);
  return flipAt(files, name, random.below(bytesOf(files, name).length), random.below(8));
}

/** A field of the last signature entry, by its offset and length. */
function lastField(offset: number, length: number): Kind {
  return ({ files }, random) => {
    const { name, at } = lastSignature(files);
    return flipAt(files, name, at + offset + random.below(length), random.below(8));
  };
}

/** Two entries of one file change places. */
function swapEntries(files: Files, random: SeededRandom): Omit<Damage, 'kind'> | undefined {
  const name = pick(sorted(files), random);
  const bytes = bytesOf(files, name);
  const bounds = entryBounds(bytes);
  const at = random.below(Math.max(1, bounds.length - 1));
  const [one, two] = [bounds[at], bounds[at + 1]];
  if (!one || !two) return undefined;
  const swapped = concatBytes(
    bytes.slice(0, one.at),
    bytes.slice(two.at, two.at + two.size),
    bytes.slice(one.at, one.at + one.size),
    bytes.slice(two.at + two.size),
  );
  return { detail: `${name}, entry ${at}`, files: changed(files, name, swapped), shows: 'files' };
}

const kinds: Readonly<Record<string, Kind>> = {
  'a flipped bit': ({ files }, random) => randomFlip(files, random),
  'a zeroed sector': ({ files }, random) => {
    const name = pick(sorted(files), random);
    const bytes = bytesOf(files, name).slice();
    const at = random.below(bytes.length);
    const before = bytes.slice(at, at + 512);
    bytes.fill(0, at, at + 512);
    if (before.every((byte) => byte === 0)) return undefined;
    return { detail: `${name}, byte ${at}`, files: changed(files, name, bytes), shows: 'files' };
  },
  'bytes that were inserted or removed': ({ files }, random) => {
    const name = pick(sorted(files), random);
    const bytes = bytesOf(files, name);
    const at = random.below(bytes.length);
    const inserted = random.below(2) === 0 ? random.bytes(1 + random.below(9)) : new Uint8Array(0);
    const rest = bytes.slice(inserted.length > 0 ? at : at + 1 + random.below(9));
    const result = concatBytes(bytes.slice(0, at), inserted, rest);
    const isWhole = name === sorted(files).at(-1) && isBatchEnd(bytes, result.length);
    const shows = isWhole && rest.length === 0 ? 'memory' : 'files';
    return { detail: `${name}, byte ${at}`, files: changed(files, name, result), shows };
  },
  'a cut file': ({ files }, random) => {
    const name = pick(sorted(files), random);
    const bytes = bytesOf(files, name);
    const length = random.below(bytes.length);
    const isWhole = name === sorted(files).at(-1) && isBatchEnd(bytes, length);
    const result = changed(files, name, bytes.slice(0, length));
    return { detail: `${name} to ${length}`, files: result, shows: isWhole ? 'memory' : 'files' };
  },
  'an open file cut behind an entry': ({ files }, random) => {
    const { name } = lastSignature(files);
    const bytes = bytesOf(files, name);
    const ends = entryBounds(bytes)
      .map(({ at, size }) => at + size)
      .slice(0, -1);
    if (ends.length === 0) return undefined;
    const length = pick(ends, random);
    const shows = isBatchEnd(bytes, length) ? 'memory' : 'files';
    return { detail: `to ${length}`, files: changed(files, name, bytes.slice(0, length)), shows };
  },
  'entries that changed places': ({ files }, random) => swapEntries(files, random),
  'an entry that stands twice': ({ files }, random) => {
    const name = pick(sorted(files), random);
    const bytes = bytesOf(files, name);
    const { at, size } = pick(entryBounds(bytes), random);
    const twice = concatBytes(bytes.slice(0, at + size), bytes.slice(at));
    return { detail: `${name}, byte ${at}`, files: changed(files, name, twice), shows: 'files' };
  },
  'a positions table that was removed': ({ files }, random) => {
    const complete = sorted(files).filter((name) => name.includes('-'));
    if (complete.length === 0) return undefined;
    const name = pick(complete, random);
    const bytes = bytesOf(files, name);
    const end = entryBounds(bytes).reduce((most, { at, size }) => Math.max(most, at + size), 0);
    const bare = bytes.slice(0, end);
    bare.fill(0, 0, 8);
    return { detail: name, files: changed(files, name, bare), shows: 'files' };
  },
  'a positions table that was changed': ({ files }, random) => {
    const complete = sorted(files).filter((name) => name.includes('-'));
    if (complete.length === 0) return undefined;
    const name = pick(complete, random);
    const bytes = bytesOf(files, name);
    const end = entryBounds(bytes).reduce((most, { at, size }) => Math.max(most, at + size), 0);
    return flipAt(files, name, end + random.below(bytes.length - end), random.below(8));
  },
  'a file that is missing': ({ files }, random) => {
    const names = sorted(files);
    const name = pick(names.slice(0, -1), random);
    return { detail: name, files: changed(files, name, undefined), shows: 'files' };
  },
  'last files that are missing': ({ files }, random) => {
    const names = sorted(files);
    const kept = names.slice(0, 1 + random.below(names.length - 1));
    const left = new Map(kept.map((name) => [name, bytesOf(files, name)]));
    return { detail: `after ${kept.at(-1)}`, files: left, shows: 'memory' };
  },
  'an empty folder': () => ({ detail: '', files: new Map(), shows: 'files' }),
  'files that changed names': ({ files }, random) => {
    const names = sorted(files);
    const at = random.below(names.length - 1);
    const [one = '', two = ''] = names.slice(at, at + 2);
    const result = changed(changed(files, one, bytesOf(files, two)), two, bytesOf(files, one));
    return { detail: `${one} and ${two}`, files: result, shows: 'files' };
  },
  'a renamed file': ({ files }, random) => {
    const names = sorted(files);
    const name = pick(names, random);
    const isNewest = name === names.at(-1);
    const endings: readonly [string, string][] = [
      [name, name.replace(/_(\d+)/, (_, start: string) => `_${Number(start) + 1}`)],
      [name, `${name}.ignored`],
      [name, `${name}.recovery`],
      [name, name.replace(/-(\d+)/, (_, end: string) => `-${Number(end) + 1}`)],
      [name, `${name}.bak`],
    ];
    const [from, to] = pick(
      endings.filter(([, to]) => to !== name),
      random,
    );
    const isGone = to.endsWith('.ignored') || to.endsWith('.bak');
    const shows = isNewest && isGone ? 'memory' : 'files';
    return { detail: `${from} to ${to}`, files: renamed(files, from, to), shows };
  },
  'a file of another service': ({ files, foreign }, random) => {
    const shared = sorted(files).filter((name) => foreign.has(name));
    if (shared.length === 0) return undefined;
    const name = pick(shared, random);
    const result = changed(files, name, bytesOf(foreign, name));
    return { detail: name, files: result, shows: 'files' };
  },
  'an older state of the newest file': ({ files, earlier }) => {
    const name = sorted(earlier).at(-1) ?? '';
    const kept = sorted(files).filter((other) => earlier.has(other) && other !== name);
    const result = new Map(kept.map((other) => [other, bytesOf(files, other)]));
    result.set(name, bytesOf(earlier, name));
    return { detail: name, files: result, shows: 'memory' };
  },
  'an older state between newer files': ({ files, earlier }) => {
    const name = sorted(earlier).at(-1) ?? '';
    const place = sorted(files).find((other) => other.startsWith(`${name}-`));
    if (place === undefined) return undefined;
    const result = changed(files, place, bytesOf(earlier, name));
    return { detail: `${name} as ${place}`, files: result, shows: 'files' };
  },
  'the last signature’s flags': lastField(1, 1),
  'the last signature’s GCM tag': lastField(8, 16),
  'the last signature’s nonce': lastField(24, 12),
  'the last signature’s seqno': lastField(45, 8),
  'the last signature’s claims digest': lastField(53, 32),
  'the last signature’s commit evidence digest': lastField(85, 32),
  'the last signature’s tree': ({ files }, random) => {
    const { name, at, size } = lastSignature(files);
    return flipAt(files, name, at + size - 1 - random.below(40), random.below(8));
  },
};
