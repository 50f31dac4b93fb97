import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, SeededRandom, toHex } from '@coco/base';
import fc from 'fast-check';
import { AeadSealer, aeadTagBytes, openAead, SecretKey, sealAead } from '../src/index.ts';

/** Test case 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), AES-256. */
const vector = {
  key: fromHex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
  iv: fromHex('cafebabefacedbaddecaf888'),
  aad: fromHex('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
  plaintext: fromHex(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  ),
  ciphertext:
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
  tag: '76fc6ece0f4e1768cddf8853bb2d551b',
};

test('AES-256-GCM of the published vector, with a key as bytes or prepared', () => {
  const { iv, aad, plaintext } = vector;
  for (const key of [vector.key, new SecretKey(vector.key)]) {
    const { ciphertext, tag } = sealAead({ key, iv, aad, plaintext });
    assert.equal(toHex(ciphertext), vector.ciphertext);
    assert.equal(toHex(tag), vector.tag);
    assert.equal(tag.length, aeadTagBytes);
    assert.deepEqual([...openAead({ key, iv, aad, ciphertext, tag })], [...plaintext]);
  }
});

test('whatever is sealed opens, empty parts too', () => {
  const bytes = fc.uint8Array({ maxLength: 64 });
  fc.assert(
    fc.property(bytes, bytes, fc.nat(), (aad, plaintext, seed) => {
      const random = new SeededRandom(seed);
      const [key, iv] = [random.bytes(32), random.bytes(12)];
      const sealed = sealAead({ key, iv, aad, plaintext });
      assert.deepEqual([...openAead({ key, iv, aad, ...sealed })], [...plaintext]);
    }),
    { numRuns: 100 },
  );
});

test('every flipped bit of key, nonce, header, ciphertext or tag is refused', () => {
  const { key, iv, aad, plaintext } = vector;
  const sealed = { key, iv, aad, ...sealAead({ key, iv, aad, plaintext }) };
  for (const field of ['key', 'iv', 'aad', 'ciphertext', 'tag'] as const) {
    for (let bit = 0; bit < sealed[field].length * 8; bit++) {
      const flipped = sealed[field].slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.throws(() => openAead({ ...sealed, [field]: flipped }), { code: 'DecryptionFailed' });
    }
  }
});

test('a tag that is cut is refused, however short', () => {
  const { key, iv, aad, plaintext } = vector;
  const sealed = { key, iv, aad, ...sealAead({ key, iv, aad, plaintext }) };
  for (let length = 0; length < aeadTagBytes; length++) {
    const tag = sealed.tag.subarray(0, length);
    assert.throws(() => openAead({ ...sealed, tag }), { code: 'DecryptionFailed' });
  }
});

test('a content sealed in pieces is the content sealed at once', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  fc.assert(
    fc.property(pieces, pieces, (aads, plaintexts) => {
      const [key, iv] = [new SeededRandom(1).bytes(32), new SeededRandom(2).bytes(12)];
      const sealer = new AeadSealer({ key, iv });
      for (const aad of aads) sealer.authenticate(aad);
      const ciphertext = Buffer.concat(plaintexts.map((plaintext) => sealer.seal(plaintext)));
      const [aad, plaintext] = [Buffer.concat(aads), Buffer.concat(plaintexts)];
      const whole = sealAead({ key, iv, aad, plaintext });
      assert.equal(toHex(ciphertext), toHex(whole.ciphertext));
      assert.equal(toHex(sealer.tag()), toHex(whole.tag));
    }),
    { numRuns: 100 },
  );
});
