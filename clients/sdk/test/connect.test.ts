import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportDataOf, VirtualPlatform } from '@coco/attestation';
import { formatTransactionId, toHex } from '@coco/base';
import { createCertificate, SigningKey, sha256 } from '@coco/crypto';
import { verifyReceipt } from '@coco/receipt';
import { answerJson, forgetfulMemory, parseMemory } from '../src/index.ts';
import { dial, hasCode, start } from './dial.ts';
import { idOf } from './fake-ledger.ts';
import { type FakeService, json, makeParts, measurement } from './fake-service.ts';

test('three lines verify a service, talk to it, and hold a receipt that verifies offline', async () => {
  const service = await start();
  const memory = forgetfulMemory();
  const client = await dial(service, memory);
  const answer = await client.request({ method: 'POST', path: '/app/log?x=1', body: 'text' });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.transactionId, idOf('2.3'));
  const receipt = await client.receipt(answer.transactionId ?? '');
  assert.equal(formatTransactionId(receipt.signatureId), '2.4');
  const offline = await verifyReceipt({
    receipt: receipt.bytes,
    serviceIdentity: client.serviceCertificate,
  });
  assert.equal(toHex(offline.root), toHex(service.ledger.root(4)));
  assert.deepEqual(await client.committed('2.5'), idOf('2.5'));
  assert.equal(client.evidence.nodeId, service.parts.nodeKey.id);
  assert.deepEqual(client.lastCommitted, idOf('2.8'));
  assert.deepEqual(
    client.identities.map(({ id }) => id),
    [service.parts.serviceKey.id],
  );
  client.close();
  const kept = parseMemory(await memory.load());
  assert.deepEqual(kept.committed, idOf('2.8'));
  assert.equal(kept.receipts.length, 1);
});

test('nothing of the caller is sent before the service is verified', async () => {
  const service = await start({ parts: await makeParts() });
  const stranger = SigningKey.generate('P-256');
  await assert.rejects(
    dial(service, forgetfulMemory(), { pin: { developmentRoot: stranger.spki } }),
    hasCode('InvalidQuote', 'endorsements'),
  );
  assert.deepEqual(service.requests, ['GET /node/network', 'GET /node/quotes/self']);
});

test('evidence is refused where nothing, or other code, is pinned', async () => {
  const service = await start();
  await assert.rejects(
    dial(service, forgetfulMemory(), { pin: {} }),
    hasCode('InvalidQuote', 'platform'),
  );
  const developmentRoot = service.parts.root.spki;
  const other = toHex(sha256(new Uint8Array([9])));
  await assert.rejects(
    dial(service, forgetfulMemory(), { pin: { developmentRoot, measurements: [other] } }),
    hasCode('InvalidQuote', 'measurement'),
  );
  await assert.rejects(
    dial(service, forgetfulMemory(), { pin: { developmentRoot, hostData: [other] } }),
    hasCode('InvalidQuote', 'host-data'),
  );
});

test('evidence of another key than that of the TLS session is refused', async () => {
  const honest = await makeParts();
  // Relays the evidence of a genuine node, but cannot hold its key.
  const service = await start({
    parts: await makeParts({ root: honest.root, evidence: honest.evidence }),
  });
  await assert.rejects(dial(service), hasCode('InvalidQuote', 'report-data'));
  const liar = await start();
  liar.lie('/node/quotes/self', {
    node_id: '00'.repeat(32),
    format: liar.parts.evidence.format,
    raw: Buffer.from(liar.parts.evidence.quote).toString('base64'),
    endorsements: Buffer.from(liar.parts.evidence.endorsements).toString('base64'),
  });
  await assert.rejects(dial(liar), hasCode('AnswerMalformed'));
});

test('a node whose certificate is not by the service that it names is refused', async () => {
  const parts = await makeParts();
  const other = await makeParts();
  const service = await start({
    parts: { ...parts, serviceCertificate: other.serviceCertificate },
  });
  await assert.rejects(dial(service), hasCode('ServiceCertificateInvalid'));
});

