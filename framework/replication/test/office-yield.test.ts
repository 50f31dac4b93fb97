import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asView } from '@coco/base';
import { createConfiguration, type PeerProgress } from '@coco/consensus';
import { OfficeYield } from '../src/office-yield.ts';
import { BatchWriter } from './batch-writer.ts';
import { HostNetwork } from './host-network.ts';

const lastIndex = 100;

function statusOf(...peers: Partial<PeerProgress>[]): Parameters<OfficeYield['tick']>[0] {
  const all = peers.map((peer, at) => ({
    id: at + 1,
    match: lastIndex,
    next: lastIndex + 1,
    state: 'replicate' as const,
    isLearner: false,
    isRecentlyActive: true,
    ...peer,
  }));
  const raft = { commit: 0, applied: 0, transferee: 0, firstIndex: 1, lastIndex, peers: all };
  const office = { role: 'leader', view: asView(2), leaderId: 1, canExecute: true } as const;
  return { raft, office, configuration: createConfiguration(all.map(({ id }) => id)) };
}

function yieldOf(isFit: (id: number) => boolean = () => true) {
  const asked: number[] = [];
  const office = new OfficeYield({ self: 1, isFit, passOn: (to) => asked.push(to) });
  return { office, asked };
}

describe('a primary that should not be it', () => {
  test('asks the nearest to the end of the log, and again after ten seconds', () => {
    const { office, asked } = yieldOf();
    const status = statusOf({}, { match: lastIndex - 2 }, { match: lastIndex - 1 });
    for (let beat = 0; beat < 200; beat++) office.tick(status);
    assert.deepEqual(asked, [3]);
    office.tick(status);
    assert.deepEqual(asked, [3, 3]);
  });

  for (const [why, peer] of [
    ['is far behind', { match: lastIndex - 17 }],
    ['does not answer', { isRecentlyActive: false }],
    ['does not vote', { isLearner: true }],
  ] as const) {
    test(`passes over who ${why}`, () => {
      const { office, asked } = yieldOf();
      office.tick(statusOf({}, peer));
      assert.deepEqual(asked, []);
      office.tick(statusOf({}, peer, {}));
      assert.deepEqual(asked, [3]);
    });
  }

  test('keeps its office where nobody has room, and asks as soon as somebody has', () => {
    let isFit = false;
    const { office, asked } = yieldOf(() => isFit);
    office.tick(statusOf({}, {}, {}));
    assert.deepEqual(asked, []);
    isFit = true;
    office.tick(statusOf({}, {}, {}));
    assert.deepEqual(asked, [2]);
  });
});

test('a primary whose disk is short of room has its main thread pass office on', async () => {
  const isFit = (id: number): boolean => !network.host(id).isShort;
  const network: HostNetwork = await HostNetwork.start(3, {}, { isFit });
  const leader = await network.primary();
  network.host(leader).propose(new BatchWriter(network.viewOf(leader)).open());
  await network.beat(2);
  network.disk(leader).spaceBytes = 1000;
  await network.beat(22);
  assert.deepEqual(network.levels(leader), ['short']);
  const others = network.ids.filter((id) => id !== leader);
  const asked = network.heard(leader).filter(({ kind }) => kind === 'passOn');
  assert.deepEqual(asked, [{ kind: 'passOn', to: Math.min(...others) }]);
  await network.stop();
});
