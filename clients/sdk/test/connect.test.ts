import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { reportDataOf, VirtualPlatform } from '@coco/attestation';
import { formatTransactionId, LedgerError, toHex } from '@coco/base';
import { createCertificate, SigningKey, sha256 } from '@coco/crypto';
import { verifyReceipt } from '@coco/receipt';
import {
  answerJson,
  type ConnectOptions,
  connect,
  forgetfulMemory,
  type MemoryStore,
  parseMemory,
} from '../src/index.ts';
import { endorse, type FakeLedger, idOf } from './fake-ledger.ts';
import {
  type FakeParts,
  FakeService,
  failure,
  json,
  makeParts,
  measurement,
} from './fake-service.ts';

const services: FakeService[] = [];
after(async () => {
  for (const service of services) await service.stop();
});

async function start(
  options: { parts?: FakeParts; ledger?: FakeLedger } = {},
): Promise<FakeService> {
  const service = await FakeService.start(options);
  services.push(service);
  return service;
}

const hasCode =
  (code: string, check?: string) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof LedgerError, String(error));
    assert.equal(error.code, code);
    if (check) assert.equal(error.metadata.check, check);
    return true;
  };

function dial(
  service: FakeService,
  memory: MemoryStore = forgetfulMemory(),
  options: Partial<ConnectOptions> = {},
) {
  return connect({
    url: service.url,
    pin: { developmentRoot: service.parts.root.spki, measurements: [measurement] },
    memory,
    limits: { behindGraceMs: 0, timeoutMs: 5_000 },
    ...options,
  });
}

/** A connection whose memory holds the receipt of 2.6 and the commit 2.8. */
async function remembered(service: FakeService): Promise<MemoryStore> {
  const memory = forgetfulMemory();
  const client = await dial(service, memory);
  await client.receipt('2.6');
  client.close();
  return memory;
}

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

test('a service that continues its history is accepted again, with the renewed certificate too', async () => {
  const service = await start();
  const memory = await remembered(service);
  service.ledger.append('more');
  service.ledger.sign(service.parts.serviceKey);
  const client = await dial(service, memory);
  assert.deepEqual(client.lastCommitted, idOf('2.10'));
  client.close();
  const { root, serviceKey } = service.parts;
  const renewed = await start({
    parts: await makeParts({ root, serviceKey }),
    ledger: service.ledger,
  });
  (await dial(renewed, memory)).close();
  assert.equal(parseMemory(await memory.load()).identities.length, 1);
});

test('a service set back to an older ledger is refused as behind', async () => {
  const service = await start();
  const memory = await remembered(service);
  service.ledger = service.ledger.copy(4);
  await assert.rejects(dial(service, memory), hasCode('ServiceBehind'));
  // Growing again does not help once the place of what was seen is another's.
  service.ledger.view = 4;
  for (let item = 0; item < 9; item++) service.ledger.append(`other ${item}`);
  service.ledger.sign(service.parts.serviceKey);
  await assert.rejects(dial(service, memory), hasCode('ServiceBehind'));
});

test('a node that lags for a moment is given the time to catch up', async () => {
  const service = await start();
  const memory = await remembered(service);
  const whole = service.ledger;
  service.ledger = whole.copy(4);
  let asked = 0;
  service.lies.set('/node/commit', () => {
    if (++asked === 2) service.ledger = whole;
    return undefined;
  });
  const client = await dial(service, memory, { limits: { behindGraceMs: 5_000 } });
  assert.deepEqual(client.lastCommitted, idOf('2.8'));
  assert.ok(asked >= 2);
  client.close();
});

test('a service with the same ids but another history is refused as forked', async () => {
  const service = await start();
  const memory = await remembered(service);
  const forked = service.ledger.copy(4);
  for (let item = 0; item < 3; item++) forked.append(`other ${item}`);
  forked.sign(service.parts.serviceKey);
  service.ledger = forked;
  assert.equal(forked.status(idOf('2.8')), 'Committed');
  await assert.rejects(dial(service, memory), hasCode('ServiceForked'));
});

