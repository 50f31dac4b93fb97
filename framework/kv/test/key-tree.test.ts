import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, SeededRandom, toHex } from '@coco/base';
import { KeySlice } from '../src/key-slice.ts';
import { KeyTree } from '../src/key-tree.ts';
import { RecordHeap } from '../src/record-heap.ts';
import { SlabMemory } from '../src/slab-memory.ts';
import { TreeCursor } from '../src/tree-cursor.ts';
import { keyFamilies } from './random-keys.ts';

const seed = 7;

/** A tree beside a plain map from the keys' hex to their records. */
class Pair {
  readonly memory: SlabMemory = new SlabMemory(1 << 28);
  readonly records: RecordHeap = new RecordHeap(this.memory);
  readonly tree: KeyTree = new KeyTree(this.memory, this.records);
  readonly model: Map<string, number> = new Map();

  put(key: Uint8Array): void {
    const slice = new KeySlice().ofArray(key);
    const content = { mapNumber: 1, seqno: asSeqno(1), previous: 0, value: undefined };
    const record = this.records.create(slice, content);
    const former = this.tree.exchange(slice, record);
    assert.equal(former, this.model.get(toHex(key)) ?? 0);
    if (former !== 0) this.records.release(former);
    this.model.set(toHex(key), record);
  }

  remove(key: Uint8Array): void {
    const slice = new KeySlice().ofArray(key);
    const record = this.tree.find(slice);
    assert.equal(record, this.model.get(toHex(key)) ?? 0);
    if (record === 0) return;
    this.tree.remove(slice);
    this.records.release(record);
    this.model.delete(toHex(key));
  }

  check(): void {
    assert.equal(this.tree.keyCount, this.model.size);
    const sorted = [...this.model.keys()].sort();
    const cursor = new TreeCursor(this.tree);
    cursor.seekAtLeast(undefined);
    assert.deepEqual(this.walk(cursor, 1), sorted);
    cursor.seekBelow(undefined);
    assert.deepEqual(this.walk(cursor, -1), sorted.reverse());
  }

  /** Seeks from a key, whether present or not, in both directions. */
  checkSeek(key: Uint8Array): void {
    const sorted = [...this.model.keys()].sort();
    const slice = new KeySlice().ofArray(key);
    const cursor = new TreeCursor(this.tree);
    cursor.seekAtLeast(slice);
    assert.equal(
      this.keyAt(cursor),
      sorted.find((text) => text >= toHex(key)),
    );
    cursor.seekBelow(slice);
    assert.equal(
      this.keyAt(cursor),
      sorted.findLast((text) => text < toHex(key)),
    );
  }

  walk(cursor: TreeCursor, direction: 1 | -1): string[] {
    const texts: string[] = [];
    for (let text = this.keyAt(cursor); text !== undefined; text = this.keyAt(cursor)) {
      texts.push(text);
      cursor.step(direction);
    }
    return texts;
  }

  keyAt(cursor: TreeCursor): string | undefined {
    if (cursor.record === 0) return undefined;
    return toHex(this.records.key(cursor.record, new KeySlice()).copy());
  }
}

for (const { name, keyOf, count } of keyFamilies) {
  test(`a tree finds, orders and removes keys that are ${name}`, () => {
    const random = new SeededRandom(seed);
    const pair = new Pair();
    for (let number = 0; number < count; number++) pair.put(keyOf(number));
    pair.check();
    for (let change = 0; change < count; change++) {
      const key = keyOf(random.below(count));
      if (random.below(5) < 3) pair.remove(key);
      else pair.put(key);
    }
    pair.check();
    for (let seek = 0; seek < 100; seek++) {
      pair.checkSeek(keyOf(random.below(count)));
      pair.checkSeek(random.bytes(random.below(4)));
    }
    for (let number = 0; number < count; number++) if (number % 61 > 0) pair.remove(keyOf(number));
    pair.check();
    for (let number = count - 1; number >= 0; number--) pair.remove(keyOf(number));
    pair.check();
    assert.equal(pair.memory.liveBytes, 0);
  });
}

test('pages are joined when keys go, so that a few keys hold few pages', () => {
  const pair = new Pair();
  const { keyOf } = keyFamilies[0] ?? assert.fail('there is a family');
  for (let number = 0; number < 10_000; number++) pair.put(keyOf(number));
  for (let number = 0; number < 10_000; number++) if (number % 50 > 0) pair.remove(keyOf(number));
  // 200 keys of 72 bytes, their pages at least a quarter full.
  assert.ok(pair.memory.liveBytes < 200 * (72 + 4 * 10 + 20));
});

test('the order of keys is that of unsigned bytes', () => {
  const pair = new Pair();
  for (const byte of [0x00, 0x7f, 0x80, 0xff]) pair.put(Uint8Array.of(byte));
  pair.put(new Uint8Array(0));
  const cursor = new TreeCursor(pair.tree);
  cursor.seekAtLeast(undefined);
  assert.deepEqual(pair.walk(cursor, 1), ['', '00', '7f', '80', 'ff']);
});
