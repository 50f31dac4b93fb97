/**
 * npm packages of foreign tools, installed once into .cache as the package-lock.json of a folder
 * here pins them. Install scripts do not run.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../../.cache', import.meta.url));
const installMsMax = 600_000;

export interface Installed {
  /** Has node_modules. */
  readonly folder: string;
  /** A sentence, when they cannot be installed. */
  readonly missing?: string;
}

/** Where the texts of a folder here stand. */
export function sourceOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

export async function installPackages(name: string): Promise<Installed> {
  const source = sourceOf(name);
  const lock = readFileSync(join(source, 'package-lock.json'));
  const digest = createHash('sha256').update(lock).digest('hex').slice(0, 16);
  const folder = join(cache, `interop-${name}-${digest}`);
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return { folder };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    cpSync(join(source, file), join(folder, file));
  }
  const npm = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  try {
    await run('npm', npm, { cwd: folder, timeout: installMsMax });
  } catch (error) {
    return { folder, missing: `${name} cannot be installed: ${String(error).split('\n')[0]}` };
  }
  writeFileSync(complete, '');
  return { folder };
}
