/**
 * The Node.js that Coco runs on: the present one if it is a suitable 24, else the exact version
 * that scripts/runtime/package-lock.json pins, downloaded as an npm package (no compiler, no
 * install script) into .runtime. Only this platform's entry of the lock file is installed, as a
 * hard dependency, so that a failed download is an error and not a silently missing optional.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { withInstallLock } from './install-lock.mjs';
import { npmInstall } from './run-npm.mjs';
import { BootstrapFailure, requireSpace, step } from './step.mjs';

/** Type stripping is stable and silent from this version of Node.js 24 on. */
export const nodeOldest = '24.12.0';

/** Node.js takes 190 MB, and as a package in npm's cache 60 MB more. */
const megabytesNeeded = 300;

const partialMark = '.partial-';

/** Whether this version of Node.js runs Coco as it is. */
export function nodeIsSuitable(version) {
  const [major, minor] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = nodeOldest.split('.').map(Number);
  return major === oldestMajor && minor >= oldestMinor;
}

/** The pinned Node.js's path; installs it first where it is missing. */
export async function findRuntime(root) {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const lock = JSON.parse(readFileSync(join(root, 'scripts/runtime/package-lock.json'), 'utf8'));
  const entry = lock.packages[`node_modules/${name}`];
  if (!entry) {
    throw new BootstrapFailure(
      `Node.js ${process.versions.node} is not suitable and npm has no package of Node.js 24 for ${platform}-${process.arch}: install Node.js ${nodeOldest} or newer of the 24 line and run the same command with it.`,
    );
  }
  const folder = join(root, '.runtime', `${name}-${entry.version}`);
  const binary = join(folder, 'node_modules', name, entry.bin.node);
  if (existsSync(binary)) return binary;
  await withInstallLock(join(root, '.runtime', 'install.lock'), async () => {
    if (existsSync(binary)) return;
    requireSpace(`Node.js ${entry.version}`, join(root, '.runtime'), megabytesNeeded);
    const title = `Installing Node.js ${entry.version}, beside ${process.versions.node}`;
    await step(title, () => install({ root, name, entry, folder }));
  });
  return binary;
}

async function install({ root, name, entry, folder }) {
  removePartials(join(root, '.runtime'));
  const partial = `${folder}${partialMark}${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const { optional: _, ...required } = entry;
  const manifest = {
    name: 'coco-runtime',
    version: entry.version,
    private: true,
    dependencies: { [name]: entry.version },
  };
  const packages = { '': manifest, [`node_modules/${name}`]: required };
  const lock = { name: manifest.name, version: entry.version, lockfileVersion: 3, packages };
  writeFileSync(join(partial, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(partial, 'package-lock.json'), JSON.stringify(lock));
  await npmInstall({
    node: process.execPath,
    folder: partial,
    what: `Node.js ${entry.version}`,
  });
  verify(join(partial, 'node_modules', name, entry.bin.node), entry.version);
  renameSync(partial, folder);
}

/** Leftovers of installations that were interrupted. The caller holds the lock. */
function removePartials(folder) {
  for (const entry of readdirSync(folder)) {
    if (entry.includes(partialMark)) rmSync(join(folder, entry), { recursive: true, force: true });
  }
}

function verify(binary, version) {
  const answer = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  if (answer.status === 0 && answer.stdout.trim() === `v${version}`) return;
  throw new BootstrapFailure(
    `npm's Node.js ${version} does not run on this system (it needs a C library as new as glibc 2.28): install Node.js ${nodeOldest} or newer of the 24 line from your system and run the same command with it.`,
  );
}
