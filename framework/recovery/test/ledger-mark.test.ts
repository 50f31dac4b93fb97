import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fromHex, MemoryDisk } from '@coco/base';
import fc from 'fast-check';
import { nodeOfMark, readMarks, removeOtherMarks, signMark, writeMark } from '../src/index.ts';
import { createNode, folder } from './copies-writer.ts';

test('a mark names the node that signed it, and no changed mark names anybody', () => {
  const { key, id } = createNode();
  const mark = signMark(key);
  assert.equal(nodeOfMark(mark), id);
  fc.assert(
    fc.property(fc.nat(mark.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Uint8Array.from(mark);
      changed[at] = (changed[at] ?? 0) ^ change;
      // ECDSA's own freedom: no other byte may change.
      assert.notEqual(nodeOfMark(changed), id);
      assert.equal(nodeOfMark(mark.subarray(0, at)), undefined);
    }),
  );
});

test('a folder shows the marks under their own names, and one node may take it over', async () => {
  const at = { disk: new MemoryDisk(), folder };
  const [before, after] = [createNode(), createNode()];
  await writeMark(at, before.key);
  await writeMark(at, after.key);
  await writeMark(at, after.key);
  assert.deepEqual((await readMarks(at)).toSorted(), [before.id, after.id].sort());
  const foreign = await at.disk.open(`${folder}/node_${'0'.repeat(64)}.ignored`, { create: true });
  await foreign.write(0, signMark(before.key));
  await removeOtherMarks(at, after.key);
  assert.deepEqual(await readMarks(at), [after.id]);
});

test('a mark under another node’s name, or too large, counts for nobody', async () => {
  const at = { disk: new MemoryDisk(), folder };
  const { key } = createNode();
  const file = await at.disk.open(`${folder}/node_${'0'.repeat(64)}.ignored`, { create: true });
  await file.write(0, signMark(key));
  const large = await at.disk.open(`${folder}/node_${'1'.repeat(64)}.ignored`, { create: true });
  await large.write(0, new Uint8Array(5000));
  assert.deepEqual(await readMarks(at), []);
});

test('the vector of docs/formats/ledger-mark.md verifies', () => {
  const page = new URL('../../../docs/formats/ledger-mark.md', import.meta.url);
  const [, id, hex] =
    /the node `([0-9a-f]{64})`.*\n`([0-9a-f]+)`/.exec(readFileSync(page, 'utf8')) ?? [];
  assert.ok(id !== undefined && hex !== undefined);
  assert.equal(nodeOfMark(fromHex(hex)), id);
});
