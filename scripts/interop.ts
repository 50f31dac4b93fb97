/**
 * `npm run test:interop [-- word...]`: the suites in the rooms' interop folders, which check Coco
 * with tools that nobody here wrote. What they need is installed first: Python environments with
 * the PyPI packages that the files in scripts/interop pin by hash, each kept in .cache under its
 * file's digest. A test finds its Python in the variable that the environment names; without it the
 * test skips itself, which a CI run (CI=true) does not accept.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { listFiles, listRooms, root } from './rooms.ts';
import { runQuietly, runShown } from './run.ts';

interface PythonEnvironment {
  /** Suites in a folder that mentions this variable need the environment. */
  readonly variable: string;
  readonly requirements: string;
  /** A statement that fails where something is missing. */
  readonly importCheck: string;
  /** The versions of Python that its packages are there for, first and last. */
  readonly pythons: readonly [Version, Version];
}

type Version = readonly [major: number, minor: number];

const environments: readonly PythonEnvironment[] = [
  {
    variable: 'COCO_CCF_PYTHON',
    requirements: 'scripts/interop/requirements.txt',
    importCheck: 'import ccf.ledger, ccf.receipt',
    // PyPI has no ccf for older ones that reads COSE-only ledgers.
    pythons: [
      [3, 12],
      [3, 99],
    ],
  },
  {
    variable: 'COCO_ETHEREUM_PYTHON',
    requirements: 'scripts/interop/requirements-ethereum.txt',
    importCheck: 'import web3, ethereum_spec_tools.evm_tools',
    // The specification pins a coincurve that has no wheels for newer ones.
    pythons: [
      [3, 12],
      [3, 12],
    ],
  },
];
const testMsMax = 900_000;

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
  const needs = [...new Set(files.map(dirname))].flatMap((folder) => listFiles(folder, '.ts'));
  const texts = needs.map((file) => readFileSync(join(root, file), 'utf8'));
  const env: Record<string, string> = {};
  for (const environment of environments) {
    if (!texts.some((text) => text.includes(environment.variable))) continue;
    const python = preparePython(environment);
    if (typeof python === 'string') env[environment.variable] = python;
    else {
      console.error(`\ncoco: ${python.missing}`);
      if (process.env.CI === 'true') return 1;
      console.error('Suites that need it skip themselves; in CI this is a failure.\n');
    }
  }
  if (files.some((file) => readFileSync(join(root, file), 'utf8').includes('COCO_CHROMIUM'))) {
    prepareBrowser();
  }
  const runner = ['--test', '--test-reporter=spec', `--test-timeout=${testMsMax}`];
  const args = [...runner, '--test-concurrency=1', ...options, ...files];
  return runShown(process.execPath, args, { ...process.env, ...env });
}

/** The environment's Python, made if it is not there, or a sentence on what is missing. */
function preparePython(environment: PythonEnvironment): string | { readonly missing: string } {
  const { importCheck } = environment;
  const requirements = join(root, environment.requirements);
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const folder = join(root, '.cache', `interop-${digest.slice(0, 16)}`);
  const isWindows = process.platform === 'win32';
  const python = join(folder, isWindows ? 'Scripts/python.exe' : 'bin/python');
  const complete = join(folder, 'complete');
  if (existsSync(complete) && runQuietly(python, ['-c', importCheck]).status === 0) return python;
  const base = findPython(environment);
  if (base === undefined) {
    return {
      missing: `no Python ${describeVersions(environment)} was found: install one (with its venv module) or set COCO_PYTHON to its path, then run \`npm run test:interop\` again.`,
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

function describeVersions({ pythons: [first, last] }: PythonEnvironment): string {
  const isOne = first.join('.') === last.join('.');
  return isOne ? first.join('.') : `${first.join('.')} or newer`;
}

/** The first Python that fits: by name on the PATH, else among pyenv's versions. */
function findPython({ pythons: [first, last] }: PythonEnvironment): string | undefined {
  const named = ['python3.14', 'python3.13', 'python3.12', 'python3', 'python'];
  const given = process.env.COCO_PYTHON;
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
  const versions = existsSync(pyenv) ? readdirSync(pyenv).sort().reverse() : [];
  const places = [
    ...(given === undefined ? [] : [given]),
    ...named,
    ...versions.map((version) => join(pyenv, version, 'bin', 'python')),
  ];
  const fits = `(${first.join(', ')}) <= sys.version_info[:2] <= (${last.join(', ')})`;
  const question = `import sys, venv, ensurepip; sys.exit(not (${fits}))`;
  return places.find((place) => runQuietly(place, ['-c', question]).status === 0);
}

process.exitCode = main();
