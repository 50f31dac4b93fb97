import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';
import { BugError } from '@coco/base';
import { loadRaftModule, raftModuleUrl } from '../src/index.ts';
import { raftModule } from './raft-module.ts';

describe('the Raft module', () => {
  it('imports nothing but WASI and exports what the mailbox names', () => {
    const origins = WebAssembly.Module.imports(raftModule).map(({ module }) => module);
    assert.deepEqual([...new Set(origins)], ['wasi_snapshot_preview1']);
    const calls = WebAssembly.Module.exports(raftModule).map(({ name }) => name);
    const source = readFileSync(new URL('../src/raft-instance.ts', import.meta.url), 'utf8');
    const named = [...source.matchAll(/'(rn_\w+)'/g)].map((match) => match[1] ?? '');
    assert.ok(named.length > 15);
    for (const name of named) assert.ok(calls.includes(name), name);
  });

  it('is refused when it does not have its recorded hash', async () => {
    const compressed = readFileSync(raftModuleUrl);
    await assert.rejects(loadRaftModule(compressed, `${'0'.repeat(64)}\n`), BugError);
    const bomb = brotliCompressSync(new Uint8Array(40 << 20), {
      params: { [constants.BROTLI_PARAM_QUALITY]: 1 },
    });
    await assert.rejects(loadRaftModule(bomb, `${'0'.repeat(64)}\n`));
  });
});
