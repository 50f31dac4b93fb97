import { equal, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { BugError } from '@coco/base';
import { engineUrl } from '@coco/isolate';
import { limitMemory, pageBytes } from '../src/limit-memory.ts';

const engine = new Uint8Array(readFileSync(engineUrl));

function memoryOf(bytes: Uint8Array): WebAssembly.Memory {
  const module = new WebAssembly.Module(bytes);
  const stubs = new Proxy({}, { get: () => () => 0 });
  return new WebAssembly.Instance(module, { env: stubs, wasi_snapshot_preview1: stubs }).exports
    .memory as WebAssembly.Memory;
}

describe('a limited memory', () => {
  test('it grows to its maximum and no further', () => {
    for (const pagesMax of [64, 127, 128, 20_000]) {
      const memory = memoryOf(limitMemory(engine, pagesMax));
      const first = memory.buffer.byteLength / pageBytes;
      if (pagesMax < 1000) equal(memory.grow(pagesMax - first), first);
      throws(() => memory.grow(pagesMax), RangeError);
    }
  });

  test('a module that has a maximum, or no memory, is another one than we looked at', () => {
    throws(() => limitMemory(limitMemory(engine, 64), 64), BugError);
    throws(() => limitMemory(engine.slice(0, 8), 64), BugError);
    throws(() => limitMemory(engine, 1), BugError);
  });
});
