import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createConfiguration, type PeerProgress } from '@coco/consensus';
import { heirOf, nextMembershipStep } from '../src/membership-step.ts';

const commit = 100;

/** Peers in a line: `2` is up to date, `2-9` is 9 entries behind, `2x` is silent, `2s` gets a snapshot. */
function progressOf(text: string): PeerProgress[] {
  return text.split(' ').map((word) => {
    const [, id = '', behind = '0', mark = ''] = /^(\d+)(?:-(\d+))?([xs]?)$/.exec(word) ?? [];
    const match = commit - Number(behind);
    const state = mark === 's' ? 'snapshot' : 'replicate';
    const isRecentlyActive = mark !== 'x';
    return { id: Number(id), match, next: match + 1, state, isLearner: false, isRecentlyActive };
  });
}

function idsOf(text: string): number[] {
  return text.split(' ').filter(Boolean).map(Number);
}

/** `ledger` are trusted ids, `raft` voters and learners: `1 2 | 3`. Node 1 asks unless told. */
function step(
  ledger: string,
  raft: string,
  options: { peers?: string; self?: number; hasWaited?: boolean } = {},
): string {
  const [voters = '', learners = ''] = raft.split('|');
  const everybody = raft.replace('|', ' ').trim().split(/ +/).join(' ');
  const found = nextMembershipStep({
    self: options.self ?? 1,
    trusted: new Set(idsOf(ledger)),
    configuration: createConfiguration(idsOf(voters), idsOf(learners)),
    progress: progressOf(options.peers ?? everybody),
    commit,
    hasWaited: () => options.hasWaited ?? false,
  });
  return found ? Object.values(found).join(' ') : 'nothing';
}

/** Who takes over from node 1. */
function heir(ledger: string, voters: string, peers: string): number | undefined {
  return heirOf({
    self: 1,
    trusted: new Set(idsOf(ledger)),
    configuration: createConfiguration(idsOf(voters)),
    progress: progressOf(peers),
    commit,
  });
}

describe('the heir of a primary', () => {
  test('is the trusted voter that holds most and keeps up, and never itself', () => {
    assert.equal(heir('1 2 3', '1 2 3', '1 2-3 3-1'), 3);
    assert.equal(heir('1 2 3', '1 2 3', '1 2-3 3x'), 2);
    assert.equal(heir('1 2', '1 2 3', '1 2-3 3'), 2);
    assert.equal(heir('1 2 3', '1 2', '1 2-50 3'), undefined);
    assert.equal(heir('1', '1', '1'), undefined);
  });
});

describe('the next step of membership', () => {
  test('is none while Raft has the nodes that the ledger trusts', () => {
    assert.equal(step('1 2 3', '1 2 3'), 'nothing');
    assert.equal(step('1', '1'), 'nothing');
  });

  test('makes a trusted node a learner, the oldest first', () => {
    assert.equal(step('1 9 4', '1'), 'addLearner 4');
    assert.equal(step('1 4 9', '1 | 4', { peers: '1 4s' }), 'addLearner 9');
  });

  test('promotes a learner that has caught up, and no other', () => {
    assert.equal(step('1 2', '1 | 2'), 'promote 2');
    assert.equal(step('1 2', '1 | 2', { peers: '1 2-8' }), 'promote 2');
    assert.equal(step('1 2', '1 | 2', { peers: '1 2-9' }), 'nothing');
    assert.equal(step('1 2', '1 | 2', { peers: '1 2s' }), 'nothing');
    assert.equal(step('1 2', '1 | 2', { peers: '1 2x' }), 'nothing');
    assert.equal(step('1 2 3', '1 | 2 3', { peers: '1 2-50 3' }), 'promote 3');
  });

  test('takes a learner out that is not trusted before anything else', () => {
    assert.equal(step('1 2 4', '1 2 | 3'), 'remove 3');
  });

  test('replaces in one change, the silent voter first', () => {
    assert.equal(step('1 2 4', '1 2 3 | 4', { peers: '1 2 3x 4' }), 'replace 4 3');
    assert.equal(step('1 4', '1 2 3 | 4', { peers: '1 2 3x 4' }), 'replace 4 3');
    assert.equal(step('1 4', '1 2 3 | 4', { peers: '1 2 3 4' }), 'replace 4 2');
  });

  test('waits for the replacement of a voter, but not for ever and not for none', () => {
    const behind = { peers: '1 2 3x 4-60' };
    assert.equal(step('1 2 4', '1 2 3 | 4', behind), 'nothing');
    assert.equal(step('1 2 4', '1 2 3 | 4', { ...behind, hasWaited: true }), 'remove 3');
    assert.equal(step('1 2', '1 2 3'), 'remove 3');
  });

  test('removes nobody when those who stay could not commit', () => {
    assert.equal(step('1 2', '1 2 3', { peers: '1 2x 3' }), 'nothing');
    assert.equal(step('1 2 3 4', '1 2 3 4 5', { peers: '1 2x 3x 4 5' }), 'nothing');
    assert.equal(step('1 2 4', '1 2 3 | 4', { peers: '1 2x 3 4' }), 'replace 4 3');
  });

  test('promotes nobody when those who vote then could not commit', () => {
    assert.equal(step('1 2 3 4', '1 2 3 | 4', { peers: '1 2x 3x 4' }), 'nothing');
  });

  test('a primary that is to leave passes office on to who holds most', () => {
    assert.equal(step('2 3', '1 2 3', { peers: '1 2-3 3' }), 'passOn 3');
    assert.equal(step('2 3', '1 2 3', { peers: '1 2 3x' }), 'passOn 2');
    assert.equal(step('2 3', '1 2 3', { peers: '1 2-90 3x' }), 'nothing');
    assert.equal(step('2', '1 2 3', { peers: '1 2x 3' }), 'nothing');
  });

  test('a primary that is to leave and has no heir has one made', () => {
    assert.equal(step('2', '1 | 2'), 'promote 2');
    assert.equal(step('3', '1 2 | 3'), 'replace 3 2');
    assert.equal(step('2', '1', { hasWaited: true }), 'addLearner 2');
  });

  test('the last voter stays, whatever the ledger says', () => {
    assert.equal(step('', '1', { hasWaited: true }), 'nothing');
    assert.equal(step('', '1 2', { hasWaited: true }), 'nothing');
  });
});
