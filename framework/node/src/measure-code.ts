/**
 * The measurement of the virtual platform: a digest of the code that this process runs. On real
 * hardware the platform measures; here the node does, so the value informs and proves nothing
 * (SECURITY.md).
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';

/** What a room runs: its sources and its WebAssembly. */
const measuredFolders = ['src', 'wasm'];

/**
 * Hex SHA-256 over the rooms' files, each as path, NUL and its own SHA-256, sorted by path: the
 * same code gives the same value wherever it is installed.
 * @param root the folder that the rooms' paths are relative to
 */
export async function measureCode(root: string, rooms: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const room of rooms) {
    for (const folder of measuredFolders) {
      for (const name of await filesIn(join(root, room, folder))) {
        const digest = sha256(await readFile(join(root, room, folder, name)));
        lines.push(`${room}/${folder}/${name}\0${toHex(digest)}\n`);
      }
    }
  }
  return toHex(sha256(utf8Encode(lines.sort().join(''))));
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}
