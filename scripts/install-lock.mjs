/**
 * One installation at a time: two commands started at once would otherwise write into one
 * node_modules. The lock is a file that holds its owner's process id; an owner that died leaves a
 * stale one, which is taken over.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { BootstrapFailure } from './step.mjs';

const waitSecondsMax = 600;
const pollMs = 250;

/** Runs `work` while holding the lock file `path`; waits for another holder first. */
export async function withInstallLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  await acquire(path);
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

async function acquire(path) {
  const polls = Math.ceil((waitSecondsMax * 1000) / pollMs);
  for (let poll = 0; poll < polls; poll++) {
    if (create(path)) return;
    const owner = ownerOf(path);
    if (owner !== undefined && !isAlive(owner)) takeAway(path, owner);
    else await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new BootstrapFailure(
    `another installation has held ${path} for ${waitSecondsMax} s: end that process, or delete the file if there is none.`,
  );
}

/** The file appears with its content in one step, so nobody reads it empty. */
function create(path) {
  const own = `${path}.${process.pid}`;
  try {
    writeFileSync(own, String(process.pid));
    linkSync(own, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw new BootstrapFailure(
      `${path} cannot be written (${error.code}): make that folder writable for you.`,
    );
  } finally {
    rmSync(own, { force: true });
  }
}

function ownerOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Moves a dead owner's file aside; puts it back when another has taken the lock meanwhile. */
function takeAway(path, owner) {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    if (ownerOf(aside) !== owner) linkSync(aside, path);
  } catch {
    // Somebody else was faster: the next poll sees who holds the lock.
  } finally {
    rmSync(aside, { force: true });
  }
}
