import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { toHex } from '@coco/base';
import { createCertificate, parseCertificate, SigningKey, sha256 } from '@coco/crypto';
import { attemptNode } from '../src/attempt-certificate.ts';
import { requestTo } from './endpoint-fixture.ts';

const key = SigningKey.generate('P-384');
const nodeId = toHex(sha256(key.spki));
const shared = { key, isAuthority: false, days: 1 };
const certificates = await Promise.all([
  createCertificate({ ...shared, subject: 'node', notBeforeMs: 0 }),
  createCertificate({ ...shared, subject: 'another name', notBeforeMs: 9e11 }),
]);

function attempt(clientCertificate: Uint8Array | undefined, trusted: string): unknown {
  const lookup = {
    member: () => undefined,
    isActiveMember: () => false,
    user: () => undefined,
    isTrustedNode: (id: string) => id === trusted,
    tokenKeys: () => [],
  };
  const request = requestTo('/node/x', clientCertificate ? { clientCertificate } : {});
  return attemptNode(request, { lookup, nowMs: 0, messageType: undefined });
}

suite('the policy of trusted nodes', () => {
  test('knows a node by its key, whatever its certificate says and until when', () => {
    for (const { der } of certificates.map(parseCertificate)) {
      assert.deepEqual(attempt(der, nodeId), {
        caller: { policy: 'node_cert', id: nodeId, certificate: der },
      });
    }
  });

  test('refuses who shows no certificate, or one whose key no trusted node has', () => {
    const { der, id } = parseCertificate(certificates[0]);
    const refusal = 'Could not find matching node certificate';
    assert.deepEqual(attempt(der, 'nobody'), { refusal });
    assert.deepEqual(attempt(der, id), { refusal }, 'the certificate’s digest is no node id');
    assert.deepEqual(attempt(undefined, nodeId), { refusal: 'No caller node certificate' });
    assert.throws(() => attempt(new Uint8Array([1]), nodeId), { code: 'InvalidCertificate' });
  });
});