test('two receipts of one session that contradict each other are refused as forked', async () => {
  const service = await start();
  const client = await dial(service);
  await client.receipt('2.6');
  const forked = service.ledger.copy(5);
  for (let item = 0; item < 2; item++) forked.append(`other ${item}`);
  forked.sign(service.parts.serviceKey);
  service.ledger = forked;
  // The transaction is the same, but the signature over it stands for another tree.
  await assert.rejects(client.receipt('2.5'), hasCode('ServiceForked'));
  client.close();
});

test('a view that goes down after what was seen is refused as forked', async () => {
  const service = await start();
  const memory = await remembered(service);
  service.lie('/node/commit', { transaction_id: '1.9' });
  await assert.rejects(dial(service, memory), hasCode('ServiceForked'));
});

/** A recovery: new keys and view, the history kept up to `seqno`, the old key endorsed. */
async function recover(old: FakeService, seqno: number, begin = '2.1'): Promise<FakeService> {
  const { root, serviceKey } = old.parts;
  const ledger = old.ledger.copy(seqno);
  const parts = await makeParts({ root });
  const end = idOf(`${ledger.viewAt(seqno)}.${seqno}`);
  const endorsement = endorse({
    key: parts.serviceKey,
    endorsed: serviceKey,
    begin,
    end,
    root: ledger.root(seqno),
  });
  ledger.view += 2;
  ledger.append('recovery');
  ledger.sign(parts.serviceKey);
  const service = await start({ parts, ledger });
  service.endorsements = [endorsement, ...old.endorsements];
  return service;
}

test('a recovered service that endorses the remembered identity is accepted, and old receipts hold', async () => {
  const service = await start();
  const memory = await remembered(service);
  const recovered = await recover(service, 8);
  const changes: string[] = [];
  const client = await dial(recovered, memory, {
    acceptIdentity: ({ from, to, endorsed }) => {
      changes.push(`${from?.id} ${to.identity.id} ${formatTransactionId(endorsed.epochEnd)}`);
      return true;
    },
  });
  const [oldId, newId] = [service.parts.serviceKey.id, recovered.parts.serviceKey.id];
  assert.deepEqual(changes, [`${oldId} ${newId} 2.8`]);
  assert.deepEqual(
    client.identities.map(({ id }) => id),
    [oldId, newId],
  );
  const receipt = await client.receipt('2.6');
  assert.equal(receipt.serviceId, oldId);
  assert.equal(receipt.isCurrentIdentity, false);
  client.close();
  // The next recovery is two endorsements away from the first identity.
  const again = await recover(recovered, 10, '4.9');
  (await dial(again, memory)).close();
  assert.equal(parseMemory(await memory.load()).identities.length, 3);
  const pin = {
    developmentRoot: service.parts.root.spki,
    identities: [service.parts.serviceKey.spki],
  };
  (await dial(again, forgetfulMemory(), { pin })).close();
});

test('a new identity is refused without endorsement, with a foreign one, or by the caller', async () => {
  const service = await start();
  const memory = await remembered(service);
  const before = await memory.load();
  const recovered = await recover(service, 8);
  const refusesChange = { acceptIdentity: () => Promise.resolve(false) };
  await assert.rejects(dial(recovered, memory, refusesChange), hasCode('ServiceIdentityChanged'));
  const { endorsements } = recovered;
  recovered.endorsements = [];
  await assert.rejects(dial(recovered, memory), hasCode('ServiceIdentityChanged'));
  const stranger = SigningKey.generate('P-256');
  const foreign = {
    key: stranger,
    endorsed: service.parts.serviceKey,
    begin: '2.1',
    end: idOf('2.8'),
  };
  recovered.endorsements = [endorse(foreign), ...endorsements];
  await assert.rejects(dial(recovered, memory), hasCode('ServiceIdentityChanged'));
  const pin = { developmentRoot: service.parts.root.spki, identities: [stranger.spki] };
  await assert.rejects(
    dial(recovered, forgetfulMemory(), { pin }),
    hasCode('ServiceIdentityChanged'),
  );
  assert.equal(await memory.load(), before);
});

