import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LedgerError } from '@coco/base';
import fc from 'fast-check';
import { encodeMemory, fileMemory, type Memory, parseMemory, storageMemory } from '../src/index.ts';
import { idOf } from './fake-ledger.ts';

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const transactionId = fc
  .tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 2 ** 40 }))
  .map(([view, seqno]) => idOf(`${view}.${seqno}`));
const plain = { noNullPrototype: true };
const identity = fc.record(
  { id: fc.string(), certificate: fc.string(), acceptedAtMs: fc.nat() },
  plain,
);
const receipt = fc.record(
  { transactionId, signatureId: transactionId, leaf: digest, root: digest },
  plain,
);
const memories: fc.Arbitrary<Memory> = fc.record(
  {
    identities: fc.array(identity, { maxLength: 5 }),
    committed: fc.option(transactionId, { nil: undefined }),
    receipts: fc.array(receipt, { maxLength: 5 }),
  },
  plain,
);

const isMalformed = (error: unknown) =>
  error instanceof LedgerError && error.code === 'MemoryMalformed';

test('a memory parses to what was encoded', () => {
  fc.assert(
    fc.property(memories, (memory) => {
      assert.deepEqual(parseMemory(encodeMemory(memory)), memory);
    }),
    { numRuns: 200 },
  );
});

test('no saved memory is an empty one; a damaged one is refused, never taken for empty', () => {
  assert.deepEqual(parseMemory(undefined), { identities: [], committed: undefined, receipts: [] });
  const text = encodeMemory({ identities: [], committed: idOf('2.4'), receipts: [] });
  for (let at = 0; at < text.length; at++) {
    assert.throws(() => parseMemory(text.slice(0, at)), isMalformed);
  }
  const bad = [
    'null',
    '[]',
    text.replace('memory-1', 'memory-9'),
    text.replace('"2.4"', '"x"'),
    text.replace('"receipts":[]', '"receipts":[{}]'),
    text.replace('"receipts":[]', '"receipts":{}'),
    text.replace('"identities":[]', '"identities":[{"id":1}]'),
    text.replace(
      '"receipts":[]',
      '"receipts":[{"transaction":"2.1","signature":"2.2","leaf":"00","root":"00"}]',
    ),
    `"${'x'.repeat(300_000)}"`,
  ];
  for (const damaged of bad) assert.throws(() => parseMemory(damaged), isMalformed);
});

test('a file keeps the memory for its owner only, and leaves no draft behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'coco-sdk-'));
  try {
    const path = join(folder, 'memory.json');
    const memory = fileMemory(path);
    assert.equal(await memory.load(), undefined);
    await memory.save('one');
    await memory.save('two');
    assert.equal(await memory.load(), 'two');
    assert.equal(await readFile(path, 'utf8'), 'two');
    assert.deepEqual(await readdir(folder), ['memory.json']);
    if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600);
    await assert.rejects(fileMemory(folder).load());
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a browser's storage keeps the memory under a key", async () => {
  const rows = new Map<string, string>();
  const storage = {
    getItem: (key: string) => rows.get(key) ?? null,
    setItem: (key: string, value: string) => void rows.set(key, value),
  };
  const memory = storageMemory(storage, 'network');
  assert.equal(await memory.load(), undefined);
  await memory.save('text');
  assert.equal(await memory.load(), 'text');
  assert.deepEqual([...rows.keys()], ['network']);
});
