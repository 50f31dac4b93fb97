import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LedgerError } from '@coco/base';
import fc from 'fast-check';
import { decodeSnapshotData, encodeSnapshotData } from '../src/snapshot-offer.ts';
import { anyHandle } from './any-handle.ts';

const plain = { noNullPrototype: true };
const anyName = fc.record(
  {
    name: fc.stringMatching(/^[a-z0-9_]{0,80}$/),
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  },
  plain,
);
const anyData = fc.record(
  {
    lastBatch: fc.option(anyHandle, { nil: undefined }),
    ledgerSnapshot: fc.option(anyName, { nil: undefined }),
  },
  plain,
);

describe('snapshot data', () => {
  it('decodes to what was encoded, and no part of it decodes', () => {
    fc.assert(
      fc.property(anyData, (data) => {
        const bytes = encodeSnapshotData(data);
        assert.deepEqual(decodeSnapshotData(bytes), data);
        for (let length = 1; length < bytes.length; length++) {
          assert.throws(() => decodeSnapshotData(bytes.subarray(0, length)), LedgerError);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is refused with a flag that is neither 0 nor 1 or a name too long', () => {
    assert.throws(() => decodeSnapshotData(new Uint8Array([2])), { code: 'InvalidPeerMessage' });
    const longName = new Uint8Array([0, 1, 0xff, 0xff, 0, 0]);
    assert.throws(() => decodeSnapshotData(longName), { code: 'InvalidPeerMessage' });
  });
});
