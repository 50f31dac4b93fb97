/** A client of several nodes of one service. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { forgetfulMemory } from '../src/index.ts';
import { dial, hasCode, start } from './dial.ts';
import { type FakeService, failure, makeParts } from './fake-service.ts';

/** Two nodes of one service: they share its keys and its ledger. */
async function startTwo(): Promise<readonly [FakeService, FakeService]> {
  const first = await start();
  const { root, serviceKey, serviceCertificate } = first.parts;
  const parts = await makeParts({ root, serviceKey, serviceCertificate });
  return [first, await start({ parts, ledger: first.ledger })];
}

const dialBoth = ([first, second]: readonly [FakeService, FakeService]) =>
  dial(first, forgetfulMemory(), { url: [first.url, second.url] });

const write = { method: 'POST', path: '/app/write' };
const writesTo = ({ requests }: FakeService) =>
  requests.filter((one) => one === 'POST /app/write').length;

/** Ends a node; the client notices that its sessions ended. */
async function end(service: FakeService): Promise<void> {
  await service.stop();
  for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done));
}

suite('a client of several nodes', () => {
  test('goes to the next where nothing was sent, writes included', async () => {
    const [first, second] = await startTwo();
    const client = await dialBoth([first, second]);
    await client.request({ path: '/app/read' });
    await end(first);
    assert.equal((await client.request({ path: '/app/read' })).status, 200);
    assert.equal((await client.request(write)).status, 200);
    assert.equal(writesTo(second), 1);
    await end(second);
    await assert.rejects(client.request(write), hasCode('ServiceUnreachable'));
    client.close();
  });

  test('connects by the first that is there', async () => {
    const [first, second] = await startTwo();
    await first.stop();
    const client = await dialBoth([first, second]);
    assert.equal((await client.committed('2.4')).seqno, 4);
    client.close();
    const early = await start({ parts: first.parts, ledger: first.ledger });
    for (const path of ['/node/network', '/node/quotes/self']) {
      early.lies.set(path, () => failure(503, 'NodeCannotHandleRequest'));
    }
    (await dialBoth([early, second])).close();
  });

  test('asks again where the answer says that nothing was carried out', async () => {
    const [first, second] = await startTwo();
    const client = await dialBoth([first, second]);
    const codes = ['PrimaryNotFound', 'SessionConsistencyLost', 'NodeUnreachable'];
    for (const service of [first, second]) {
      service.lies.set('/app/write', () => {
        const code = codes.shift();
        return code === undefined ? undefined : failure(code.startsWith('Se') ? 500 : 503, code);
      });
    }
    assert.equal((await client.request(write)).status, 200);
    assert.equal(codes.length, 0);
    assert.equal(writesTo(first) + writesTo(second), 4);
    client.close();
  });

  test('never sends a write again whose answer is lost, or says that it may be done', async () => {
    const [first, second] = await startTwo();
    const client = await dialBoth([first, second]);
    first.lies.set('/app/write', () => failure(504, 'NodeAnswerLost'));
    assert.equal((await client.request(write)).status, 504);
    first.lies.set('/app/write', () => {
      first.drop();
      return failure(500, 'InternalError');
    });
    await assert.rejects(client.request(write), hasCode('ServiceUnreachable'));
    assert.equal(writesTo(first) + writesTo(second), 2);
    client.close();
  });

  test('reads again elsewhere what a node did not answer', async () => {
    const [first, second] = await startTwo();
    const client = await dialBoth([first, second]);
    first.lies.set('/app/read', () => {
      first.drop();
      return failure(500, 'InternalError');
    });
    assert.equal((await client.request({ path: '/app/read' })).status, 200);
    client.close();
  });

  test('passes over a node of another service', async () => {
    const [first, second] = await startTwo();
    const stranger = await start();
    const url = [first.url, stranger.url, second.url];
    const client = await dial(first, forgetfulMemory(), { url });
    await end(first);
    assert.equal((await client.request(write)).status, 200);
    assert.equal(writesTo(stranger), 0);
    assert.equal(writesTo(second), 1);
    client.close();
  });

  test('does not connect past a node that lies', async () => {
    const [first, second] = await startTwo();
    const { serviceCertificate } = (await start()).parts;
    first.lie('/node/network', { service_status: 'Open', service_certificate: serviceCertificate });
    await assert.rejects(dialBoth([first, second]), hasCode('ServiceCertificateInvalid'));
    assert.deepEqual(second.requests, []);
  });
});
