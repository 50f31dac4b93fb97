import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BugError, SeededRandom } from '@coco/base';
import { blockBytesMax, granuleBits, granuleMask, SlabMemory } from '../src/slab-memory.ts';

interface Block {
  readonly pointer: number;
  readonly length: number;
  readonly mark: number;
}

function fill(memory: SlabMemory, { pointer, length, mark }: Block): void {
  const at = (pointer & granuleMask) << 3;
  memory.bytes[pointer >>> granuleBits]?.fill(mark, at, at + length);
}

function isWhole(memory: SlabMemory, { pointer, length, mark }: Block): boolean {
  const at = (pointer & granuleMask) << 3;
  const bytes = memory.bytes[pointer >>> granuleBits]?.subarray(at, at + length);
  return bytes?.length === length && bytes.every((byte) => byte === mark);
}

test('blocks of all sizes never overlap and all memory comes back', () => {
  const random = new SeededRandom(11);
  const memory = new SlabMemory(1 << 28);
  const live: Block[] = [];
  for (let step = 0; step < 4000; step++) {
    if (live.length > 0 && random.below(5) < 2) {
      const [block] = live.splice(random.below(live.length), 1);
      assert.ok(block !== undefined && isWhole(memory, block));
      memory.release(block.pointer);
    } else {
      const length = 8 + random.below(random.below(20) === 0 ? blockBytesMax - 8 : 500);
      const block = { pointer: memory.allocate(length), length, mark: random.below(256) };
      assert.notEqual(block.pointer, 0);
      fill(memory, block);
      live.push(block);
    }
  }
  for (const block of live) {
    assert.ok(isWhole(memory, block));
    memory.release(block.pointer);
  }
  assert.equal(memory.liveBytes, 0);
  assert.equal(memory.reservedBytes, memory.spareBytes);
});

test('a block wastes at most a quarter of what was asked, beside seven bytes', () => {
  for (let length = 1; length <= blockBytesMax; length += 37) {
    const block = SlabMemory.blockBytes(length);
    assert.ok(block >= length);
    assert.ok(block <= length * 1.25 + 7);
  }
});

test('what a class gave back serves another class', () => {
  const memory = new SlabMemory(1 << 26);
  const allocateAll = (length: number): number[] =>
    Array.from({ length: Math.floor((1 << 24) / length) }, () => memory.allocate(length));
  for (const pointer of allocateAll(64)) memory.release(pointer);
  const reserved = memory.reservedBytes;
  for (const pointer of allocateAll(1024)) memory.release(pointer);
  assert.equal(memory.reservedBytes, reserved);
});

test('gaps among live blocks are filled before another chunk is taken', () => {
  const memory = new SlabMemory(1 << 26);
  const pointers = Array.from({ length: 100_000 }, () => memory.allocate(64));
  const reserved = memory.reservedBytes;
  pointers.forEach((pointer, at) => {
    if (at % 3 > 0) memory.release(pointer);
  });
  for (let at = 0; at < pointers.length; at++) if (at % 3 > 0) memory.allocate(64);
  assert.equal(memory.reservedBytes, reserved);
});

test('beyond the spare chunks memory goes back to the host', () => {
  const memory = new SlabMemory(1 << 28);
  const pointers = Array.from({ length: 2000 }, () => memory.allocate(blockBytesMax));
  assert.ok(memory.reservedBytes >= 2000 * blockBytesMax);
  for (const pointer of pointers) memory.release(pointer);
  assert.ok(memory.reservedBytes <= 16 * 1024 * 1024);
});

test('releasing a block twice is caught when its chunk is empty', () => {
  const memory = new SlabMemory(1 << 24);
  const pointer = memory.allocate(8);
  memory.release(pointer);
  assert.throws(() => memory.release(pointer), BugError);
});

test('more than the limit is never allocated', () => {
  const memory = new SlabMemory(1 << 20);
  assert.throws(() => {
    for (;;) memory.allocate(blockBytesMax);
  }, BugError);
});
