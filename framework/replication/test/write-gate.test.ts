import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { utf8Encode } from '@coco/base';
import { runOptimistic } from '../src/run-optimistic.ts';
import { PipelineHarness, testMap } from './pipeline-harness.ts';

const adapterMaps = new Set([testMap]);

function harnessOf() {
  const harness = new PipelineHarness();
  harness.pipeline.startExecuting();
  const { pipeline } = harness;
  const put = (name: string, value: string | undefined, maps?: ReadonlySet<string>) =>
    pipeline.execute((transaction) => {
      const map = transaction.map(testMap);
      if (value === undefined) map.delete(utf8Encode(name));
      else map.set(utf8Encode(name), utf8Encode(value));
      return { result: undefined };
    }, maps);
  return { harness, pipeline, gate: pipeline.gate, put };
}

describe('the gate of writes', () => {
  test('applications are refused before governance, and both before the disk is used up', () => {
    const { gate, put } = harnessOf();
    const expected = {
      ample: [true, true],
      low: [true, true],
      short: [false, true],
      scarce: [false, false],
      full: [false, false],
    } as const;
    for (const level of ['low', 'short', 'scarce', 'full', 'ample'] as const) {
      gate.setStorage(level);
      const [application, governance] = expected[level];
      if (application) put('a', '1', adapterMaps);
      else assert.throws(() => put('a', '1', adapterMaps), { code: 'StorageFull', status: 503 });
      if (governance) put('g', '1');
      else assert.throws(() => put('g', '1'), { code: 'StorageFull' });
    }
  });

  test('what executed before is sealed and commits, however little room there is', async () => {
    const { harness, pipeline, gate, put } = harnessOf();
    pipeline.addSealer({
      name: 'blocks',
      maps: new Set(['test.blocks']),
      seal: (transaction) => {
        transaction.map('test.blocks').set(utf8Encode('block'), utf8Encode('1'));
        return { result: undefined };
      },
    });
    put('a', '1', adapterMaps);
    gate.setStorage('scarce');
    gate.setMemory('scarce');
    await harness.settle();
    assert.equal(harness.proposed[0]?.batch.entryCount, 3);
    harness.commit(1);
    assert.equal(harness.read('a'), '1');
  });

  test('short of memory, deletions pass and everything else of an application is refused', () => {
    const { harness, gate, put } = harnessOf();
    put('a', '1', adapterMaps);
    gate.setMemory('short');
    assert.throws(() => put('b', '1', adapterMaps), { code: 'MemoryFull', status: 503 });
    assert.throws(() => put('a', '2', adapterMaps), { code: 'MemoryFull' });
    assert.equal(harness.read('a'), '1', 'a refused write leaves no trace');
    put('g', '1');
    put('a', undefined, adapterMaps);
    assert.equal(harness.read('a'), undefined);
    gate.setMemory('scarce');
    assert.throws(() => put('g', '2'), { code: 'MemoryFull' });
    put('g', undefined);
    gate.setMemory('ample');
    put('b', '1', adapterMaps);
  });

  test('a handler that waits is governance’s, and is refused when it would write', async () => {
    const { pipeline, gate } = harnessOf();
    const write = (then: () => void) =>
      runOptimistic(pipeline, async (transaction) => {
        transaction.map(testMap).set(utf8Encode('w'), utf8Encode('1'));
        then();
        return { result: undefined };
      });
    gate.setStorage('short');
    gate.setMemory('short');
    await write(() => {});
    await assert.rejects(
      write(() => gate.setMemory('scarce')),
      { code: 'MemoryFull' },
    );
    gate.setMemory('ample');
    await assert.rejects(
      write(() => gate.setStorage('full')),
      { code: 'StorageFull' },
    );
    await assert.rejects(
      write(() => {}),
      { code: 'StorageFull' },
    );
  });
});
