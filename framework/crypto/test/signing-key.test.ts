import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { coseAlgorithm, SeededRandom, toHex, utf8Encode } from '@coco/base';
import { algorithmOf, EncryptionKey, SigningKey, sha256, verifySignature } from '../src/index.ts';

const curves = [
  { curve: 'P-256', algorithm: coseAlgorithm.es256, hash: 'sha256', bytes: 64 },
  { curve: 'P-384', algorithm: coseAlgorithm.es384, hash: 'sha384', bytes: 96 },
  { curve: 'P-521', algorithm: coseAlgorithm.es512, hash: 'sha512', bytes: 132 },
] as const;
const input = utf8Encode('what is signed');

for (const { curve, algorithm, hash, bytes } of curves) {
  const key = SigningKey.generate(curve);
  const { spki } = key;

  test(`${curve}: a signature is r || s over ${hash} as node:crypto reads it`, () => {
    const signature = key.sign(input);
    assert.equal(signature.length, bytes);
    assert.ok(verifySignature({ spki, input, signature }));
    const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    assert.ok(verify(hash, input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature));
    assert.equal(key.algorithm, algorithm);
    assert.equal(algorithmOf(spki), algorithm);
    assert.equal(key.id, toHex(sha256(spki)));
  });

  test(`${curve}: a flipped bit, another input, another key or a cut signature is refused`, () => {
    const signature = key.sign(input);
    const random = new SeededRandom(bytes);
    for (let round = 0; round < 12; round++) {
      const flipped = signature.slice();
      const at = random.below(flipped.length);
      flipped[at] = (flipped[at] as number) ^ (1 << random.below(8));
      assert.equal(verifySignature({ spki, input, signature: flipped }), false);
    }
    assert.equal(verifySignature({ spki, input: utf8Encode('other'), signature }), false);
    const other = SigningKey.generate(curve).spki;
    assert.equal(verifySignature({ spki: other, input, signature }), false);
    for (const length of [0, 1, bytes - 1]) {
      const cut = signature.subarray(0, length);
      assert.equal(verifySignature({ spki, input, signature: cut }), false);
    }
    const zeros = new Uint8Array(bytes);
    assert.equal(verifySignature({ spki, input, signature: zeros }), false);
  });

  test(`${curve}: a key survives its PEM, and the pool signs as the thread does`, async () => {
    const again = SigningKey.fromPem(key.privatePem());
    assert.equal(again.id, key.id);
    assert.equal(again.curve, curve);
    const signature = await again.signInPool(input);
    assert.ok(verifySignature({ spki, input, signature }));
  });
}

test('what is no key, or of another kind, is InvalidKey', () => {
  const rsa = EncryptionKey.generate();
  for (const pem of ['', 'no key', rsa.privatePem(), rsa.publicPem]) {
    assert.throws(() => SigningKey.fromPem(pem), { code: 'InvalidKey' });
  }
  const signature = new Uint8Array(64);
  for (const spki of [new Uint8Array(0), utf8Encode('no key'), new Uint8Array(91)]) {
    assert.throws(() => verifySignature({ spki, input, signature }), { code: 'InvalidKey' });
    assert.throws(() => algorithmOf(spki), { code: 'InvalidKey' });
  }
});
