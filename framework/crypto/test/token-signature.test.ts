import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { suite, test } from 'node:test';
import { utf8Encode } from '@coco/base';
import { verifyTokenSignature } from '../src/token-signature.ts';

const signedText = 'header.payload';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });

function signed({ privateKey, publicKey }: typeof rsa): {
  spki: Uint8Array;
  signature: Uint8Array;
} {
  return {
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    signature: sign('sha256', utf8Encode(signedText), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    }),
  };
}

suite('signatures of tokens', () => {
  test('a key verifies by the algorithm of its kind and by no other', () => {
    for (const [pair, fits] of [
      [rsa, 'RS256'],
      [p256, 'ES256'],
      [p384, undefined],
    ] as const) {
      for (const algorithm of ['RS256', 'ES256'] as const) {
        const isValid = verifyTokenSignature({ ...signed(pair), algorithm, signedText });
        assert.equal(isValid, algorithm === fits);
      }
    }
  });

  test('another text, a DER signature and no signature do not verify', () => {
    const { spki, signature } = signed(p256);
    const algorithm = 'ES256';
    const verified = (changes: object): boolean =>
      verifyTokenSignature({ spki, signature, algorithm, signedText, ...changes });
    assert.equal(verified({}), true);
    assert.equal(verified({ signedText: 'header.payloae' }), false);
    assert.equal(verified({ signature: new Uint8Array(0) }), false);
    const der = sign('sha256', utf8Encode(signedText), p256.privateKey);
    assert.equal(verified({ signature: der }), false);
  });

  test('bytes that are no key are refused with a code', () => {
    const token = { algorithm: 'ES256', signedText, signature: new Uint8Array(64) } as const;
    assert.throws(() => verifyTokenSignature({ ...token, spki: new Uint8Array(9) }), {
      code: 'InvalidKey',
    });
  });
});
