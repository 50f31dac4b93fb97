import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createConfiguration, type NodeId, type PeerProgress } from '@coco/consensus';
import { MembershipDriver } from '../src/membership-driver.ts';
import { OfficeYield } from '../src/office-yield.ts';
import { BatchWriter } from './batch-writer.ts';
import { HostNetwork } from './host-network.ts';

const commit = 100;

function statusOf(...peers: Partial<PeerProgress>[]): Parameters<MembershipDriver['heir']>[0] {
  const all = peers.map((peer, at) => ({
    id: at + 1,
    match: commit,
    next: commit + 1,
    state: 'replicate' as const,
    isLearner: false,
    isRecentlyActive: true,
    ...peer,
  }));
  const voters = all.filter(({ isLearner }) => !isLearner).map(({ id }) => id);
  const raft = { commit, applied: 0, transferee: 0, firstIndex: 1, lastIndex: commit, peers: all };
  return { raft, configuration: createConfiguration(voters) };
}

/** Node 1 leads. */
function heirOf(
  status: Parameters<MembershipDriver['heir']>[0],
  isFit?: (id: NodeId) => boolean,
): NodeId | undefined {
  const driver = new MembershipDriver({
    nodeId: 1,
    log: undefined,
    propose: () => Promise.resolve(status.configuration),
    passOn: () => {},
  });
  driver.setTrusted(status.raft.peers.map(({ id }) => id));
  return driver.heir(status, isFit);
}

describe('the heir of a primary', () => {
  test('is the voter that holds most', () => {
    assert.equal(heirOf(statusOf({}, { match: commit - 2 }, { match: commit - 1 })), 3);
  });

  for (const [why, peer] of [
    ['is far behind', { match: commit - 9 }],
    ['does not answer', { isRecentlyActive: false }],
    ['does not vote', { isLearner: true }],
  ] as const) {
    test(`is nobody who ${why}`, () => {
      assert.equal(heirOf(statusOf({}, peer)), undefined);
      assert.equal(heirOf(statusOf({}, peer, {})), 3);
    });
  }

  test('is nobody who has no room, where that is asked for', () => {
    assert.equal(
      heirOf(statusOf({}, {}, {}), (id) => id === 3),
      3,
    );
    assert.equal(
      heirOf(statusOf({}, {}, {}), () => false),
      undefined,
    );
  });
});

test('a primary that should not be it asks its heir, and again after ten seconds', () => {
  const asked: NodeId[] = [];
  const office = new OfficeYield((to) => asked.push(to));
  for (let beat = 0; beat < 5; beat++) office.tick(() => undefined);
  assert.deepEqual(asked, []);
  for (let beat = 0; beat < 200; beat++) office.tick(() => 3);
  assert.deepEqual(asked, [3]);
  office.tick(() => 2);
  assert.deepEqual(asked, [3, 2]);
});

test('a primary whose disk is short of room has its main thread pass office on', async () => {
  const isFit = (id: NodeId): boolean => !network.host(id).isShort;
  const network: HostNetwork = await HostNetwork.start(3, {}, { isFit });
  for (const id of network.ids) network.host(id).setTrusted(network.ids);
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
