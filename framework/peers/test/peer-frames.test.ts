import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatBytes, type LedgerError } from '@coco/base';
import fc from 'fast-check';
import { frameHeader, PeerFrames } from '../src/peer-frames.ts';

/** A copy of each payload that comes out. */
function payloadsOf(frames: PeerFrames, chunks: Iterable<Uint8Array>): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  for (const chunk of chunks) {
    for (const payload of frames.push(chunk)) payloads.push(Uint8Array.from(payload));
  }
  return payloads;
}

function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe('frames between nodes', () => {
  test('a frame is a little-endian length and as many bytes', () => {
    const bytes = Uint8Array.from([3, 0, 0, 0, 97, 98, 99, 0, 0, 0, 0]);
    assert.deepEqual(frameHeader(3), bytes.subarray(0, 4));
    const payloads = payloadsOf(new PeerFrames(3), [bytes]);
    assert.deepEqual(payloads, [Uint8Array.from([97, 98, 99]), new Uint8Array(0)]);
  });

  test('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 20 }),
        (payloads, sizes) => {
          const bytes = concatBytes(...payloads.flatMap((one) => [frameHeader(one.length), one]));
          const read = payloadsOf(new PeerFrames(3000), cut(bytes, sizes));
          assert.deepEqual(
            read,
            payloads.map((one) => Uint8Array.from(one)),
          );
        },
      ),
    );
  });

  test('noise yields frames within the limit, or a code', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 4000 }),
        fc.integer({ min: 1, max: 100 }),
        (noise, size) => {
          try {
            const read = payloadsOf(new PeerFrames(1000), cut(noise, [size]));
            assert.ok(read.every(({ length }) => length <= 1000));
          } catch (error) {
            assert.equal((error as LedgerError).code, 'PeerFrameTooLong');
          }
        },
      ),
    );
  });

  test('an announced length costs no memory before the bytes come', () => {
    const frames = Array.from({ length: 200 }, () => new PeerFrames(0x7fff_ffff));
    const before = process.memoryUsage().arrayBuffers;
    for (const one of frames) payloadsOf(one, [frameHeader(0x7fff_ffff), new Uint8Array(10)]);
    assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000);
  });

  test('a frame that comes byte by byte holds little more than its bytes', () => {
    const frames = new PeerFrames(1 << 20);
    const byte = new Uint8Array(1);
    payloadsOf(frames, [frameHeader(1 << 20)]);
    const before = process.memoryUsage();
    for (let at = 1; at < 1 << 20; at++) for (const _ of frames.push(byte)) assert.fail();
    const grown = process.memoryUsage().arrayBuffers - before.arrayBuffers;
    assert.ok(grown < 8 << 20, `${grown} bytes`);
    assert.deepEqual(payloadsOf(frames, [byte]), [new Uint8Array(1 << 20)]);
  });
});
