import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerError, toHex } from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';
import { certificateSpki, isCertificateIssuedBy } from '../src/index.ts';

const notBeforeMs = 1_790_000_000_000;
const dayMs = 86_400_000;
const service = SigningKey.generate('P-384');
const node = SigningKey.generate('P-256');
const days = 10;

const serviceCertificate = await createCertificate({
  subject: 'Coco Service',
  key: service,
  isAuthority: true,
  notBeforeMs,
  days,
});

function nodeCertificate(subject: string, key: SigningKey): Promise<string> {
  const issuer = { subject, key };
  return createCertificate({
    subject: 'Node',
    key: node,
    issuer,
    isAuthority: false,
    notBeforeMs,
    days: 2 * days,
  });
}

const issued = (certificate: string, issuer: string, atMs = notBeforeMs + dayMs) =>
  isCertificateIssuedBy({ certificate, issuer, atMs });

test('the key of a certificate is its SubjectPublicKeyInfo', () => {
  assert.equal(toHex(certificateSpki(serviceCertificate)), toHex(service.spki));
});

test('a certificate counts as issued only by the authority that signed it, while both hold', async () => {
  const certificate = await nodeCertificate('Coco Service', service);
  assert.ok(await issued(certificate, serviceCertificate));
  assert.ok(await issued(serviceCertificate, serviceCertificate));
  assert.equal(await issued(certificate, serviceCertificate, notBeforeMs - 1), false);
  assert.equal(await issued(certificate, serviceCertificate, notBeforeMs + 11 * dayMs), false);
  assert.equal(await issued(serviceCertificate, certificate), false);
  const liar = SigningKey.generate('P-384');
  assert.equal(
    await issued(await nodeCertificate('Coco Service', liar), serviceCertificate),
    false,
  );
  assert.equal(await issued(await nodeCertificate('Other', service), serviceCertificate), false);
  const onOtherCurve = await nodeCertificate('Coco Service', SigningKey.generate('P-521'));
  assert.equal(await issued(onOtherCurve, serviceCertificate), false);
  const two = serviceCertificate + certificate;
  for (const text of ['no certificate', two])
    await assert.rejects(
      issued(text, serviceCertificate),
      (error: unknown) => error instanceof LedgerError && error.code === 'ServiceIdentityInvalid',
    );
});

test('a certificate that is no authority issues nothing, itself neither', async () => {
  const leaf = await createCertificate({
    subject: 'Leaf',
    key: service,
    isAuthority: false,
    notBeforeMs,
    days,
  });
  assert.equal(await issued(leaf, leaf), false);
});
