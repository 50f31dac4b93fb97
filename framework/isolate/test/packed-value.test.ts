import { deepEqual, throws } from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { packValue, unpackValue } from '../src/packed-value.ts';

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, undefined, true, false, '\0', '\0u', '\0b0', '\0s'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.string(),
    fc.uint8Array(),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
  ),
}));

describe('packed values', () => {
  test('what is packed is unpacked as it was', () => {
    fc.assert(
      fc.property(value, (one) => {
        deepEqual(unpackValue(packValue(one as never)), one);
      }),
    );
  });

  test('marks that mean nothing, deep nesting and what is no JSON are refused', () => {
    const texts = [
      '"\\u0000"',
      '"\\u0000b0"',
      '"\\u0000b-1"',
      '"\\u0000ux"',
      '"\\u0000z"',
      '{',
      '',
    ];
    for (const text of [...texts, `${'['.repeat(300)}${']'.repeat(300)}`]) {
      throws(() => unpackValue({ text, buffers: [] }), { code: 'InvalidScriptMessage' }, text);
    }
  });
});
