import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BugError, fromHex, toHex, utf8Encode } from '@coco/base';
import {
  hkdfSha256,
  hmacSha256,
  SecretKey,
  Sha256,
  sha256,
  sha256Text,
  TagKey,
} from '../src/index.ts';

test('SHA-256 of "abc", in one part or several (FIPS 180-4 example)', () => {
  const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  assert.equal(toHex(sha256(utf8Encode('abc'))), expected);
  assert.equal(toHex(sha256(utf8Encode('a'), utf8Encode('b'), utf8Encode('c'))), expected);
  const pieces = new Sha256();
  for (const piece of ['ab', '', 'c']) pieces.update(utf8Encode(piece));
  assert.equal(toHex(pieces.digest()), expected);
  assert.equal(toHex(sha256()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('HMAC-SHA256 of RFC 4231 test case 2, with a key as bytes or prepared', () => {
  const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
  const [key, text] = [utf8Encode('Jefe'), utf8Encode('what do ya want for nothing?')];
  assert.equal(toHex(hmacSha256(key, text)), expected);
  assert.equal(toHex(hmacSha256(new SecretKey(key), text.slice(0, 4), text.slice(4))), expected);
});

test('HKDF-SHA256 of RFC 5869 test case 1', () => {
  const derived = hkdfSha256({
    ikm: fromHex('0b'.repeat(22)),
    salt: fromHex('000102030405060708090a0b0c'),
    info: fromHex('f0f1f2f3f4f5f6f7f8f9'),
    length: 42,
  });
  assert.equal(
    toHex(derived),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  );
});

test('a prepared key holds its own copy', () => {
  const bytes = utf8Encode('Jefe');
  const key = new SecretKey(bytes);
  const before = hmacSha256(key, bytes.slice());
  const text = bytes.slice();
  bytes.fill(0);
  assert.deepEqual(hmacSha256(key, text), before);
  assert.notDeepEqual(hmacSha256(bytes, text), before);
});

test('a text is hashed as its UTF-8', () => {
  for (const text of ['', 'abc', 'ä', '\u{1f600}']) {
    assert.deepEqual(sha256Text(text), sha256(utf8Encode(text)));
  }
});

test('a tag is the HMAC-SHA256 of the text, call after call, whatever the lengths', () => {
  for (const keyBytes of [0, 1, 32, 64]) {
    const key = new Uint8Array(keyBytes).fill(7);
    const tags = new TagKey(key);
    key.fill(9);
    for (const text of ['a'.repeat(192), '', '2.17', 'x'.repeat(55), 'x'.repeat(64)]) {
      const expected = hmacSha256(new Uint8Array(keyBytes).fill(7), utf8Encode(text));
      assert.equal(tags.tagOf(text), toHex(expected));
    }
  }
});

test('a key or a text that a tag cannot have is a bug', () => {
  assert.throws(() => new TagKey(new Uint8Array(65)), BugError);
  assert.throws(() => new TagKey(new Uint8Array(32)).tagOf('a'.repeat(193)), BugError);
  assert.throws(() => new TagKey(new Uint8Array(32)).tagOf('ä'), BugError);
});
