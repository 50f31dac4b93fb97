/**
 * The rooms of the repository in the order of their imports, read from the file system, so that a
 * new room is checked from its first file on. The order stands here once: the boundary checker,
 * the tests and the docs take it from here.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root: string = dirname(dirname(fileURLToPath(import.meta.url)));

/** Imports point up this list only: a room imports rooms that stand before it. */
export const roomOrder: readonly string[] = [
  'framework/base',
  'framework/crypto',
  'framework/merkle',
  'framework/receipt',
  'framework/kv',
  'framework/ledger',
  'framework/consensus',
  'framework/attestation',
  'framework/isolate',
  'framework/constitution',
  'framework/endpoint',
  'framework/governance',
  'framework/audit',
  'framework/apps',
  'framework/adapter',
  'framework/replication',
  'framework/recovery',
  'framework/peers',
  'framework/http',
  'framework/monitor',
  'framework/node',
  'adapters/ethereum',
  'adapters/quorum',
  'adapters/sawtooth',
  'adapters/corda',
  'adapters/anchor',
  'clients/sdk',
  'clients/console',
  'program/member',
  'program/cli',
  'simulator',
];

const buildings = ['framework', 'adapters', 'clients', 'program'];

const roomsWithIo: readonly string[] = [
  'framework/peers',
  'framework/http',
  'framework/monitor',
  'framework/node',
];

/** Core rooms do no I/O: everything of the framework but the node and its way to other nodes. */
export function isCoreRoom(room: string): boolean {
  return room.startsWith('framework/') && !roomsWithIo.includes(room);
}

/** Every room that exists, in the order of imports; rooms unknown to the order come last. */
export function listRooms(): string[] {
  const found = buildings.flatMap((building) => {
    const folder = join(root, building);
    return existsSync(folder) ? readdirSync(folder).map((name) => `${building}/${name}`) : [];
  });
  if (existsSync(join(root, 'simulator'))) found.push('simulator');
  const rooms = found.filter((room) => existsSync(join(root, room, 'package.json')));
  const rank = (room: string): number => {
    const place = roomOrder.indexOf(room);
    return place < 0 ? roomOrder.length : place;
  };
  return rooms.sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
}

/**
 * The rooms that the words on a command line mean: `framework/kv`, `kv` or `adapters`.
 * All rooms without words; undefined when a word means none.
 */
export function chooseRooms(words: readonly string[]): string[] | undefined {
  const rooms = listRooms();
  if (words.length === 0) return rooms;
  const chosen = words.map((word) => {
    const name = word.replace(/\/$/, '');
    return rooms.filter(
      (room) => room === name || room.endsWith(`/${name}`) || room.startsWith(`${name}/`),
    );
  });
  return chosen.some((list) => list.length === 0) ? undefined : [...new Set(chosen.flat())];
}

/** Files below `folder` (relative to the root, sorted) whose name ends in `ending`. */
export function listFiles(folder: string, ending: string): string[] {
  const skipped = ['node_modules', 'target', '.git', '.runtime', '.cache', 'sandbox'];
  const absolute = join(root, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute)
    .sort()
    .flatMap((name) => {
      const path = folder === '.' ? name : `${folder}/${name}`;
      if (statSync(join(root, path)).isDirectory()) {
        return skipped.includes(name) ? [] : listFiles(path, ending);
      }
      return name.endsWith(ending) ? [path] : [];
    });
}
