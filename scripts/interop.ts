/**
 * `npm run test:interop [-- word...]`: the suites in the rooms' interop folders, which check Coco
 * with tools that nobody here wrote. What they need is installed first: a Python environment with
 * the PyPI packages that scripts/interop/requirements.txt pins by hash, kept in .cache under that
 * file's digest. Tests find its Python in COCO_CCF_PYTHON; without it they skip themselves, which
 * a CI run (CI=true) does not accept.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { listFiles, listRooms, root } from './rooms.ts';
import { runQuietly, runShown } from './run.ts';

const requirements = join(root, 'scripts/interop/requirements.txt');
const testMsMax = 900_000;
/** The oldest Python that PyPI has a `ccf` for which reads COSE-only ledgers. */
const pythonOldest = [3, 12] as const;

function main(): number {
  const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));
  const options = process.argv.slice(2).filter((word) => word.startsWith('-'));
  const folders = [...listRooms().map((room) => `${room}/interop`), 'test/interop'];
  const all = folders.flatMap((folder) => listFiles(folder, '.test.ts'));
  const files = all.filter((f) => words.length === 0 || words.some((word) => f.includes(word)));
  if (files.length === 0) {
    console.error(`No interop suite matches ${words.join(', ')}. There are: ${all.join(', ')}.`);
    return 1;
  }
  const python = preparePython();
  if (typeof python !== 'string') {
    console.error(`\ncoco: ${python.missing}`);
    if (process.env.CI === 'true') return 1;
    console.error('Suites that need it skip themselves; in CI this is a failure.\n');
  }
  const env = typeof python === 'string' ? { COCO_CCF_PYTHON: python } : {};
  if (files.some((file) => readFileSync(join(root, file), 'utf8').includes('COCO_CHROMIUM'))) {
    prepareBrowser();
  }
  const runner = ['--test', '--test-reporter=spec', `--test-timeout=${testMsMax}`];
  const args = [...runner, '--test-concurrency=1', ...options, ...files];
  return runShown(process.execPath, args, { ...process.env, ...env });
}

/** The environment's Python, made if it is not there, or a sentence on what is missing. */
function preparePython(): string | { readonly missing: string } {
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const folder = join(root, '.cache', `interop-${digest.slice(0, 16)}`);
  const isWindows = process.platform === 'win32';
  const python = join(folder, isWindows ? 'Scripts/python.exe' : 'bin/python');
  const complete = join(folder, 'complete');
  if (existsSync(complete) && runQuietly(python, ['-c', importCheck]).status === 0) return python;
  const base = findPython();
  if (base === undefined) {
    return {
      missing: `no Python ${pythonOldest.join('.')} or newer was found: install one (with its venv module) or set COCO_PYTHON to its path, then run \`npm run test:interop\` again.`,
    };
  }
  const begin = Date.now();
  process.stderr.write('Installing the interop tools from PyPI ... ');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
  const steps: readonly (readonly [string, readonly string[]])[] = [
    [base, ['-m', 'venv', folder]],
    [python, [...pip, '--only-binary=:all:', '--require-hashes', '-r', requirements]],
    [python, ['-c', importCheck]],
  ];
  for (const [file, args] of steps) {
    const { status, output } = runQuietly(file, args);
    if (status !== 0) {
      process.stderr.write('failed\n');
      const line = output.trim().split('\n').at(-1) ?? '';
      return {
        missing: `the interop tools cannot be installed with ${base} (${line}): check the network and that this Python has the venv module, then run \`npm run test:interop\` again.`,
      };
    }
  }
  writeFileSync(complete, '');
  process.stderr.write(`${((Date.now() - begin) / 1000).toFixed(1)} s\n`);
  return python;
}

const browsers = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
const browserPackage = 'chromium-headless-shell';

/**
 * Installs a browser from Debian's packages where there is none and this user may: in CI, as root.
 * Elsewhere the suite that needs one says what to install.
 */
function prepareBrowser(): void {
  const isThere = browsers.some((name) => existsSync(`/usr/bin/${name}`));
  const mayInstall = process.env.CI === 'true' && process.getuid?.() === 0;
  if (isThere || process.env.COCO_CHROMIUM !== undefined || !mayInstall) return;
  const begin = Date.now();
  process.stderr.write(`Installing Debian's ${browserPackage} ... `);
  const quiet = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const steps = [['update'], ['install', '-y', '--no-install-recommends', browserPackage]];
  for (const args of steps) {
    const { status, output } = runQuietly('apt-get', args, root, quiet);
    if (status !== 0) {
      process.stderr.write(`failed: ${output.trim().split('\n').at(-1) ?? ''}\n`);
      return;
    }
  }
  process.stderr.write(`${((Date.now() - begin) / 1000).toFixed(1)} s\n`);
}

const importCheck = 'import ccf.ledger, ccf.receipt';

/** The first Python that is new enough: by name on the PATH, else among pyenv's versions. */
function findPython(): string | undefined {
  const named = ['python3.14', 'python3.13', 'python3.12', 'python3', 'python'];
  const given = process.env.COCO_PYTHON;
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
  const versions = existsSync(pyenv) ? readdirSync(pyenv).sort().reverse() : [];
  const places = [
    ...(given === undefined ? [] : [given]),
    ...named,
    ...versions.map((version) => join(pyenv, version, 'bin', 'python')),
  ];
  const [major, minor] = pythonOldest;
  const question = `import sys, venv, ensurepip; sys.exit(sys.version_info < (${major}, ${minor}))`;
  return places.find((place) => runQuietly(place, ['-c', question]).status === 0);
}

process.exitCode = main();
