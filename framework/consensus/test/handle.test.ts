import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asSeqno, asView, fromHex, LedgerError, toHex, utf8Encode } from '@coco/base';
import fc from 'fast-check';
import type { Handle } from '../src/index.ts';
import {
  createHandle,
  decodeHandle,
  encodeHandle,
  handleBytes,
  lastSeqnoOf,
} from '../src/index.ts';
import { anyHandle } from './any-handle.ts';

function isRefused(bytes: Uint8Array): boolean {
  try {
    decodeHandle(bytes);
    return false;
  } catch (error) {
    assert.ok(error instanceof LedgerError && error.code === 'InvalidPeerMessage');
    return true;
  }
}

describe('handle', () => {
  it('has the bytes of docs/formats/handle.md', () => {
    const place = {
      kind: 'batch',
      view: asView(2),
      firstSeqno: asSeqno(9),
      entryCount: 3,
    } as const;
    const handle = createHandle(place, utf8Encode('abc'));
    const expected =
      '03 02000000 0900000000000000 03000000 03000000 ' +
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    assert.equal(toHex(encodeHandle(handle)), expected.replaceAll(' ', ''));
    assert.equal(lastSeqnoOf(handle), 11);
  });

  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(anyHandle, (handle) => {
        const bytes = encodeHandle(handle);
        assert.equal(bytes.length, handleBytes);
        assert.deepEqual(decodeHandle(bytes), handle);
      }),
      { numRuns: 200 },
    );
  });

  it('is refused when cut, longer, or with a value out of range', () => {
    const bytes = encodeHandle(fc.sample(anyHandle, { numRuns: 1, seed: 3 })[0] as Handle);
    for (let length = 0; length < bytes.length; length++) {
      assert.ok(isRefused(bytes.subarray(0, length)));
    }
    assert.ok(isRefused(new Uint8Array([...bytes, 0])));
    const withBytes = (at: number, hex: string): Uint8Array => {
      const changed = bytes.slice();
      changed.set(fromHex(hex), at);
      return changed;
    };
    assert.ok(isRefused(withBytes(0, '00')), 'kind 0');
    assert.ok(isRefused(withBytes(0, '04')), 'kind 4');
    assert.ok(isRefused(withBytes(1, '00000000')), 'view 0');
    assert.ok(isRefused(withBytes(1, 'ffffffff')), 'a view beyond the last');
    assert.ok(isRefused(withBytes(5, '0000000000000000')), 'seqno 0');
    assert.ok(isRefused(withBytes(5, 'ffffffffffffffff')), 'a seqno beyond the safe integers');
    assert.ok(isRefused(withBytes(13, '00000000')), 'no entry');
    assert.ok(isRefused(withBytes(17, '00000000')), 'no body');
  });
});
