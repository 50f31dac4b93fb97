import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asSeqno, asView, toHex } from '@coco/base';
import type { HeldMessage } from '../src/held-messages.ts';
import { HeldMessages } from '../src/held-messages.ts';
import { createHandle, defaultLimits } from '../src/index.ts';

const peer = 2;

function bodyOf(number: number): Uint8Array {
  return new Uint8Array([number]);
}

function heldAt(term: number, number: number): HeldMessage {
  const place = { kind: 'batch', view: asView(term), firstSeqno: asSeqno(number), entryCount: 1 };
  const handle = createHandle({ ...place, kind: 'batch' }, bodyOf(number));
  const missing = new Map([[toHex(handle.digest), handle]]);
  return { term, message: bodyOf(number), bodies: new Map(), missing };
}

describe('held messages', () => {
  it('come out in order, each when all before it are complete', () => {
    const held = new HeldMessages(defaultLimits);
    const messages = [heldAt(2, 1), heldAt(2, 2), heldAt(2, 3)];
    for (const message of messages) assert.ok(held.hold(peer, message));
    const supply = (at: number): void => {
      for (const handle of [...(messages[at]?.missing.values() ?? [])]) {
        assert.ok(held.supply(peer, handle, bodyOf(at + 1)));
      }
    };
    supply(1);
    assert.deepEqual(held.takeComplete(peer), []);
    supply(0);
    assert.deepEqual(held.takeComplete(peer), messages.slice(0, 2));
    supply(2);
    assert.deepEqual(held.takeComplete(peer), messages.slice(2));
    assert.ok(!held.hasAny(peer));
  });

  it('of earlier terms keep no later one waiting', () => {
    const held = new HeldMessages(defaultLimits);
    held.hold(peer, heldAt(2, 1));
    held.dropBefore(peer, 2);
    assert.ok(held.hasAny(peer));
    held.dropBefore(peer, 3);
    assert.ok(!held.hasAny(peer));
  });

  it('are bounded in the bytes that wait beside them', () => {
    const held = new HeldMessages({ ...defaultLimits, stagedBytesMax: 10 });
    const withBody = (number: number): HeldMessage => ({
      ...heldAt(2, number),
      bodies: new Map([[`${number}`, new Uint8Array(6)]]),
    });
    assert.ok(held.hold(peer, withBody(1)));
    assert.ok(!held.hold(peer, withBody(2)));
    assert.ok(!held.hold(3, withBody(2)));
    assert.equal(held.heldBytes, 6);
  });
});