test('a service recovered from an older ledger is refused as behind, however far it has grown', async () => {
  const service = await start();
  const memory = await remembered(service);
  const recovered = await recover(service, 4);
  for (let item = 0; item < 20; item++) recovered.ledger.append(`later ${item}`);
  recovered.ledger.sign(recovered.parts.serviceKey);
  await assert.rejects(dial(recovered, memory), hasCode('ServiceBehind'));
});

test('a service recovered from another history is refused as forked', async () => {
  const service = await start();
  const memory = await remembered(service);
  const recovered = await recover(service, 8);
  const { serviceKey } = recovered.parts;
  const endorsed = service.parts.serviceKey;
  const root = sha256(new Uint8Array([5]));
  recovered.endorsements = [
    endorse({ key: serviceKey, endorsed, begin: '2.1', end: idOf('2.8'), root }),
  ];
  await assert.rejects(dial(recovered, memory), hasCode('ServiceForked'));
});

test('flipped, foreign and wrongly rooted receipts are refused', async () => {
  const service = await start();
  const client = await dial(service);
  const good = service.ledger.receipt(6);
  assert.ok(good);
  const serve = (body: Uint8Array) =>
    service.lies.set('/app/receipt/cose', () => ({ status: 200, body }));
  for (let at = 0; at < good.length; at += 7) {
    serve(good.map((byte, index) => (index === at ? byte ^ 1 : byte)));
    await assert.rejects(client.receipt('2.6'), LedgerError);
  }
  serve(good);
  await assert.rejects(client.receipt('2.5'), hasCode('AnswerMalformed'));
  await assert.rejects(
    client.receipt('2.6', { claimsDigest: sha256() }),
    hasCode('ReceiptClaimsMismatch'),
  );
  const other = await start();
  serve(other.ledger.receipt(6) ?? new Uint8Array());
  await assert.rejects(client.receipt('2.6'), hasCode('EndorsementChainBroken'));
  serve(new Uint8Array(100_000));
  await assert.rejects(client.receipt('2.6'), hasCode('ReceiptMalformed'));
  service.lies.clear();
  await assert.rejects(client.receipt('2.8'), hasCode('ReceiptNotServed'));
  client.close();
});

test('a receipt is waited for while the service prepares it or the transaction commits', async () => {
  const service = await start();
  const client = await dial(service);
  const states = [
    { status: 202, body: 'not yet', headers: { 'retry-after': '0' } },
    failure(404, 'TransactionPendingOrUnknown'),
  ];
  service.lies.set('/app/receipt/cose', () => states.shift());
  assert.equal((await client.receipt('2.6')).transactionId.seqno, 6);
  assert.equal(states.length, 0);
  client.close();
});

test('waiting for a commit ends when it commits, when it is rolled back, or when time is up', async () => {
  const service = await start();
  const client = await dial(service, forgetfulMemory(), {
    limits: { behindGraceMs: 0, timeoutMs: 400 },
  });
  const id = service.ledger.append('pending');
  await assert.rejects(client.committed(id), hasCode('ServiceTimeout'));
  const waiting = client.committed(id);
  service.ledger.sign(service.parts.serviceKey);
  assert.deepEqual(await waiting, id);
  assert.deepEqual(client.lastCommitted, id);
  await assert.rejects(client.committed('1.3'), hasCode('TransactionNotCommitted'));
  client.close();
});

