import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno, asView } from '@coco/base';
import type { ReplicaMeasures } from '@coco/replication';
import { type NetworkMeasures, NetworkWatch } from '../src/network-watch.ts';

const replica: ReplicaMeasures = {
  role: 'leader',
  view: asView(3),
  leaderId: 1,
  committedSeqno: asSeqno(9),
  lastSeqno: asSeqno(9),
  peers: [],
  flushSeconds: { buckets: [], count: 0, sum: 0 },
  elections: 1,
  leaderChanges: 1,
  inFlightBytes: 0,
  stagedBytes: 0,
  recentBytes: 0,
  backlogBytes: 0,
  raftBytes: 0,
  diskLevel: 'ample',
  diskFreeBytes: 1,
};
const link = { isUp: true, isDialling: false, queuedBytes: 0, dropped: 0, isShort: false };

function watched() {
  const told: string[] = [];
  const watch = new NetworkWatch((level, event, { id = '' }) =>
    told.push(`${level} ${event} ${id}`.trim()),
  );
  const look = (seconds: number, measures: Partial<NetworkMeasures>): void => {
    for (let at = 0; at < seconds; at++) watch.look({ replica, links: new Map(), ...measures });
  };
  return { watch, told, look };
}

const skewed = (skewMs: number): NetworkMeasures['links'] =>
  new Map([[2, { ...link, skewMs, roundTripMs: 1 }]]);
const lagging = (entries: number): ReplicaMeasures => ({
  ...replica,
  peers: [{ id: 2, entries, isLearner: false, isActive: true }],
});

describe('the watch of the network', () => {
  test('tells that nobody leads for five seconds, and that somebody does again', () => {
    const { watch, told, look } = watched();
    look(4, { replica: { ...replica, role: 'candidate', leaderId: undefined } });
    look(1, {});
    look(5, { replica: { ...replica, role: 'candidate', leaderId: undefined } });
    assert.deepEqual(told, ['warning network.noPrimary']);
    assert.deepEqual([...watch.troubles], ['noPrimary']);
    look(1, {});
    assert.deepEqual(told.slice(1), ['info network.noPrimary.over']);
    assert.equal(watch.troubles.size, 0);
  });

  test('tells of elections that follow one another, not of two in a minute', () => {
    const { told, look } = watched();
    for (let change = 0; change < 3; change++) {
      look(30, { replica: { ...replica, leaderChanges: 1 + change } });
    }
    assert.deepEqual(told, []);
    for (let change = 0; change < 4; change++) {
      look(3, { replica: { ...replica, leaderChanges: 4 + change, elections: 2 + change } });
    }
    assert.deepEqual(told, ['warning network.electionStorm']);
    look(70, { replica: { ...replica, leaderChanges: 8, elections: 6 } });
    assert.deepEqual(told.slice(1), ['info network.electionStorm.over']);
  });

  test('tells a primary of a backup that lags, and forgets it with the office', () => {
    const { watch, told, look } = watched();
    look(10, { replica: lagging(256) });
    assert.deepEqual(told, []);
    look(5, { replica: lagging(300) });
    assert.deepEqual(told, ['warning network.lag 2']);
    look(1, { replica: lagging(3) });
    assert.deepEqual(told.slice(1), ['info network.lag.over 2']);
    look(5, { replica: lagging(300) });
    look(1, {});
    assert.equal(watch.troubles.size, 0);
    assert.equal(told.length, 3, 'who leads no more cannot say that it is over');
  });

  for (const skewMs of [5_000, -5_000]) {
    test(`tells of a clock that is ${skewMs} ms off, not of one late beat`, () => {
      const { told, look } = watched();
      look(4, { links: skewed(skewMs) });
      look(1, { links: skewed(1_000) });
      assert.deepEqual(told, []);
      look(5, { links: skewed(skewMs) });
      look(1, { links: skewed(0) });
      assert.deepEqual(told, ['warning network.clockSkew 2', 'info network.clockSkew.over 2']);
    });
  }

  test('says nothing before the replica has', () => {
    const { told, look } = watched();
    look(20, { replica: undefined, links: skewed(9_000) });
    assert.deepEqual(told, []);
  });
});
