import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromHex, ManualClock, toHex } from '@coco/base';
import { isBeat, PeerBeats } from '../src/peer-beats.ts';

/** Two ends whose clocks stand `skewMs` apart. */
function ends(skewMs = 0) {
  const start = 1_700_000_000_000;
  const clocks = [new ManualClock(start), new ManualClock(start + skewMs)] as const;
  let isShort = false;
  const [one, other] = [
    new PeerBeats(clocks[0], () => isShort),
    new PeerBeats(clocks[1], () => false),
  ];
  const pass = (ms: number): void => {
    for (const clock of clocks) clock.advance(ms);
  };
  const setShort = (is: boolean): void => {
    isShort = is;
  };
  return { one, other, pass, setShort };
}

describe('beats', () => {
  test('tell the round trip without the time that the other held them', () => {
    const { one, other, pass } = ends();
    pass(5000);
    const first = one.next();
    pass(3);
    other.hear(first);
    assert.deepEqual(other.measures.roundTripMs, undefined);
    pass(700);
    const answer = other.next();
    pass(4);
    one.hear(answer);
    assert.equal(one.measures.roundTripMs, 7);
  });

  for (const skewMs of [0, 60_000, -3_600_000]) {
    test(`tell that the other's clock is ${skewMs} ms ahead`, () => {
      const { one, other, pass } = ends(skewMs);
      pass(1000);
      other.hear(one.next());
      pass(10);
      const answer = other.next();
      pass(10);
      one.hear(answer);
      const measured = one.measures.skewMs ?? Number.NaN;
      assert.ok(Math.abs(measured - skewMs) <= 10, `${measured}`);
    });
  }

  test('tell who is short, from one second to the next', () => {
    const { one, other, setShort } = ends();
    setShort(true);
    other.hear(one.next());
    assert.equal(other.measures.isShort, true);
    setShort(false);
    other.hear(one.next());
    assert.equal(other.measures.isShort, false);
  });

  test('an echo of the future, or of long ago, is no measure', () => {
    const { one, other, pass } = ends();
    pass(1000);
    other.hear(one.next());
    const early = other.next();
    pass(120_000);
    one.hear(early);
    assert.equal(one.measures.roundTripMs, undefined);
    const forged = fromHex(`0000${'00'.repeat(16)}ffffffffff00000000000000`);
    one.hear(forged);
    assert.equal(one.measures.roundTripMs, undefined);
  });

  test('have the documented layout, and no other length', () => {
    const vector = fromHex('00010068e5cf8b010000404b4c000000000000093d0000000000fa000000');
    const clock = new ManualClock(1_700_000_000_000);
    const beats = new PeerBeats(clock, () => true);
    clock.advance(5000);
    beats.hear(fromHex(`0000${'00'.repeat(8)}00093d0000000000${'00'.repeat(8)}00000000`));
    const beat = toHex(beats.next());
    // All but the wall clock, which has moved, and how long the other's beat was held.
    assert.equal(beat.slice(0, 4), toHex(vector).slice(0, 4));
    assert.equal(beat.slice(20, 52), toHex(vector).slice(20, 52));
    assert.ok(isBeat(vector) && isBeat(new Uint8Array(0)) && !isBeat(Uint8Array.of(1)));
    for (const bytes of [29, 31]) {
      assert.throws(() => beats.hear(new Uint8Array(bytes)), { code: 'PeerMessageRejected' });
    }
    assert.throws(() => beats.hear(fromHex(`0000${'ff'.repeat(28)}`)), { code: 'InvalidInput' });
  });
});
