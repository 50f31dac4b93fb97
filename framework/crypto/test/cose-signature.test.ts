import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CborKey, type CborValue, coseHeader, LedgerError, utf8Encode } from '@coco/base';
import { SigningKey, signCose, verifyCose } from '../src/index.ts';

const key = SigningKey.generate('P-256');
const { spki } = key;
const payload = utf8Encode('the payload');
const bytesMax = 1000;

function header(algorithm: number = key.algorithm): ReadonlyMap<CborKey, CborValue> {
  return new Map<CborKey, CborValue>([
    [coseHeader.algorithm, algorithm],
    ['ccf.gov.msg.type', 'proposal'],
  ]);
}

const attached = signCose({ key, protectedHeader: header(), payload, isDetached: false });
const detached = signCose({ key, protectedHeader: header(), payload, isDetached: true });

test('an attached payload is carried, a detached one is not, and both verify', () => {
  assert.deepEqual(
    [...(verifyCose({ bytes: attached, spki, bytesMax }).payload ?? [])],
    [...payload],
  );
  const message = verifyCose({ bytes: detached, spki, detachedPayload: payload, bytesMax });
  assert.equal(message.payload, null);
  assert.equal(message.protectedHeader.get('ccf.gov.msg.type'), 'proposal');
  assert.ok(detached.length < attached.length);
});

test('exactly one payload is needed', () => {
  const refused = { code: 'InvalidSignature' };
  assert.throws(() => verifyCose({ bytes: detached, spki, bytesMax }), refused);
  const both = { bytes: attached, spki, detachedPayload: payload, bytesMax };
  assert.throws(() => verifyCose(both), refused);
});

test('the algorithm in the header must be the key’s', () => {
  const protectedHeader = header(-35);
  const bytes = signCose({ key, protectedHeader, payload, isDetached: false });
  assert.throws(() => verifyCose({ bytes, spki, bytesMax }), { code: 'InvalidSignature' });
});

test('another key or payload is refused', () => {
  const other = SigningKey.generate('P-256').spki;
  const refused = { code: 'InvalidSignature' };
  assert.throws(() => verifyCose({ bytes: attached, spki: other, bytesMax }), refused);
  const detachedPayload = utf8Encode('another payload');
  assert.throws(() => verifyCose({ bytes: detached, spki, detachedPayload, bytesMax }), refused);
});

test('no flipped bit and no cut of a message verifies', () => {
  for (let bit = 0; bit < attached.length * 8; bit++) {
    const flipped = attached.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.throws(
      () => verifyCose({ bytes: flipped, spki, bytesMax }),
      (error) => error instanceof LedgerError,
      `bit ${bit}`,
    );
  }
  for (let length = 0; length < attached.length; length++) {
    const bytes = attached.subarray(0, length);
    assert.throws(() => verifyCose({ bytes, spki, bytesMax }), { code: 'InvalidInput' });
  }
});

test('a message above its limit is not parsed', () => {
  const bytes = attached;
  const limit = attached.length - 1;
  assert.throws(() => verifyCose({ bytes, spki, bytesMax: limit }), {
    code: 'RequestBodyTooLarge',
  });
});
