/**
 * What the bootstrap shows and how it fails: a step is a line with its seconds, a failure is one
 * sentence that names the remedy. A stack is shown only for bugs of the bootstrap itself.
 */

import { mkdirSync, statfsSync } from 'node:fs';

/** A failure that the user can put right: `message` says what is wrong and what to do. */
export class BootstrapFailure extends Error {}

/** Runs one long step and shows `title ... 12.3 s` on stderr. */
export async function step(title, work) {
  const begin = process.hrtime.bigint();
  process.stderr.write(`${title} ... `);
  try {
    const value = await work();
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
    process.stderr.write(`${seconds.toFixed(1)} s\n`);
    return value;
  } catch (error) {
    process.stderr.write('failed\n');
    throw error;
  }
}

/**
 * Refuses to begin where the disk is too full: npm ends a full disk with truncated files and
 * success. Sizes are what the installation takes, with room for npm's cache.
 */
export function requireSpace(what, folder, megabytes) {
  mkdirSync(folder, { recursive: true });
  const { bavail, bsize } = statfsSync(folder);
  const free = Math.floor((bavail * bsize) / 1e6);
  if (free >= megabytes) return;
  throw new BootstrapFailure(
    `${what} needs ${megabytes} MB, but the disk has ${free} MB free at ${folder}: make room, then run the same command again.`,
  );
}

const unreachable = [
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ETIMEDOUT',
  'ERR_SOCKET_TIMEOUT',
  'ENOTCACHED',
  'ECONNABORTED',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
];

/** The sentence for a failed npm run, by the code that npm printed. */
export function npmFailure(what, output, folder) {
  const match = /npm (?:error|ERR!) (?:code|errno) ([A-Z0-9_]+)/.exec(output);
  const code = match ? match[1] : 'no code';
  if (unreachable.includes(code)) {
    return new BootstrapFailure(
      `${what} could not be downloaded, for the npm registry cannot be reached (${code}): check the network and \`npm config get registry\`, then run the same command again.`,
    );
  }
  if (code === 'ENOSPC') {
    return new BootstrapFailure(
      `${what} needs more space than the disk has: free 1 GB at ${folder}, then run the same command again.`,
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new BootstrapFailure(
      `${what} cannot be written to ${folder} (${code}): make that folder and npm's cache writable for you, then run the same command again.`,
    );
  }
  if (code === 'EINTEGRITY') {
    return new BootstrapFailure(
      `${what} differs from what package-lock.json pins: run \`npm cache clean --force\` and the same command again, and trust neither the network nor the registry if it comes back.`,
    );
  }
  if (code === 'EUSAGE') {
    return new BootstrapFailure(
      `package-lock.json does not fit the package.json files: run \`npm install --ignore-scripts\` and commit the lock file.`,
    );
  }
  if (/^E(401|403|404|TARGET)$/.test(code)) {
    return new BootstrapFailure(
      `${what} is refused by the npm registry (${code}): check \`npm config get registry\` and your access to it.`,
    );
  }
  return new BootstrapFailure(
    `${what} could not be installed (npm: ${code}): run \`npm ci --ignore-scripts\` in ${folder} to see npm's own report.`,
  );
}
