import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { suite, test } from 'node:test';
import { toBase64 } from '@coco/base';
import fc from 'fast-check';
import {
  createCertificate,
  type PublishedKey,
  parseCertificate,
  parsePublishedKey,
  SigningKey,
} from '../src/index.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey;
const certificate = parseCertificate(
  await createCertificate({
    subject: 'idp',
    key: SigningKey.generate('P-256'),
    isAuthority: false,
    notBeforeMs: 0,
    days: 1,
  }),
);
const x5c = [toBase64(certificate.der), 'the rest is not looked at'];

const webKey = (key: KeyObject): PublishedKey => key.export({ format: 'jwk' }) as PublishedKey;
const spki = (key: KeyObject): Uint8Array => key.export({ type: 'spki', format: 'der' });

suite('published keys', () => {
  test('are read from n and e, from a point, or from a certificate, in this order', () => {
    assert.deepEqual(parsePublishedKey(webKey(rsa)), spki(rsa));
    assert.deepEqual(parsePublishedKey(webKey(p256)), spki(p256));
    assert.deepEqual(parsePublishedKey({ ...webKey(p521), x5c }), spki(p521));
    assert.deepEqual(Buffer.from(parsePublishedKey({ x5c }) ?? []), Buffer.from(certificate.spki));
    assert.deepEqual(parsePublishedKey({ ...webKey(rsa), ...webKey(p256), x5c }), spki(rsa));
  });

  test('of no known kind are none', () => {
    for (const key of [
      {},
      { n: 'AQAB' },
      { x: 'a', y: 'b' },
      { crv: 'Ed25519', x: 'a' },
      { x5c: [] },
    ]) {
      assert.equal(parsePublishedKey(key), undefined);
    }
  });

  test('that are too weak, too slow or too long are refused', () => {
    const invalid = { code: 'InvalidKey' };
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    assert.throws(() => parsePublishedKey(webKey(weak)), invalid);
    // A modulus need not be one to be slow: its size and its exponent are what counts.
    const slow = { n: Buffer.alloc(2048, 0xff).toString('base64url'), e: 'AQAB' };
    assert.throws(() => parsePublishedKey(slow), invalid);
    const exponent = Buffer.alloc(200, 0x11).toString('base64url');
    assert.throws(() => parsePublishedKey({ ...webKey(rsa), e: exponent }), invalid);
    assert.throws(() => parsePublishedKey({ ...webKey(rsa), n: 'A'.repeat(9000) }), invalid);
    const large = Buffer.alloc(3, 0xff).toString('base64url');
    assert.ok(parsePublishedKey({ ...webKey(rsa), e: large }));
  });

  test('that do not parse are refused', () => {
    const point = webKey(p256);
    const off = { ...point, y: Buffer.alloc(32, 1).toString('base64url') };
    for (const key of [off, { ...point, crv: 'P-999' }, { ...point, crv: 'P-384' }]) {
      assert.throws(() => parsePublishedKey(key), { code: 'InvalidKey' });
    }
    for (const text of ['!', toBase64(new Uint8Array(9)), certificate.pem]) {
      assert.throws(() => parsePublishedKey({ x5c: [text] }), { code: 'InvalidCertificate' });
    }
  });

  test('of any fields are a key, none, or refused with a code', () => {
    const text = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom('AQAB', 'P-256'));
    const fields = fc.record(
      { n: text, e: text, crv: text, x: text, y: text, x5c: fc.array(text) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (key) => {
        try {
          const parsed = parsePublishedKey(key);
          if (parsed) createPublicKey({ key: Buffer.from(parsed), format: 'der', type: 'spki' });
        } catch (error) {
          assert.match(String((error as { code?: string }).code), /^Invalid(Key|Certificate)$/);
        }
      }),
    );
  });
});
