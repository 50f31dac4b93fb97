import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskFault } from '@coco/base';
import { type StorageLevel, StorageWatch } from '../src/storage-watch.ts';

function watched(limits = { warningBytes: 1000, reserveBytes: 400 }) {
  const disk = { free: 5000, freeBytes: async (): Promise<number> => disk.free };
  const levels: StorageLevel[] = [];
  const watch = new StorageWatch({ files: disk, limits, onLevel: (level) => levels.push(level) });
  const measure = async (free: number): Promise<StorageLevel> => {
    disk.free = free;
    await watch.measure();
    return watch.level;
  };
  return { disk, watch, levels, measure };
}

test('levels follow the room that is left, and each is told once', async () => {
  const { levels, measure } = watched();
  for (const free of [5000, 1000, 999, 400, 399, 100, 99, 0, 0]) await measure(free);
  assert.deepEqual(levels, ['low', 'short', 'scarce']);
  await measure(5000);
  assert.deepEqual(levels, ['low', 'short', 'scarce', 'ample']);
});

test('a level is left only with a tenth more than what led to it', async () => {
  const { measure } = watched();
  assert.equal(await measure(399), 'short');
  assert.equal(await measure(439), 'short');
  assert.equal(await measure(441), 'low');
  assert.equal(await measure(1099), 'low');
  assert.equal(await measure(1101), 'ample');
});

test('what was written counts until it is measured again', async () => {
  const { watch, levels, measure } = watched();
  watch.wrote(10_000);
  assert.deepEqual(levels, [], 'nothing is known before the first measure');
  await measure(1500);
  watch.wrote(600);
  watch.wrote(600);
  watch.wrote(600);
  assert.deepEqual(levels, ['low', 'short', 'scarce']);
  assert.equal(watch.freeBytes, 0);
  assert.equal(await measure(1500), 'ample');
});

test('a write that waits is told whatever the measure says', async () => {
  const { watch, levels, measure } = watched();
  await measure(5000);
  watch.setFull(true);
  await measure(5000);
  watch.setFull(false);
  assert.deepEqual(levels, ['full', 'scarce'], 'what there is now is not known yet');
  await measure(5000);
  assert.deepEqual(levels, ['full', 'scarce', 'ample']);
});

test('a measure that fails leaves the level, and the next is taken', async () => {
  const { disk, watch, measure } = watched();
  assert.equal(await measure(399), 'short');
  const { freeBytes } = disk;
  disk.freeBytes = () => Promise.reject(diskFault('DiskFault', 'no answer'));
  await assert.rejects(watch.measure(), { code: 'DiskFault' });
  assert.equal(watch.level, 'short');
  disk.freeBytes = freeBytes;
  assert.equal(await measure(5000), 'ample');
});