test('huge, endless, slow and malformed answers are bounded and refused with a code', async () => {
  const service = await start();
  const client = await dial(service, forgetfulMemory(), {
    limits: { behindGraceMs: 0, timeoutMs: 600, answerBytesMax: 1000 },
  });
  const huge = 'x'.repeat(2_000_000);
  service.lies.set('/huge', () => ({ status: 200, body: huge }));
  await assert.rejects(client.request({ path: '/huge' }), hasCode('AnswerTooLarge'));
  service.lies.set('/endless', () => ({ status: 200, body: 'x', isEndless: true }));
  await assert.rejects(client.request({ path: '/endless' }), hasCode('ServiceTimeout'));
  const controller = new AbortController();
  const aborted = client.request({ path: '/endless', signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted, hasCode('RequestAborted'));
  await assert.rejects(
    client.request({ path: '/x', signal: AbortSignal.abort() }),
    hasCode('RequestAborted'),
  );
  service.lies.set('/id', () => ({
    status: 200,
    body: '',
    headers: { 'x-ms-ccf-transaction-id': 'bogus' },
  }));
  await assert.rejects(client.request({ path: '/id' }), hasCode('AnswerMalformed'));
  for (const [path, document] of [
    ['/node/commit', { transaction_id: 'x' }],
    ['/node/commit', []],
    ['/node/commit', { transaction_id: 7 }],
  ] as const) {
    service.lie(path, document);
    await assert.rejects(client.verifyContinuity(), hasCode('AnswerMalformed'));
  }
  service.lies.set('/node/commit', () => ({ status: 200, body: huge }));
  await assert.rejects(client.verifyContinuity(), hasCode('AnswerTooLarge'));
  service.lies.set('/node/commit', () => ({ status: 200, body: '{' }));
  await assert.rejects(client.verifyContinuity(), hasCode('AnswerMalformed'));
  service.lies.set('/node/commit', () => failure(503, 'InternalError'));
  await assert.rejects(client.verifyContinuity(), hasCode('AnswerMalformed'));
  service.lies.clear();
  service.lie('/app/tx', { status: 'Maybe' });
  await assert.rejects(client.committed('2.5'), hasCode('AnswerMalformed'));
  client.close();
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

test('a list of endorsements that is malformed or too long is refused', async () => {
  const service = await start();
  const memory = await remembered(service);
  const recovered = await recover(service, 8);
  const path = '/node/service/previous_identity';
  const long = Array.from({ length: 65 }, () => ({ endorsement: '' }));
  for (const document of [{}, { endorsements: long }, { endorsements: [{ endorsement: '*' }] }]) {
    recovered.lies.set(path, () => json(document));
    await assert.rejects(dial(recovered, memory), hasCode('AnswerMalformed'));
  }
});

test('a path that leads to another host is refused, and so is plain http', async () => {
  const service = await start();
  const client = await dial(service);
  for (const path of ['//example.com/x', 'x', 'https://example.com/', '']) {
    await assert.rejects(client.request({ path }), hasCode('InvalidInput'));
  }
  client.close();
  const pin = { developmentRoot: service.parts.root.spki };
  for (const url of [service.url.replace('https', 'http'), 'no url']) {
    await assert.rejects(connect({ url, pin, memory: forgetfulMemory() }), hasCode('InvalidInput'));
  }
});

test('a service that is not there, or breaks off, is unreachable', async () => {
  const service = await FakeService.start();
  const client = await dial(service);
  await service.stop();
  await assert.rejects(client.request({ path: '/x' }), hasCode('ServiceUnreachable'));
  await assert.rejects(dial(service), hasCode('ServiceUnreachable'));
  client.close();
});

test('a service whose node was exchanged for a stranger is not talked to', async () => {
  const service = await FakeService.start();
  const client = await dial(service);
  const port = Number(new URL(service.url).port);
  await service.stop();
  const stranger = await FakeService.start({ port });
  services.push(stranger);
  await assert.rejects(
    client.request({ path: '/secret', body: 'private' }),
    hasCode('ServiceCertificateInvalid'),
  );
  assert.deepEqual(stranger.requests, []);
  client.close();
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
