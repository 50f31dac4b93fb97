import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { equalBytes, LedgerError, SeededRandom, toHex } from '@coco/base';
import {
  certificateIssuedBy,
  createCertificate,
  parseCertificate,
  SigningKey,
  sha256,
} from '../src/index.ts';

/** 2026-01-01. */
const notBeforeMs = 1_767_225_600_000;
const dayMs = 86_400_000;
const [serviceKey, nodeKey] = [SigningKey.generate('P-384'), SigningKey.generate('P-256')];
const service = await createCertificate({
  subject: 'CCF Service',
  key: serviceKey,
  isAuthority: true,
  notBeforeMs,
  days: 365,
});
const node = await createCertificate({
  subject: 'CCF Node',
  key: nodeKey,
  issuer: { subject: 'CCF Service', key: serviceKey },
  isAuthority: false,
  hosts: ['127.0.0.1', '::1', 'node.example.com'],
  notBeforeMs,
  days: 90,
});

test('a certificate is read back as it was made', () => {
  const parsed = parseCertificate(node);
  assert.equal(parsed.subject, 'CCF Node');
  assert.equal(parsed.issuer, 'CCF Service');
  assert.equal(parsed.notBeforeMs, notBeforeMs);
  assert.equal(parsed.notAfterMs, notBeforeMs + 90 * dayMs - 1000);
  assert.ok(equalBytes(parsed.spki, nodeKey.spki));
  assert.equal(parsed.id, toHex(sha256(parsed.der)));
  assert.deepEqual(parseCertificate(parsed.der).id, parsed.id);
});

test('a certificate is issued by its issuer and by nobody else', async () => {
  assert.ok(certificateIssuedBy(node, service));
  assert.ok(certificateIssuedBy(service, service));
  assert.equal(certificateIssuedBy(service, node), false);
  const key = SigningKey.generate('P-384');
  const namesake = { subject: 'CCF Service', key, isAuthority: true, notBeforeMs, days: 1 };
  assert.equal(certificateIssuedBy(node, await createCertificate(namesake)), false);
});

test('what is no certificate is InvalidCertificate, a flipped bit never another error', () => {
  for (const source of ['', 'no certificate', new Uint8Array(0), new Uint8Array(20_000)]) {
    assert.throws(() => parseCertificate(source), { code: 'InvalidCertificate' });
  }
  const { der } = parseCertificate(node);
  const random = new SeededRandom(8);
  for (let round = 0; round < 400; round++) {
    const flipped = der.slice();
    const at = random.below(flipped.length);
    flipped[at] = (flipped[at] as number) ^ (1 << random.below(8));
    try {
      // OpenSSL reads some flips of what is no structure; then the signature must not fit.
      parseCertificate(flipped);
      assert.equal(certificateIssuedBy(flipped, service), false);
    } catch (error) {
      assert.ok(error instanceof LedgerError, `byte ${at}: ${String(error)}`);
      assert.equal(error.code, 'InvalidCertificate');
    }
  }
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

suite('openssl takes the certificates', { skip: hasOpenssl ? false : 'no openssl here' }, () => {
  let folder = '';
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): string =>
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'coco-crypto-'));
    writeFileSync(file('service.pem'), service);
    writeFileSync(file('node.pem'), node);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('the chain verifies strictly, at a time within and not outside', () => {
    const at = (ms: number): string[] => ['-attime', String(Math.floor(ms / 1000))];
    const verify = (ms: number): string =>
      openssl(
        'verify',
        '-x509_strict',
        '-CAfile',
        file('service.pem'),
        ...at(ms),
        file('node.pem'),
      );
    assert.match(verify(notBeforeMs + dayMs), /OK/);
    assert.throws(() => verify(notBeforeMs - dayMs));
    assert.throws(() => verify(notBeforeMs + 91 * dayMs));
  });

  test('the service is an authority with path length 1, the node a leaf with its names', () => {
    const text = (name: string): string => openssl('x509', '-noout', '-text', '-in', file(name));
    const serviceText = text('service.pem');
    assert.match(serviceText, /Basic Constraints: critical\s+CA:TRUE, pathlen:1/);
    assert.match(
      serviceText,
      /Key Usage: critical\s+Digital Signature, Certificate Sign, CRL Sign/,
    );
    assert.match(serviceText, /Subject Key Identifier/);
    const nodeText = text('node.pem');
    assert.match(nodeText, /Basic Constraints: critical\s+CA:FALSE/);
    assert.doesNotMatch(nodeText, /X509v3 Key Usage/);
    assert.match(nodeText, /Authority Key Identifier/);
    assert.match(
      nodeText,
      /IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1, DNS:node\.example\.com/,
    );
  });
});
