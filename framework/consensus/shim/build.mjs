/**
 * Builds Raft's WebAssembly module from this folder, reproducibly, and writes ../wasm:
 * `raft.wasm.br` (brotli) and `raft.wasm.sha256` (of the uncompressed module; the compressed
 * bytes may differ between versions of the compressor, the module may not).
 *
 *   node framework/consensus/shim/build.mjs          builds and writes
 *   node framework/consensus/shim/build.mjs --check  rebuilds and compares; writes nothing
 *
 * The module depends on Go's version, so the one in go.mod is the only one that may build. Where
 * Go is absent or another version, --check compares the artefact with its recorded hash only, and
 * says so. Exit code 1 when anything differs.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

const shimFolder = fileURLToPath(new URL('.', import.meta.url));
const artefactPath = fileURLToPath(new URL('../wasm/raft.wasm.br', import.meta.url));
const hashPath = fileURLToPath(new URL('../wasm/raft.wasm.sha256', import.meta.url));
const isCheck = process.argv.includes('--check');

/** Settings of the user's shell that would change the module are overruled one by one. */
const goEnvironment = {
  ...process.env,
  CGO_ENABLED: '0',
  GOARCH: 'wasm',
  GOEXPERIMENT: '',
  GOFLAGS: '-mod=readonly',
  GOOS: 'wasip1',
  GOTOOLCHAIN: 'local',
  GOWASM: '',
  GOWORK: 'off',
};

function hashOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

function go(...args) {
  return spawnSync('go', args, { cwd: shimFolder, env: goEnvironment, encoding: 'utf8' });
}

function pinnedVersion() {
  const match = /^go (\d+\.\d+\.\d+)$/m.exec(readFileSync(join(shimFolder, 'go.mod'), 'utf8'));
  if (!match) fail('go.mod names no exact Go version (a line like "go 1.26.8").');
  return match[1];
}

/** Why this machine cannot rebuild the module, or undefined when it can. */
function obstacle(version) {
  const present = go('env', 'GOVERSION');
  if (present.error) return 'Go is not installed';
  const found = present.stdout.trim();
  return found === `go${version}` ? undefined : `Go here is ${found}, not go${version}`;
}

function build() {
  const folder = mkdtempSync(join(tmpdir(), 'coco-raft-'));
  const output = join(folder, 'raft.wasm');
  try {
    const flags = ['-trimpath', '-buildvcs=false', '-buildmode=c-shared', '-ldflags=-s -w'];
    const result = go('build', ...flags, '-o', output, '.');
    if (result.status !== 0) fail(`go build failed:\n${result.stderr}`);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function check(version) {
  const recorded = readFileSync(hashPath, 'utf8').trim();
  const artefact = hashOf(brotliDecompressSync(readFileSync(artefactPath)));
  if (artefact !== recorded) {
    fail(
      `raft.wasm.br holds a module with SHA-256 ${artefact}, raft.wasm.sha256 says ${recorded}.`,
    );
  }
  const reason = obstacle(version);
  if (reason) {
    console.log(`raft.wasm: the hash matches; not rebuilt, because ${reason}.`);
    return;
  }
  const rebuilt = hashOf(build());
  if (rebuilt !== recorded) {
    fail(
      `raft.wasm rebuilt from shim/ has SHA-256 ${rebuilt}, recorded is ${recorded}. ` +
        'Run node framework/consensus/shim/build.mjs and commit ../wasm with the change.',
    );
  }
  console.log(`raft.wasm: the hash matches and Go ${version} rebuilds the same module.`);
}

function write(version) {
  const reason = obstacle(version);
  if (reason) fail(`Cannot build raft.wasm: ${reason}. Install Go ${version}.`);
  const module = build();
  const compressed = brotliCompressSync(module, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: module.length,
    },
  });
  mkdirSync(fileURLToPath(new URL('../wasm/', import.meta.url)), { recursive: true });
  writeFileSync(artefactPath, compressed);
  writeFileSync(hashPath, `${hashOf(module)}\n`);
  console.log(
    `raft.wasm: ${module.length} bytes, ${compressed.length} compressed, ${hashOf(module)}`,
  );
}

const version = pinnedVersion();
if (isCheck) check(version);
else write(version);
