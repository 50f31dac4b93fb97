/**
 * The packages that package-lock.json pins. Whether they are there is read from npm's own record
 * of what it installed (node_modules/.package-lock.json, which npm writes last), so that an
 * installation by hand counts and an interrupted one does not.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withInstallLock } from './install-lock.mjs';
import { npmInstall } from './run-npm.mjs';
import { requireSpace, step } from './step.mjs';

/** The packages take 450 MB, and in npm's cache 100 MB more. */
const megabytesNeeded = 600;

/** Whether node_modules holds what package-lock.json pins, and nothing else. */
export function packagesMatch(root) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = read(join(root, 'package-lock.json'));
  const present = read(record);
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || (path in present && sameEntry(entry, present[path]))) continue;
    // An optional package may be missing: it is for another platform.
    const isOptional = entry.optional || entry.devOptional;
    if (path in present || !isOptional) return false;
  }
  return Object.keys(present).every((path) => path in wanted);
}

/** Installs them with `node`, one installation at a time. */
export async function installPackages(root, node) {
  await withInstallLock(join(root, '.runtime', 'install.lock'), async () => {
    if (packagesMatch(root)) return;
    requireSpace('The installation of packages', root, megabytesNeeded);
    await step('Installing the packages that package-lock.json pins', () =>
      npmInstall({ node, folder: root, what: 'A package' }),
    );
  });
}

function read(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

function sameEntry(one, other) {
  return (
    one.version === other.version && one.integrity === other.integrity && one.link === other.link
  );
}
