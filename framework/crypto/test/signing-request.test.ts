import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { suite, test } from 'node:test';
import { equalBytes, LedgerError, SeededRandom } from '@coco/base';
import {
  certificateIssuedBy,
  createCertificate,
  createSigningRequest,
  endorseSigningRequest,
  parseCertificate,
  SigningKey,
} from '../src/index.ts';

const notBeforeMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const key = SigningKey.generate('P-384');
const serviceKey = SigningKey.generate('P-256');
const issuer = { subject: 'CCF Service', key: serviceKey };
const hosts = ['127.0.0.1', '::1', 'node.example.com'];
const service = await createCertificate({ ...issuer, isAuthority: true, notBeforeMs, days: 9 });
const request = await createSigningRequest({ subject: 'CCF Node', key, hosts });
const endorse = (pem: string): Promise<string> =>
  endorseSigningRequest({ request: pem, issuer, notBeforeMs, days: 3 });
const certificate = await endorse(request);

suite('signing requests', () => {
  test('an endorsed request is a certificate of its key, names and subject', () => {
    const parsed = parseCertificate(certificate);
    assert.equal(parsed.subject, 'CCF Node');
    assert.equal(parsed.issuer, 'CCF Service');
    assert.ok(equalBytes(parsed.spki, key.spki));
    assert.equal(parsed.notBeforeMs, notBeforeMs);
    assert.equal(parsed.notAfterMs, notBeforeMs + 3 * dayMs - 1000);
    assert.ok(certificateIssuedBy(certificate, service));
    const read = new X509Certificate(certificate);
    for (const name of ['127.0.0.1', '::1']) assert.equal(read.checkIP(name), name);
    assert.equal(read.checkHost('node.example.com'), 'node.example.com');
    assert.equal(read.ca, false);
  });

  test('it has the shape of a certificate that was made without a request', async () => {
    const direct = await createCertificate({
      subject: 'CCF Node',
      key,
      issuer,
      isAuthority: false,
      hosts,
      notBeforeMs,
      days: 3,
    });
    const shape = (pem: string): string =>
      new X509Certificate(pem).toLegacyObject().subjectaltname ?? '';
    assert.equal(shape(certificate), shape(direct));
    // Serial number and signature differ, and the latter's length by a few bytes.
    assert.ok(Math.abs(certificate.length - direct.length) < 16);
  });

  test('a request without names is endorsed without names', async () => {
    const bare = await endorse(await createSigningRequest({ subject: 'n', key, hosts: [] }));
    assert.equal(new X509Certificate(bare).subjectAltName, undefined);
  });

  test('a request for an authority gets a leaf', async () => {
    const made = spawnSync(
      'openssl',
      ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
        .concat(['-keyout', '/dev/null', '-subj', '/CN=evil'])
        .concat([
          '-addext',
          'basicConstraints=critical,CA:TRUE',
          '-addext',
          'keyUsage=keyCertSign',
        ]),
      { encoding: 'utf8' },
    );
    if (made.error) return;
    const leaf = new X509Certificate(await endorse(made.stdout));
    assert.equal(leaf.ca, false);
    assert.equal(leaf.keyUsage, undefined);
  });

  test('what is no request is InvalidSigningRequest, a flipped bit never another error', async () => {
    for (const text of ['', 'no request', service, 'x'.repeat(20_000)]) {
      await assert.rejects(endorse(text), { code: 'InvalidSigningRequest' });
    }
    const der = Buffer.from(request.replace(/-----.*?-----|\s/g, ''), 'base64');
    const random = new SeededRandom(9);
    for (let round = 0; round < 300; round++) {
      const flipped = Buffer.from(der);
      const at = random.below(flipped.length);
      flipped[at] = (flipped[at] as number) ^ (1 << random.below(8));
      const body = flipped.toString('base64');
      const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----\n`;
      try {
        // Some bits do not count: then the certificate is still of the same key.
        assert.ok(equalBytes(parseCertificate(await endorse(pem)).spki, key.spki));
      } catch (error) {
        assert.ok(error instanceof LedgerError, `byte ${at}: ${String(error)}`);
        assert.equal(error.code, 'InvalidSigningRequest', `byte ${at}`);
      }
    }
  });
});
