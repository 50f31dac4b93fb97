import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, encodeJson, type JsonValue, parseJson, utf8Encode } from '../src/index.ts';

test('canonical JSON has one text per value, and gives the value back', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false } as object), (value) => {
      const json = JSON.parse(JSON.stringify(value)) as JsonValue;
      assert.deepEqual(parseJson(encodeJson(json), { bytesMax: 1e6, depthMax: 200 }), json);
      assert.equal(canonicalJson(json), canonicalJson(JSON.parse(canonicalJson(json))));
    }),
  );
  assert.equal(canonicalJson({ b: 1, a: { d: [2], c: null } }), '{"a":{"c":null,"d":[2]},"b":1}');
});

test('size, nesting and form are limited, with a code each', () => {
  const limits = { bytesMax: 100, depthMax: 3 };
  assert.deepEqual(parseJson(utf8Encode('[[[]]]'), limits), [[[]]]);
  assert.throws(() => parseJson(utf8Encode('[[[[]]]]'), limits), { code: 'NestingTooDeep' });
  assert.throws(() => parseJson(utf8Encode('{"a":{"b":{"c":{}}}}'), limits), {
    code: 'NestingTooDeep',
  });
  assert.throws(() => parseJson(new Uint8Array(101), limits), { code: 'RequestBodyTooLarge' });
  for (const text of ['', '{', '{a:1}', '[1,]', 'undefined', '\ud800']) {
    assert.throws(() => parseJson(utf8Encode(text), limits), { code: 'InvalidInput' }, text);
  }
});

test('brackets in texts do not count as nesting', () => {
  const limits = { bytesMax: 100, depthMax: 1 };
  assert.deepEqual(parseJson(utf8Encode('["[[[[","\\"[[[["]'), limits), ['[[[[', '"[[[[']);
});
