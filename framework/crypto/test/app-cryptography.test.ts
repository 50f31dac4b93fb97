import { deepEqual, equal, match, ok, throws } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromHex, toHex, utf8Encode } from '@coco/base';
import {
  createCertificate,
  generateEcdsaPem,
  generateEddsaPem,
  generateRsaPem,
  isCertificateBundle,
  isCertificateChain,
  pemToWebKey,
  SigningKey,
  signData,
  unwrapKey,
  verifyData,
  webKeyToPem,
  wrapKey,
} from '@coco/crypto';

const data = utf8Encode('data');
const rsa = generateRsaPem(2048);
const pemBytes = (pem: string): Uint8Array => utf8Encode(pem);

describe('key wrapping', () => {
  test('AES-KWP wraps as RFC 5649 section 6 has it', () => {
    const kek = fromHex('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8');
    const vectors = {
      c37b7e6492584340bed12207808941155068f738:
        '138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a',
      '466f7250617369': 'afbeb0f07dfbf5419200f2ccb50bb24f',
    };
    for (const [key, wrapped] of Object.entries(vectors)) {
      equal(toHex(wrapKey(fromHex(key), kek, { name: 'AES-KWP' })), wrapped);
      equal(toHex(unwrapKey(fromHex(wrapped), kek, { name: 'AES-KWP' })), key);
    }
  });

  test('what RSA wraps its private key unwraps, under the same label only', () => {
    for (const name of ['RSA-OAEP', 'RSA-OAEP-AES-KWP']) {
      const algorithm = { name, label: utf8Encode('label'), aesKeySize: 256 };
      const wrapped = wrapKey(data, pemBytes(rsa.publicKey), algorithm);
      const unwrap = (label: string) =>
        unwrapKey(wrapped, pemBytes(rsa.privateKey), { ...algorithm, label: utf8Encode(label) });
      deepEqual(new Uint8Array(unwrap('label')), data);
      throws(() => unwrap('other'), { code: 'DecryptionFailed' });
    }
  });

  test('other algorithms, wrong keys and damaged wrappings are refused', () => {
    const kek = new Uint8Array(32);
    throws(() => wrapKey(data, kek, { name: 'AES-GCM' }), { code: 'UnsupportedAlgorithm' });
    throws(() => unwrapKey(data, kek, { name: 'X' }), { code: 'UnsupportedAlgorithm' });
    throws(() => wrapKey(data, new Uint8Array(5), { name: 'AES-KWP' }), { code: 'InvalidKey' });
    throws(() => wrapKey(data, kek, { name: 'RSA-OAEP' }), { code: 'InvalidKey' });
    throws(() => unwrapKey(data, kek, { name: 'RSA-OAEP' }), { code: 'InvalidKey' });
    throws(() => unwrapKey(data, kek, { name: 'AES-KWP' }), { code: 'DecryptionFailed' });
    const both = { name: 'RSA-OAEP-AES-KWP', aesKeySize: 100 };
    throws(() => wrapKey(data, pemBytes(rsa.publicKey), both), { code: 'InvalidKey' });
  });
});

