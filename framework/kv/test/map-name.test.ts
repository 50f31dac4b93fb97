import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareBytes, utf8Encode } from '@coco/base';
import fc from 'fast-check';
import { compareMapNames, isPublicMap } from '../src/index.ts';

test('a map is public by its prefix alone', () => {
  assert.ok(isPublicMap('public:ccf.gov.nodes.info'));
  assert.ok(!isPublicMap('ethereum.storage'));
  assert.ok(!isPublicMap('Public:a'));
});

test('names are ordered by their UTF-8 bytes', () => {
  const names = fc
    .array(fc.constantFrom('\0', 'a', 'z', '\u00e9', '\uff5e', '\u{1f600}'), { maxLength: 6 })
    .map((characters) => characters.join(''));
  fc.assert(
    fc.property(names, names, (left, right) => {
      const expected = Math.sign(compareBytes(utf8Encode(left), utf8Encode(right)));
      assert.equal(Math.sign(compareMapNames(left, right)), expected);
    }),
  );
  // U+FF5E comes before U+1F600 in UTF-8, after it in UTF-16.
  assert.ok(compareMapNames('\uff5e', '\u{1f600}') < 0);
});
