/**
 * Every outside component that this repository pins, read from the lock files: npm packages, the
 * Node.js of the bootstrap, Rust crates, Go modules and the Python tools of the interop suites.
 * Lock files of npm name licences; for the others scripts/sbom/licences.json does.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles, listRooms, root } from './rooms.ts';

export type Ecosystem = 'npm' | 'cargo' | 'golang' | 'pypi';

export interface Component {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string;
  /** An SPDX expression; undefined when nothing says it. */
  readonly licence: string | undefined;
  /** Whether it brings code to run at install (npm) or at build (cargo); npm's never runs here. */
  readonly hasInstallScript: boolean;
  /** Used only to develop, check and test. */
  readonly isDevelopment: boolean;
  readonly sha512Hex: string | undefined;
}

interface Licence {
  readonly licence: string;
  readonly buildScript?: boolean;
}

type Licences = Readonly<Record<Ecosystem, Readonly<Record<string, Licence>>>>;

interface NpmEntry {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly integrity?: string;
}

/** All components, sorted, each name and version once. */
export function listComponents(): Component[] {
  const licences: Licences = JSON.parse(read('scripts/sbom/licences.json'));
  const below = (name: string): string[] => listRooms().flatMap((room) => listFiles(room, name));
  const all = [
    ...npmComponents(read('package-lock.json'), licences),
    ...npmComponents(read('scripts/runtime/package-lock.json'), licences),
    ...below('Cargo.lock').flatMap((path) => cargoComponents(read(path), licences)),
    ...below('go.sum').flatMap((path) => goComponents(read(path), licences)),
    ...pythonComponents(read('scripts/interop/requirements.txt'), licences),
  ];
  const once = new Map(all.map((one) => [`${one.ecosystem} ${one.name} ${one.version}`, one]));
  return [...once].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component);
}

function read(path: string): string {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
}

export function npmComponents(lock: string, licences: Licences): Component[] {
  const { packages }: { packages: Record<string, NpmEntry> } = JSON.parse(lock);
  return Object.entries(packages).flatMap(([path, entry]) => {
    const place = path.lastIndexOf('node_modules/');
    if (place < 0 || entry.link || entry.version === undefined) return [];
    const name = entry.name ?? path.slice(place + 'node_modules/'.length);
    const [algorithm, digest = ''] = entry.integrity?.split('-') ?? [];
    const isSha512 = algorithm === 'sha512';
    return {
      ecosystem: 'npm' as const,
      name,
      version: entry.version,
      licence: entry.license ?? licences.npm[name]?.licence,
      hasInstallScript: entry.hasInstallScript ?? false,
      isDevelopment: entry.dev ?? false,
      sha512Hex: isSha512 ? Buffer.from(digest, 'base64').toString('hex') : undefined,
    };
  });
}

function other(
  ecosystem: Exclude<Ecosystem, 'npm'>,
  [name, version]: readonly [string, string],
  licences: Licences,
): Component {
  const known = licences[ecosystem][name];
  return {
    ecosystem,
    name,
    version,
    licence: known?.licence,
    hasInstallScript: known?.buildScript ?? false,
    isDevelopment: ecosystem === 'pypi',
    sha512Hex: undefined,
  };
}

function cargoComponents(lock: string, licences: Licences): Component[] {
  const entry = /\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"\nsource = /g;
  return [...lock.matchAll(entry)].map(([, name = '', version = '']) =>
    other('cargo', [name, version], licences),
  );
}

function goComponents(sums: string, licences: Licences): Component[] {
  return [...sums.matchAll(/^(\S+) (v[^\s/]+) h1:/gm)].map(([, name = '', version = '']) =>
    other('golang', [name, version], licences),
  );
}

function pythonComponents(requirements: string, licences: Licences): Component[] {
  return [...requirements.matchAll(/^([\w.-]+)==(\S+)/gm)].map(([, name = '', version = '']) =>
    other('pypi', [name, version], licences),
  );
}
