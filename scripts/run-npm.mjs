/**
 * Finds npm and runs it with a given Node.js, without a shell and without install scripts. npm is
 * the one that started us, or the one that lies beside the Node.js that runs us.
 */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { BootstrapFailure, npmFailure } from './step.mjs';

const outputBytesMax = 1 << 20;

/** Runs `npm ci` in `folder`. @throws BootstrapFailure with the remedy for npm's code. */
export async function npmInstall({ node, folder, what }) {
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional'];
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--progress=false'];
  // A short outage is waited for, a long one reported within seconds; a user's setting wins.
  const patient = process.env.npm_config_fetch_retries
    ? []
    : ['--fetch-retries=2', '--fetch-retry-mintimeout=2000', '--fetch-retry-factor=2'];
  const { code, output } = await run(node, [findNpm(), ...args, ...quiet, ...patient], folder);
  if (code !== 0) throw npmFailure(what, output, folder);
}

function run(file, args, cwd) {
  return new Promise((resolve, reject) => {
    // npm warns of a user's own settings; those lines are captured and shown only by a failure.
    const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk) => {
      if (output.length < outputBytesMax) output += chunk;
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

function findNpm() {
  const places = [];
  const caller = process.env.npm_execpath;
  if (caller && /^np[mx]-cli\.js$/.test(basename(caller))) {
    places.push(join(dirname(caller), 'npm-cli.js'));
  }
  const beside = dirname(realpathSync(process.execPath));
  places.push(join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'));
  places.push(join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'));
  for (const folder of (process.env.PATH || '').split(delimiter)) {
    const candidate = join(folder, 'npm');
    if (folder && existsSync(candidate)) {
      const target = realpathSync(candidate);
      if (basename(target) === 'npm-cli.js') places.push(target);
    }
  }
  const found = places.find((place) => existsSync(place));
  if (found) return found;
  throw new BootstrapFailure(
    'npm is not found beside Node.js: install npm (it comes with Node.js from most sources), then run the same command again.',
  );
}
