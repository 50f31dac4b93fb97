/**
 * Raft's module: etcd's go.etcd.io/raft/v3, compiled by shim/build.mjs. Compiling takes some
 * 150 ms, so a process does it once and shares the module with its workers.
 */
import { brotliDecompressSync } from 'node:zlib';
import { BugError, equalBytes, fromHex } from '@coco/base';
import { sha256 } from '@coco/crypto';

/** Where the compressed module stands; reading it is the caller's (this room does no I/O). */
export const raftModuleUrl: URL = new URL('../wasm/raft.wasm.br', import.meta.url);
/** The hash of the uncompressed module: 64 hex digits and a newline. */
export const raftModuleHashUrl: URL = new URL('../wasm/raft.wasm.sha256', import.meta.url);

/** More than twice the present module: a decompression bomb is cut here. */
const moduleBytesMax = 32 << 20;

/**
 * Decompresses, checks and compiles the module.
 * @param compressed the file at raftModuleUrl
 * @param hashText the file at raftModuleHashUrl, as text
 * @throws BugError when they do not belong together: the installation is damaged.
 */
export async function loadRaftModule(
  compressed: Uint8Array,
  hashText: string,
): Promise<WebAssembly.Module> {
  const bytes = brotliDecompressSync(compressed, { maxOutputLength: moduleBytesMax });
  if (!equalBytes(sha256(bytes), fromHex(hashText.trim()))) {
    throw new BugError('the Raft module does not have its recorded hash');
  }
  return await WebAssembly.compile(new Uint8Array(bytes));
}
