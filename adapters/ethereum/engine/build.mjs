#!/usr/bin/env node
/**
 * Builds the engine's WebAssembly and writes ../wasm/engine.wasm.br with the SHA-256 of the
 * uncompressed module. The artefact is committed, so nobody needs a Rust toolchain to run Coco.
 *
 *   node build.mjs           build and write the artefact
 *   node build.mjs --check   compare the artefact with its hash; where exactly the pinned toolchain
 *                            is installed, also build again and compare byte for byte
 *
 * The toolchain is Debian's rustc-web, rust-web-src, cargo-web and lld-19 at the versions below:
 * another compiler gives other bytes, so the check says that it could not compare instead of
 * failing. RUSTC_BOOTSTRAP allows build-std (Debian ships no wasm32 library) and trim-paths (no
 * path of this machine in the artefact).
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

const engineFolder = import.meta.dirname;
const wasmFolder = path.join(engineFolder, '..', 'wasm');
const artefactFile = path.join(wasmFolder, 'engine.wasm.br');
const hashFile = path.join(wasmFolder, 'engine.wasm.sha256');
const targetFolder = process.env.COCO_ENGINE_TARGET ?? path.join(tmpdir(), 'coco-engine-target');

/** Each tool with the first line of its --version. */
const toolchain = {
  '/usr/bin/rustc': 'rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)',
  '/usr/bin/cargo': 'cargo 1.96.0',
  '/usr/bin/wasm-ld-19': 'Debian LLD 19.1.7',
};

/** Of rust-web-src and libstd-rust-web-dev: what is compiled for wasm32 and for build scripts. */
const libraries = [
  '/usr/lib/rustlib/src/rust/library',
  '/usr/lib/rustlib/x86_64-unknown-linux-gnu',
];

/** 2 GiB: an execution that needs more traps, and the binding replaces the instance. */
const memoryBytesMax = 2 ** 31;

const environment = {
  ...process.env,
  RUSTC: '/usr/bin/rustc',
  RUSTC_BOOTSTRAP: '1',
  CARGO_TARGET_DIR: targetFolder,
  CARGO_PROFILE_RELEASE_TRIM_PATHS: 'all',
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: '/usr/bin/wasm-ld-19',
  RUSTFLAGS: [
    '-Ctarget-feature=+bulk-memory,+sign-ext,+nontrapping-fptoint,+multivalue',
    `-Clink-arg=--max-memory=${memoryBytesMax}`,
  ].join(' '),
};

/** The tools that are missing or of another version, as sentences. */
function toolchainDifferences() {
  const differences = [];
  for (const [tool, expected] of Object.entries(toolchain)) {
    const run = spawnSync(tool, ['--version'], { encoding: 'utf8' });
    const found = run.error === undefined ? run.stdout.split('\n')[0] : 'not installed';
    if (!found.startsWith(expected)) differences.push(`${tool} is "${found}", not "${expected}"`);
  }
  for (const library of libraries) {
    if (!existsSync(library)) differences.push(`${library} is not installed`);
  }
  return differences;
}

function cargo(...words) {
  const shared = ['--locked', '--target=wasm32-unknown-unknown', '-Zbuild-std=std,panic_abort'];
  const run = spawnSync('/usr/bin/cargo', [...words, ...shared], {
    cwd: engineFolder,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return run.status === 0;
}

function build() {
  if (!cargo('build', '--release', '-Ztrim-paths')) fail('The build failed.');
  const built = path.join(targetFolder, 'wasm32-unknown-unknown/release/coco_ethereum_engine.wasm');
  return readFileSync(built);
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

function write() {
  const differences = toolchainDifferences();
  if (differences.length > 0) {
    fail(`The artefact is built with the pinned toolchain only: ${differences.join('; ')}.`);
  }
  const wasm = build();
  const compressed = brotliCompressSync(wasm, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 22,
      [constants.BROTLI_PARAM_SIZE_HINT]: wasm.length,
    },
  });
  mkdirSync(wasmFolder, { recursive: true });
  writeFileSync(artefactFile, compressed);
  writeFileSync(hashFile, `${sha256(wasm)}  engine.wasm\n`);
  console.log(`engine.wasm: ${wasm.length} bytes, ${compressed.length} compressed`);
}

function check() {
  const wasm = brotliDecompressSync(readFileSync(artefactFile));
  const expected = readFileSync(hashFile, 'utf8').split(' ')[0];
  if (sha256(wasm) !== expected) fail('The artefact does not have the hash in engine.wasm.sha256.');
  console.log('engine.wasm: the artefact has its recorded hash.');
  const differences = toolchainDifferences();
  if (differences.length > 0) {
    console.log(
      `engine.wasm: NOT compared with its source, the pinned toolchain is absent: ${differences.join('; ')}.`,
    );
    return;
  }
  if (!cargo('fetch')) {
    console.log('engine.wasm: NOT compared with its source, its crates could not be fetched.');
    return;
  }
  if (!build().equals(wasm)) fail('The source builds to another artefact than the committed one.');
  console.log('engine.wasm: the source builds to the same bytes.');
}

if (process.argv[2] === '--check') check();
else write();
