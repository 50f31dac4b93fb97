import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { SeededRandom, utf8Encode } from '@coco/base';
import { EncryptionKey, encryptTo, SigningKey } from '../src/index.ts';

const key = EncryptionKey.generate();
const secret = new SeededRandom(3).bytes(44);

test('what is encrypted to a public key opens with its private key, also after PEM', () => {
  const ciphertext = encryptTo(key.publicPem, secret);
  assert.deepEqual([...key.decrypt(ciphertext)], [...secret]);
  assert.deepEqual([...EncryptionKey.fromPem(key.privatePem()).decrypt(ciphertext)], [...secret]);
  assert.notDeepEqual(encryptTo(key.publicPem, secret), ciphertext);
});

test('a changed ciphertext, or one for another key, does not open', () => {
  const ciphertext = encryptTo(key.publicPem, secret);
  for (let at = 0; at < ciphertext.length; at += 16) {
    const changed = ciphertext.slice();
    changed[at] = (changed[at] as number) ^ 1;
    assert.throws(() => key.decrypt(changed), { code: 'DecryptionFailed' });
  }
  const cut = ciphertext.subarray(0, 100);
  assert.throws(() => key.decrypt(cut), { code: 'DecryptionFailed' });
  assert.throws(() => EncryptionKey.generate().decrypt(ciphertext), { code: 'DecryptionFailed' });
});

test('other keys and short moduli are refused', () => {
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const publicPem = short.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const privatePem = short.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  assert.throws(() => encryptTo(publicPem, secret), { code: 'InvalidKey' });
  assert.throws(() => EncryptionKey.fromPem(privatePem), { code: 'InvalidKey' });
  const curvePem = SigningKey.generate('P-256').privatePem();
  assert.throws(() => EncryptionKey.fromPem(curvePem), { code: 'InvalidKey' });
  assert.throws(() => encryptTo('no key', utf8Encode('x')), { code: 'InvalidKey' });
});