test('an expired service certificate is refused', async () => {
  const serviceKey = SigningKey.generate('P-256');
  const serviceCertificate = await createCertificate({
    subject: 'Coco Service',
    key: serviceKey,
    isAuthority: true,
    notBeforeMs: Date.now() - 3 * 86_400_000,
    days: 2,
  });
  const service = await start({ parts: await makeParts({ serviceKey, serviceCertificate }) });
  await assert.rejects(dial(service), hasCode('ServiceCertificateInvalid'));
});

test('a certificate for another host is refused by TLS once the service is verified', async () => {
  const serviceKey = SigningKey.generate('P-256');
  const nodeKey = SigningKey.generate('P-256');
  const nodeCertificate = await createCertificate({
    subject: 'Coco Node',
    key: nodeKey,
    issuer: { subject: 'Coco Service', key: serviceKey },
    isAuthority: false,
    hosts: ['elsewhere.example'],
    notBeforeMs: Date.now() - 60_000,
    days: 2,
  });
  const service = await start({ parts: await makeParts({ serviceKey, nodeKey, nodeCertificate }) });
  await assert.rejects(dial(service), hasCode('ServiceCertificateInvalid'));
});

test('a service that is not open is refused', async () => {
  const service = await start();
  service.status = 'WaitingForRecoveryShares';
  await assert.rejects(dial(service), hasCode('ServiceNotOpen'));
});

test('malformed documents of a stranger are refused with a code', async () => {
  const service = await start();
  const lies: [string, Parameters<FakeService['lie']>[1], string][] = [
    ['/node/network', { service_status: 'Open' }, 'AnswerMalformed'],
    [
      '/node/network',
      { service_status: 'Open', service_certificate: 'x' },
      'ServiceIdentityInvalid',
    ],
    ['/node/quotes/self', { format: 'Insecure_Virtual' }, 'EvidenceMalformed'],
  ];
  for (const [path, document, code] of lies) {
    service.lies.clear();
    service.lie(path, document);
    await assert.rejects(dial(service), hasCode(code));
  }
  service.lies.clear();
  const evidence = { raw: '', endorsements: '', node_id: service.parts.nodeKey.id };
  service.lie('/node/quotes/self', { ...evidence, format: 'AMD_SEV_SNP_v1' });
  await assert.rejects(dial(service), hasCode('UnsupportedEvidenceFormat'));
});

test('the first identity may be pinned beside the evidence', async () => {
  const service = await start();
  const { root, serviceCertificate } = service.parts;
  const pin = { developmentRoot: root.spki, identities: [serviceCertificate] };
  (await dial(service, forgetfulMemory(), { pin })).close();
  const client = await dial(service);
  service.lie('/json', { a: 1 });
  assert.deepEqual(answerJson(await client.request({ path: '/json' })), { a: 1 });
  client.close();
});

test('evidence of a platform with report data of 64 bytes is accepted', async () => {
  const parts = await makeParts();
  const reportData = new Uint8Array(64);
  reportData.set(await reportDataOf(parts.nodeKey.spki));
  const platform = new VirtualPlatform({
    root: parts.root,
    measurement,
    hostData: '00'.repeat(32),
  });
  const evidence = await platform.evidenceFor(reportData);
  (await dial(await start({ parts: { ...parts, evidence } }))).close();
});

test('a stranger that ends the session between two answers is not asked on another one', async () => {
  const service = await start();
  service.lies.set('/node/network', () => ({
    ...json({ service_status: 'Open', service_certificate: service.parts.serviceCertificate }),
    headers: { connection: 'close' },
  }));
  await assert.rejects(dial(service), hasCode('ServiceUnreachable'));
  assert.deepEqual(service.requests, ['GET /node/network']);
});
