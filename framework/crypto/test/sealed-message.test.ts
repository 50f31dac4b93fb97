import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8Encode } from '@coco/base';
import { EncryptionKey, encryptTo, openSealed, sealTo } from '../src/index.ts';

const reader = EncryptionKey.generate();
const context = utf8Encode('what it is about');

test('a sealed message of any length opens for its reader', () => {
  for (const length of [0, 1, 190, 191, 100_000]) {
    const plaintext = new Uint8Array(length).fill(7);
    const sealed = sealTo(reader.publicPem, { plaintext, context });
    assert.deepEqual(Uint8Array.from(openSealed(reader, sealed, context)), plaintext);
  }
});

test('a sealed message opens for nobody else, for nothing else, and not when it was changed', () => {
  const sealed = sealTo(reader.publicPem, { plaintext: utf8Encode('secret'), context });
  const closed = { code: 'DecryptionFailed' };
  assert.throws(() => openSealed(EncryptionKey.generate(), sealed, context), closed);
  assert.throws(() => openSealed(reader, sealed, utf8Encode('another thing')), closed);
  for (let at = 0; at < sealed.ciphertext.length; at++) {
    const ciphertext = Uint8Array.from(sealed.ciphertext);
    ciphertext[at] = (ciphertext[at] ?? 0) ^ 1;
    assert.throws(() => openSealed(reader, { ...sealed, ciphertext }, context), closed);
  }
  const short = { ...sealed, ciphertext: sealed.ciphertext.subarray(0, 15) };
  assert.throws(() => openSealed(reader, short, context), closed);
  const encryptedKey = encryptTo(reader.publicPem, new Uint8Array(16));
  assert.throws(() => openSealed(reader, { ...sealed, encryptedKey }, context), closed);
});

test('two sealed messages of one content have nothing in common', () => {
  const message = { plaintext: utf8Encode('the same'), context };
  const [one, two] = [sealTo(reader.publicPem, message), sealTo(reader.publicPem, message)];
  assert.notDeepEqual(one.ciphertext, two.ciphertext);
  assert.notDeepEqual(one.encryptedKey, two.encryptedKey);
});
