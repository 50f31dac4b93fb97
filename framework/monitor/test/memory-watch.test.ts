import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock } from '@coco/base';
import { Store } from '@coco/kv';
import { type MemoryReport, MemoryWatch, readMemory } from '../src/memory-watch.ts';

function watched() {
  const readings = {
    heapBytes: 0,
    heapLimitBytes: 1000,
    storeBytes: 0,
    reservedBytes: 0,
    storeLimitBytes: 4000,
    otherBytes: 0,
  };
  const clock = new ManualClock(0);
  const reports: MemoryReport[] = [];
  let shortSeconds = 0;
  const watch = new MemoryWatch({
    clock,
    limitBytes: 2000,
    read: () => ({ ...readings }),
    onLevel: (report) => reports.push(report),
    onShort: () => {
      shortSeconds++;
    },
  });
  const second = (): void => clock.advance(1000);
  const told = (): readonly string[] =>
    reports.map(({ level, resource }) => `${level} ${resource}`);
  return { watch, readings, second, told, shortSeconds: () => shortSeconds };
}

describe('the watch of memory', () => {
  test('warns at 80 %, refuses applications at 90 % and everybody at 95 %', () => {
    const { watch, readings, second, told, shortSeconds } = watched();
    watch.start();
    for (const bytes of [1599, 1600, 1799, 1800, 1899, 1900]) {
      readings.storeBytes = bytes;
      second();
    }
    assert.deepEqual(told(), ['low machine', 'short machine', 'scarce machine']);
    assert.equal(shortSeconds(), 3);
    watch.stop();
    readings.storeBytes = 0;
    second();
    assert.equal(watch.report.level, 'scarce', 'nobody measures any more');
  });

  test('leaves a level two hundredths below what led to it', () => {
    const { watch, readings, told } = watched();
    for (const bytes of [1800, 1761, 1759, 1561, 1559]) {
      readings.storeBytes = bytes;
      watch.measure();
    }
    assert.deepEqual(told(), ['short machine', 'low machine', 'ample machine']);
  });

  test('takes the least heap of ten seconds: what is above it is garbage', () => {
    const { watch, readings, told } = watched();
    for (let at = 0; at < 30; at++) {
      readings.heapBytes = at % 9 === 0 ? 300 : 990;
      watch.measure();
    }
    assert.deepEqual(told(), []);
    readings.heapBytes = 960;
    for (let at = 0; at < 10; at++) watch.measure();
    assert.deepEqual(told(), ['scarce heap']);
  });

  test('the nearest of machine, heap and store counts', () => {
    const { watch, readings, told } = watched();
    readings.storeLimitBytes = 500;
    readings.storeBytes = 460;
    watch.measure();
    assert.deepEqual(told(), ['short store']);
    readings.otherBytes = 1_480;
    watch.measure();
    assert.deepEqual(told(), ['short store', 'scarce machine']);
    assert.ok(watch.report.share > 0.96);
  });

  test('what the store has taken counts beyond what it uses, with some room to delete at random', () => {
    const { watch, readings, told } = watched();
    readings.storeBytes = 900;
    for (const bytes of [1_919, 1_921, 2_159, 2_161]) {
      readings.reservedBytes = bytes;
      watch.measure();
    }
    assert.deepEqual(told(), ['low machine', 'short machine']);
    readings.storeLimitBytes = 2_200;
    readings.reservedBytes = 2_195;
    watch.measure();
    assert.deepEqual(told(), ['low machine', 'short machine', 'scarce store']);
  });

  test('reads the process and the store', () => {
    const store = new Store();
    const { heapBytes, heapLimitBytes, storeBytes } = readMemory({ store, otherBytes: 5 });
    assert.ok(heapBytes > 1_000_000 && heapBytes < heapLimitBytes);
    const rows = [{ key: new Uint8Array(8), value: new Uint8Array(1_000_000) }];
    store.apply({ maps: [{ name: 'a', rows }] });
    const after = readMemory({ store, otherBytes: 5 });
    assert.ok(after.storeBytes - storeBytes >= 1_000_000);
    assert.equal(after.otherBytes, 5);
    assert.equal(after.storeLimitBytes, store.limits.storeBytesMax);
  });
});