describe('signatures over data', () => {
  test('what a private key signs its public key verifies, and no other data', () => {
    const ec = generateEcdsaPem('secp384r1');
    const ed = generateEddsaPem('curve25519');
    const cases = [
      [{ name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 }, rsa, 256],
      [{ name: 'ECDSA', hash: 'SHA-384' }, ec, 96],
      [{ name: 'EdDSA' }, ed, 64],
    ] as const;
    for (const [algorithm, keys, length] of cases) {
      const signature = signData(algorithm, keys.privateKey, data);
      equal(signature.length, length);
      ok(verifyData(algorithm, keys.publicKey, { signature, data }));
      ok(!verifyData(algorithm, keys.publicKey, { signature, data: utf8Encode('other') }));
      ok(!verifyData(algorithm, keys.publicKey, { signature: signature.subarray(1), data }));
    }
  });

  test('HMAC-SHA256 is that of RFC 4231, test case 2', () => {
    equal(
      toHex(
        signData(
          { name: 'HMAC', hash: 'SHA-256' },
          'Jefe',
          utf8Encode('what do ya want for nothing?'),
        ),
      ),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  test('a certificate verifies as its key does', async () => {
    const key = SigningKey.generate('P-256');
    const certificate = await createCertificate({
      subject: 'member',
      key,
      isAuthority: false,
      notBeforeMs: 0,
      days: 1,
    });
    const signature = key.sign(data);
    ok(verifyData({ name: 'ECDSA', hash: 'SHA-256' }, certificate, { signature, data }));
  });

  test('other algorithms, hashes and kinds of key are refused', () => {
    const sign = (name: string, hash: string, key: string) => () =>
      signData({ name, hash }, key, data);
    throws(sign('DSA', 'SHA-256', rsa.privateKey), { code: 'UnsupportedAlgorithm' });
    throws(sign('ECDSA', 'MD5', generateEcdsaPem('secp256r1').privateKey), {
      code: 'UnsupportedAlgorithm',
    });
    throws(sign('HMAC', '__proto__', 'key'), { code: 'UnsupportedAlgorithm' });
    throws(sign('ECDSA', 'SHA-256', rsa.privateKey), { code: 'InvalidKey' });
    throws(sign('ECDSA', 'SHA-256', 'no pem'), { code: 'InvalidKey' });
    const signed = { signature: data, data };
    throws(() => verifyData({ name: 'HMAC', hash: 'SHA-256' }, 'key', signed), {
      code: 'UnsupportedAlgorithm',
    });
    throws(() => generateEcdsaPem('secp256k1'), { code: 'UnsupportedAlgorithm' });
    throws(() => generateEddsaPem('ed448'), { code: 'UnsupportedAlgorithm' });
    throws(() => generateRsaPem(512), { code: 'InvalidKey' });
    throws(() => generateRsaPem(2048, 2), { code: 'InvalidKey' });
  });
});

describe('web keys', () => {
  test('keys become JWK and come back', () => {
    const ec = generateEcdsaPem('secp521r1');
    const ed = generateEddsaPem('x25519');
    for (const [keys, type] of [
      [ec, 'EC'],
      [rsa, 'RSA'],
      [ed, 'OKP'],
    ] as const) {
      const publicKey = pemToWebKey(keys.publicKey, { type, isPrivate: false });
      equal(publicKey.kty, type);
      equal(webKeyToPem(publicKey, { type, isPrivate: false }), keys.publicKey);
      const privateKey = pemToWebKey(keys.privateKey, { type, isPrivate: true });
      equal(webKeyToPem(privateKey, { type, isPrivate: true }), keys.privateKey);
    }
  });

  test('a key of another kind is refused', () => {
    throws(() => pemToWebKey(rsa.publicKey, { type: 'EC', isPrivate: false }), {
      code: 'InvalidKey',
    });
    throws(() => pemToWebKey(rsa.publicKey, { type: 'RSA', isPrivate: true }), {
      code: 'InvalidKey',
    });
    throws(() => webKeyToPem({ kty: 'RSA' }, { type: 'RSA', isPrivate: false }), {
      code: 'InvalidKey',
    });
    throws(() => webKeyToPem({ kty: 'oct', k: '' }, { type: 'EC', isPrivate: false }), {
      code: 'InvalidKey',
    });
  });
});

describe('certificate bundles and chains', async () => {
  const rootKey = SigningKey.generate('P-256');
  const otherKey = SigningKey.generate('P-256');
  const leafKey = SigningKey.generate('P-256');
  const fields = { notBeforeMs: 0, days: 10 };
  const root = await createCertificate({
    ...fields,
    subject: 'root',
    key: rootKey,
    isAuthority: true,
  });
  const other = await createCertificate({
    ...fields,
    subject: 'other',
    key: otherKey,
    isAuthority: true,
  });
  const middle = await createCertificate({
    ...fields,
    subject: 'middle',
    key: otherKey,
    isAuthority: true,
    issuer: { subject: 'root', key: rootKey },
  });
  const leaf = await createCertificate({
    ...fields,
    subject: 'leaf',
    key: leafKey,
    isAuthority: false,
    issuer: { subject: 'middle', key: otherKey },
  });
  const nowMs = 86_400_000;

  test('a bundle holds certificates, all of which parse', () => {
    ok(isCertificateBundle(root));
    ok(isCertificateBundle(`# comment\n${root}${other}`));
    ok(!isCertificateBundle(''));
    ok(!isCertificateBundle(rsa.publicKey));
    ok(!isCertificateBundle(root.replace('MII', 'MIJ')));
  });

  test('a chain leads to a trusted certificate over its others', () => {
    ok(isCertificateChain({ chain: leaf + middle, trusted: other + root, nowMs }));
    ok(isCertificateChain({ chain: leaf, trusted: middle, nowMs }));
    ok(isCertificateChain({ chain: leaf, trusted: leaf, nowMs }));
  });

  test('a chain with a gap, a wrong root, a leaf as issuer or out of time does not', () => {
    ok(!isCertificateChain({ chain: leaf, trusted: root, nowMs }));
    ok(!isCertificateChain({ chain: leaf + middle, trusted: other, nowMs }));
    ok(!isCertificateChain({ chain: leaf + middle, trusted: root, nowMs: 11 * nowMs }));
    ok(!isCertificateChain({ chain: '', trusted: root, nowMs }));
    ok(!isCertificateChain({ chain: leaf, trusted: '', nowMs }));
  });

  test('a leaf issues nothing', async () => {
    const below = await createCertificate({
      ...fields,
      subject: 'below',
      key: rootKey,
      isAuthority: false,
      issuer: { subject: 'leaf', key: leafKey },
    });
    ok(!isCertificateChain({ chain: below, trusted: leaf, nowMs }));
    match(below, /CERTIFICATE/);
  });
});
