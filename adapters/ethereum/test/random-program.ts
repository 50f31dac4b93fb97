/**
 * Random programs that do something: operands are mostly pushed before they are needed, so that
 * few end in an underflow, and calls go to addresses where other programs may stand.
 */
import { concatBytes, fromHex, toHex } from '@coco/base';
import fc from 'fast-check';

const push = (value: number | bigint): Uint8Array => {
  const digits = BigInt(value).toString(16);
  const bytes = fromHex(digits.padStart(digits.length + (digits.length % 2), '0'));
  return Uint8Array.of(0x5f + bytes.length, ...bytes);
};

const small = fc.integer({ min: 0, max: 4 }).map(push);
const word = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map(push);
const offset = fc.integer({ min: 0, max: 300 }).map(push);
const op = (...codes: number[]): fc.Arbitrary<Uint8Array> =>
  fc.constantFrom(...codes).map((code) => Uint8Array.of(code));

/** An opcode with its operands pushed before it, the last on top. */
const instruction = (
  operands: readonly fc.Arbitrary<Uint8Array>[],
  ...codes: number[]
): fc.Arbitrary<Uint8Array> =>
  fc.tuple(...operands, op(...codes)).map((parts) => concatBytes(...parts));

/** 1 to 11: arithmetic; 16 to 29: comparison and bits. */
const binary = [1, 2, 3, 4, 5, 6, 7, 10, 11, 16, 17, 18, 19, 20, 22, 23, 24, 26, 27, 28, 29];
/** Environment that costs and gives one word. */
const nullary = [
  0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
  0x58, 0x59, 0x5a,
];

const anyInstruction = (target: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 4, arbitrary: instruction([word, word], ...binary) },
    { weight: 2, arbitrary: op(...binary, 0x15, 0x19, 0x1e, 0x50, 0x80, 0x81, 0x90) },
    { weight: 2, arbitrary: instruction([word, word, word], 8, 9) },
    // ISZERO, NOT and CLZ, which Osaka brings (EIP-7939).
    { weight: 1, arbitrary: instruction([word], 0x15, 0x19, 0x1e) },
    { weight: 2, arbitrary: op(...nullary) },
    { weight: 3, arbitrary: instruction([word, offset], 0x52, 0x53) },
    { weight: 1, arbitrary: instruction([offset], 0x51, 0x35, 0x54, 0x5c, 0x40) },
    { weight: 4, arbitrary: instruction([small, small], 0x55, 0x5d) },
    { weight: 1, arbitrary: instruction([small], 0x54, 0x5c) },
    { weight: 2, arbitrary: instruction([offset, offset], 0x20, 0xa0) },
    { weight: 2, arbitrary: instruction([word, offset, offset], 0xa1) },
    { weight: 1, arbitrary: instruction([offset, offset, offset], 0x37, 0x39, 0x5e) },
    { weight: 1, arbitrary: instruction([small, small, offset], 0x3e) },
    { weight: 1, arbitrary: instruction([target], 0x31, 0x3b, 0x3f) },
    {
      weight: 3,
      arbitrary: instruction([offset, offset, offset, offset, small, target, word], 0xf1, 0xf2),
    },
    {
      weight: 3,
      arbitrary: instruction([offset, offset, offset, offset, target, word], 0xf4, 0xfa),
    },
    { weight: 1, arbitrary: instruction([offset, offset, small], 0xf0) },
    { weight: 1, arbitrary: instruction([small, offset, offset, small], 0xf5) },
  );

const ending = (target: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 6, arbitrary: instruction([offset, offset], 0xf3) },
    { weight: 1, arbitrary: instruction([offset, offset], 0xfd) },
    { weight: 1, arbitrary: instruction([target], 0xff) },
    { weight: 1, arbitrary: op(0xfe, 0x00) },
  );

/** Programs of up to 26 steps whose calls go to one of `targets`. */
export function programs(targets: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const target = fc.constantFrom(...targets).map((address) => push(BigInt(`0x${toHex(address)}`)));
  const instructions = fc.array(anyInstruction(target), { minLength: 1, maxLength: 25 });
  return fc.tuple(instructions, ending(target)).map(([all, end]) => concatBytes(...all, end));
}
