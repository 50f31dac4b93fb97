import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerError } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { connect, forgetfulMemory } from '../src/index.ts';
import { dial, hasCode, services, start } from './dial.ts';
import { FakeService, failure } from './fake-service.ts';

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
  service.lie('/node/tx', { status: 'Maybe' });
  await assert.rejects(client.committed('2.5'), hasCode('AnswerMalformed'));
  client.close();
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
