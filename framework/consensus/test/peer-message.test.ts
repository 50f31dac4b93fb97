import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asRaftIndex, asSeqno, fromHex, LedgerError, toHex } from '@coco/base';
import fc from 'fast-check';
import type { PeerMessage } from '../src/index.ts';
import { defaultLimits, encodePeerMessage, parsePeerMessage } from '../src/index.ts';
import { anyHandle } from './any-handle.ts';

const limits = { bodyBytesMax: 64, messageEntriesMax: 4, messageBytesMax: 128 };
const anyBodies = fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 4 });
const plain = { noNullPrototype: true };
const anyNumber = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const anyMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('raft' as const),
      message: fc.uint8Array({ maxLength: 128 }),
      bodies: anyBodies,
    },
    plain,
  ),
  fc.record(
    { kind: fc.constant('fetch' as const), handles: fc.array(anyHandle, { maxLength: 4 }) },
    plain,
  ),
  fc.record({ kind: fc.constant('bodies' as const), bodies: anyBodies }, plain),
  fc
    .integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
    .map((index) => ({ kind: 'removed' as const, raftIndex: asRaftIndex(index) })),
  fc.record(
    {
      kind: fc.constant('members' as const),
      seqno: anyNumber.map(asSeqno),
      nodes: fc.array(
        fc.record(
          {
            id: anyNumber,
            keyId: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex),
            host: fc.domain(),
            port: fc.nat(65_535),
          },
          plain,
        ),
        { maxLength: 9 },
      ),
    },
    plain,
  ),
);

function refusalOf(bytes: Uint8Array): string | undefined {
  try {
    parsePeerMessage(bytes, limits);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof LedgerError);
    return error.code;
  }
}

describe('peer message', () => {
  it('has the bytes of docs/formats/peer-message.md', () => {
    const message: PeerMessage = {
      kind: 'raft',
      message: fromHex('0808'),
      bodies: [fromHex('616263')],
    };
    const expected = '01 02000000 0808 01000000 03000000 616263';
    assert.equal(toHex(encodePeerMessage(message)), expected.replaceAll(' ', ''));
  });

  it('parses to what was encoded', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        assert.deepEqual(parsePeerMessage(encodePeerMessage(message), limits), message);
      }),
      { numRuns: 200 },
    );
  });

  it('is refused when cut or longer', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const bytes = encodePeerMessage(message);
        for (let length = 0; length < bytes.length; length++) {
          assert.equal(refusalOf(bytes.subarray(0, length)), 'InvalidPeerMessage');
        }
        assert.equal(refusalOf(new Uint8Array([...bytes, 0])), 'InvalidPeerMessage');
      }),
      { numRuns: 20 },
    );
  });

  it('is refused beyond a limit before anything is copied', () => {
    const beyond: readonly string[] = [
      '01 81000000', // a Raft message of 129 bytes
      '01 00000000 05000000', // five bodies
      '01 00000000 01000000 41000000', // a body of 65 bytes
      '02 05000000', // five handles
      '03 ffffffff', // 2^32 - 1 bodies
      '00',
      '04 0000000000000000', // an index that no log has
      '04 0000000000002000', // 2^53
      '05 0000000000000000 00000000', // a seqno that no ledger has
      '05 0100000000000000 41000000', // 65 nodes
      `05 0100000000000000 01000000 0100000000000000 ${'00'.repeat(32)} 00000100 00000000`, // port
      `05 0100000000000000 01000000 0100000000000000 ${'00'.repeat(32)} 01000000 fe000000`, // host
      `05 0100000000000000 01000000 0100000000000000 ${'00'.repeat(32)} 01000000 01000000 ff`, // UTF-8
      '06',
    ];
    for (const hex of beyond) {
      assert.equal(refusalOf(fromHex(hex.replaceAll(' ', ''))), 'InvalidPeerMessage', hex);
    }
  });

  it('has default limits by which every message can be staged', () => {
    const { bodyBytesMax, messageEntriesMax, stagedBytesMax } = defaultLimits;
    assert.ok(bodyBytesMax * messageEntriesMax <= stagedBytesMax);
  });
});
