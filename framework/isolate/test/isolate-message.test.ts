import { deepEqual, equal, throws } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatBytes, LedgerError, toHex } from '@coco/base';
import {
  decodeFromIsolate,
  decodeToIsolate,
  encodeFromIsolate,
  encodeToIsolate,
  FrameReader,
  type FromIsolate,
  frame,
  type ToIsolate,
} from '@coco/isolate';
import fc from 'fast-check';

/** Of ordinary objects: what is decoded has no others. */
const record = <Model>(model: { [Name in keyof Model]: fc.Arbitrary<Model[Name]> }) =>
  fc.record(model, { noNullPrototype: true });
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 20 });
const u32 = fc.nat();
const packed = record({ text, buffers: fc.array(bytes, { maxLength: 3 }) });
const flag = fc.boolean();
const kind = <Kind extends string>(...kinds: Kind[]) => fc.constantFrom(...kinds);
const trace = fc.option(text, { nil: undefined });

const toIsolate: fc.Arbitrary<ToIsolate> = fc.oneof(
  record({
    kind: kind('run'),
    program: record({
      source: text,
      entry: text,
      args: packed,
      paths: fc.array(text, { maxLength: 3 }),
      isGovernance: flag,
      limits: record({ heapBytesMax: u32, stackBytesMax: u32, executionMsMax: u32 }),
    }),
  }),
  record({ kind: kind('nothing', 'abort') }),
  record({ kind: kind('boolean'), value: flag }),
  record({ kind: kind('number'), value: fc.double({ noNaN: true }) }),
  record({ kind: kind('bytes'), value: bytes }),
  record({
    kind: kind('rows'),
    cursor: u32,
    rows: fc.array(record({ key: bytes, value: bytes }), { maxLength: 3 }),
  }),
  record({ kind: kind('value'), value: packed }),
  record({ kind: kind('refused'), isType: flag, reason: text }),
) as fc.Arbitrary<ToIsolate>;

const outcome = fc.oneof(
  record({ kind: kind('returned'), value: packed }),
  record({ kind: kind('threw', 'unloadable'), reason: text, trace }),
  record({ kind: kind('missing', 'timedOut') }),
);
const fromIsolate: fc.Arbitrary<FromIsolate> = fc.oneof(
  record({ kind: kind('ready', 'aborted') }),
  record({ kind: kind('get', 'has', 'delete', 'versionOf'), map: text, key: bytes }),
  record({ kind: kind('set'), map: text, key: bytes, value: bytes }),
  record({ kind: kind('clear', 'size', 'open'), map: text }),
  record({ kind: kind('next', 'close'), cursor: u32 }),
  record({ kind: kind('call'), path: text, args: packed }),
  record({ kind: kind('ended'), outcome, isSpent: flag }),
) as fc.Arbitrary<FromIsolate>;

/** Either a message or a refusal with the code: never another error, never a hang. */
function isDecoded(decode: (bytes: Uint8Array) => unknown, input: Uint8Array): boolean {
  try {
    decode(input);
    return true;
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'InvalidScriptMessage') return false;
    throw error;
  }
}

describe('messages between node and isolate', () => {
  const ends = [
    ['to the isolate', toIsolate, encodeToIsolate, decodeToIsolate],
    ['from the isolate', fromIsolate, encodeFromIsolate, decodeFromIsolate],
  ] as const;
  for (const [name, messages, encode, decode] of ends) {
    test(`${name}: what is written is read`, () => {
      fc.assert(
        fc.property(messages as fc.Arbitrary<never>, (message) => {
          deepEqual(decode(encode(message)), message);
        }),
      );
    });

    test(`${name}: every truncated or lengthened message is refused`, () => {
      fc.assert(
        fc.property(messages as fc.Arbitrary<never>, (message) => {
          const whole = encode(message);
          for (let length = 0; length < whole.length; length++) {
            equal(isDecoded(decode, whole.slice(0, length)), false);
          }
          equal(isDecoded(decode, concatBytes(whole, Uint8Array.of(0))), false);
        }),
      );
    });

    test(`${name}: a flipped message is another one or refused with its code`, () => {
      fc.assert(
        fc.property(messages as fc.Arbitrary<never>, fc.nat(), fc.nat(7), (message, at, bit) => {
          const flipped = encode(message).slice();
          const place = at % flipped.length;
          flipped[place] = (flipped[place] ?? 0) ^ (1 << bit);
          isDecoded(decode, flipped);
        }),
      );
    });

    test(`${name}: noise is refused with its code`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
          isDecoded(decode, noise);
        }),
      );
    });
  }

  test('the vectors of docs/formats/isolate-protocol.md', () => {
    const key = Uint8Array.of(1, 2);
    equal(
      toHex(frame(encodeFromIsolate({ kind: 'get', map: 'public:m', key }))),
      '1300000021080000007075626c69633a6d020000000102',
    );
    equal(toHex(frame(encodeToIsolate({ kind: 'bytes', value: key }))), '0700000005020000000102');
  });

  test('a list that claims more than its message has is refused before it is made', () => {
    const claim = Uint8Array.of(6, 0, 0, 0, 0, 255, 255, 255, 255);
    throws(() => decodeToIsolate(claim), { code: 'InvalidScriptMessage' });
  });
});

describe('frames', () => {
  test('they are whole however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(bytes), fc.array(fc.integer({ min: 1, max: 9 })), (messages, cuts) => {
        const stream = concatBytes(...messages.map(frame));
        const reader = new FrameReader(64);
        const read: Uint8Array[] = [];
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const length = cuts[cut % cuts.length] ?? 3;
          read.push(...reader.push(stream.slice(at, at + length)));
          at += length;
        }
        deepEqual(read.map(toHex), messages.map(toHex));
      }),
    );
  });

  test('a longer frame than the limit is refused at its length', () => {
    throws(() => new FrameReader(64).push(Uint8Array.of(65, 0, 0, 0)), {
      code: 'InvalidScriptMessage',
    });
  });
});
