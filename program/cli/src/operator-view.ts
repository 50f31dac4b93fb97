/**
 * What the host sees: the files of a node, what is readable in them, and what is not. It reads as
 * an operator without keys would, and counts instead of claiming.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { toBase64, toHex, utf8Encode } from '@coco/base';
import { cliError } from './errors.ts';

/** Bytes of each file that are shown. */
const shownBytes = 48;
/** Places of a file that are looked at for the bytes to show. */
const placesMax = 64;
const readChunkBytes = 4 * 1024 * 1024;

export interface SeenFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Bytes of the file as an operator's hex viewer shows them: where it is least readable. */
  readonly glimpse: string;
}

/** Lists a node's files with a glimpse of each. @throws SandboxBroken */
export async function seeFiles(folder: string): Promise<readonly SeenFile[]> {
  const files: SeenFile[] = [];
  await visitFiles(folder, async (path) => {
    const { size } = await stat(join(folder, path));
    files.push({ path, sizeBytes: size, glimpse: await leastReadable(join(folder, path), size) });
  });
  return files.sort((left, right) => (left.path < right.path ? -1 : 1));
}

/**
 * Visits every file once. A running node renames and removes files: one that is gone when its turn
 * comes is looked for again under its new name.
 */
async function visitFiles(folder: string, visit: (path: string) => Promise<void>): Promise<void> {
  const visited = new Set<string>();
  for (let isComplete = false; !isComplete; ) {
    isComplete = true;
    for (const path of await walk(folder)) {
      if (visited.has(path)) continue;
      try {
        await visit(path);
        visited.add(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        isComplete = false;
      }
    }
  }
}

async function walk(folder: string, prefix = ''): Promise<readonly string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(
    (cause: unknown) => {
      const message = `There is no folder ${folder}: start the sandbox first ("npm start").`;
      throw cliError('SandboxBroken', message, {}, cause);
    },
  );
  const paths: string[] = [];
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const path = join(prefix, entry.name);
    if (entry.isDirectory()) paths.push(...(await walk(folder, path)));
    else if (entry.isFile()) paths.push(path);
  }
  return paths;
}

/**
 * Governance stands in clear, and may be most of a young ledger: what the rest looks like is seen
 * in one of several places.
 */
async function leastReadable(path: string, size: number): Promise<string> {
  const room = Math.max(0, size - shownBytes);
  const parts: Uint8Array[] = [];
  for (let place = 0; place < placesMax; place++) {
    parts.push(await readPart(path, Math.floor((room * place) / (placesMax - 1))));
  }
  // Zeros are no secret: they stand where a field is empty.
  const hidden = (part: Uint8Array): number =>
    part.filter((byte) => byte !== 0 && !isReadable(byte)).length;
  return glimpseOf(parts.reduce((best, part) => (hidden(part) > hidden(best) ? part : best)));
}

async function readPart(path: string, from: number): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(
      new Uint8Array(shownBytes),
      0,
      shownBytes,
      from,
    );
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function isReadable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

function glimpseOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (isReadable(byte) ? String.fromCharCode(byte) : '·')).join('');
}

/** The forms in which a value could stand in a file. */
function formsOf(value: Uint8Array): readonly Uint8Array[] {
  const hex = toHex(value);
  const texts = [hex, hex.toUpperCase(), ...base64Forms(value)];
  const forms = [value, ...texts.map(utf8Encode)];
  return [...forms, ...forms.map(wide)].filter((form) => form.length > 0);
}

/** The whole groups of the base64 of a longer text in which the value begins anywhere. */
function base64Forms(value: Uint8Array): readonly string[] {
  return [0, 1, 2].flatMap((skipped) => {
    const groups = Math.floor((value.length - skipped) / 3);
    const text = toBase64(value.subarray(skipped, skipped + 3 * groups));
    return [text, text.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** Each byte as a UTF-16 unit, as JavaScript keeps texts. */
function wide(bytes: Uint8Array): Uint8Array {
  const units = new Uint8Array(bytes.length * 2);
  for (const [at, byte] of bytes.entries()) units[at * 2] = byte;
  return units;
}

/**
 * Searches every file of a node for a value, raw, in hex, in base64 and in UTF-16.
 * @returns the paths of the files that hold it; none, if the node keeps its promise.
 */
export async function findInFiles(folder: string, value: Uint8Array): Promise<readonly string[]> {
  const forms = formsOf(value);
  const found: string[] = [];
  await visitFiles(folder, async (path) => {
    if (await fileHolds(join(folder, path), forms)) found.push(path);
  });
  return found;
}

async function fileHolds(path: string, forms: readonly Uint8Array[]): Promise<boolean> {
  const overlap = Math.max(...forms.map((form) => form.length));
  const handle = await open(path);
  try {
    const buffer = Buffer.alloc(readChunkBytes + overlap);
    let kept = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, kept, readChunkBytes);
      if (bytesRead === 0) return false;
      const window = buffer.subarray(0, kept + bytesRead);
      if (forms.some((form) => window.includes(Buffer.from(form)))) return true;
      kept = Math.min(overlap, window.length);
      window.copyWithin(0, window.length - kept);
    }
  } finally {
    await handle.close();
  }
}
