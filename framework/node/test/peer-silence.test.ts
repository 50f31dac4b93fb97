import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ManualClock } from '@coco/base';
import { PeerSilence } from '../src/peer-silence.ts';

const lost = (id: number, code = 'PeerLost') => ({ kind: 'lost', id, code }) as const;
const up = (id: number) => ({ kind: 'up', id }) as const;

suite('the silence of other nodes', () => {
  test('is none while they are connected, and counts from the first loss', () => {
    const clock = new ManualClock(0);
    const silence = new PeerSilence(clock);
    clock.advance(1_000);
    silence.note(up(7));
    clock.advance(1_000);
    assert.equal(silence.silentMs(7), 0);
    silence.note(lost(7));
    clock.advance(500);
    silence.note(lost(7, 'PeerUnreachable'));
    clock.advance(500);
    assert.equal(silence.silentMs(7), 1_000);
    silence.note(up(7));
    assert.equal(silence.silentMs(7), 0);
    silence.note(lost(7));
    clock.advance(10);
    assert.equal(silence.silentMs(7), 10);
  });

  test('of a node that never was heard counts from the first attempt to reach it', () => {
    const clock = new ManualClock(0);
    const silence = new PeerSilence(clock);
    clock.advance(60_000);
    assert.equal(silence.silentMs(9), 0);
    silence.note(lost(9, 'PeerUnreachable'));
    clock.advance(1_000);
    assert.equal(silence.silentMs(9), 1_000);
  });

  test('is not what a node is cut off for, nor what strangers do', () => {
    const clock = new ManualClock(0);
    const silence = new PeerSilence(clock);
    silence.note({ kind: 'cut', id: 7, code: 'PeerMessageRejected' });
    silence.note({ kind: 'refused', count: 3, code: 'PeerNotTrusted' });
    clock.advance(5_000);
    assert.equal(silence.silentMs(7), 0);
  });
});
