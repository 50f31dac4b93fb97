import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { emptyBytes, LedgerError, ManualClock, toHex, utf8Decode, utf8Encode } from '@coco/base';
import { createCertificate, parseCertificate, SigningKey, sha256 } from '@coco/crypto';
import {
  bytesResponse,
  jsonResponse,
  type Request,
  type Response,
  textResponse,
} from '@coco/endpoint';
import { type HttpListener, listen } from '../src/http-listener.ts';
import { NodeCaller } from '../src/node-caller.ts';

const clock = new ManualClock(Date.now());
const makeNode = async () => {
  const key = SigningKey.generate('P-256');
  const named = { subject: 'N', key, isAuthority: false, hosts: ['127.0.0.1'], days: 9 };
  return { key, certificatePem: await createCertificate({ ...named, notBeforeMs: 0 }) };
};
const [caller, called, stranger] = [await makeNode(), await makeNode(), await makeNode()];
const limits = { withinMs: 3_000, answerBytesMax: 10_000 };

const request = (given: Partial<Request> = {}): Request => ({
  method: 'GET',
  path: '/app/thing',
  query: new Map(),
  headers: new Map(),
  body: emptyBytes,
  clientCertificate: undefined,
  ...given,
});

async function listenAs(
  t: TestContext,
  node: typeof called,
  answer: (request: Request) => Promise<Response>,
): Promise<HttpListener> {
  const listener = await listen({
    configuration: {
      name: 'test',
      host: '127.0.0.1',
      port: 0,
      sessionsSoftMax: 50,
      sessionsMax: 90,
      bodyBytesMax: 1000,
      headerBytesMax: 4096,
      channels: {
        channelsMax: 10,
        messageBytesMax: 1000,
        unreadBytesMax: 1000,
        messagesAtOnceMax: 4,
      },
    },
    identity: { certificatePem: node.certificatePem, privateKeyPem: node.key.privatePem() },
    answer,
  });
  t.after(() => listener.stop());
  return listener;
}

function callerTo(
  t: TestContext,
  address: string | undefined,
  options: { readonly callsPerNodeMax?: number } = {},
): NodeCaller {
  const identity = {
    certificatePem: caller.certificatePem,
    privateKeyPem: caller.key.privatePem(),
  };
  const nodes = new NodeCaller({ identity, clock, addressOf: () => address, ...options });
  t.after(() => nodes.stop());
  return nodes;
}

/** A call that has arrived at a node which never answers. */
async function askSilentNode(
  t: TestContext,
): Promise<{ readonly nodes: NodeCaller; readonly asked: Promise<Response> }> {
  const arrived = Promise.withResolvers<void>();
  const { address } = await listenAs(t, called, () => {
    arrived.resolve();
    return new Promise<Response>(() => {});
  });
  const nodes = callerTo(t, address);
  const asked = nodes.call(called.key.id, request(), limits);
  await arrived.promise;
  return { nodes, asked };
}

const refusedWith = (code: string) => (error: unknown) =>
  error instanceof LedgerError && error.code === code;

suite('a call to another node', () => {
  test('takes the request there as it came, and shows whose call it is', async (t) => {
    const seen: Request[] = [];
    const { address } = await listenAs(t, called, async (one) => {
      seen.push(one);
      const id = toHex(sha256(parseCertificate(one.clientCertificate ?? emptyBytes).spki));
      const answer = jsonResponse({ id, body: utf8Decode(one.body) }, 201);
      return { ...answer, headers: { ...answer.headers, 'x-mark': 'seen' } };
    });
    const answer = await callerTo(t, address).call(
      called.key.id,
      request({
        method: 'POST',
        target: '/app/a%2Fb?x=1&x=2',
        headers: new Map([
          ['authorization', 'Bearer abc'],
          ['connection', 'close'],
          ['host', 'elsewhere'],
          ['content-length', '9999'],
        ]),
        body: utf8Encode('{"a":1}'),
      }),
      limits,
    );
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['x-mark'], 'seen');
    assert.equal(answer.headers.connection, undefined);
    assert.deepEqual(JSON.parse(utf8Decode(answer.body)), { id: caller.key.id, body: '{"a":1}' });
    assert.equal(seen[0]?.target, '/app/a%2Fb?x=1&x=2');
    assert.equal(seen[0]?.path, '/app/a%2Fb');
    assert.equal(seen[0]?.headers.get('authorization'), 'Bearer abc');
    assert.equal(seen[0]?.headers.get('host'), address);
  });

  test('makes a target of path and query for a request that was made here', async (t) => {
    const targets: (string | undefined)[] = [];
    const { address } = await listenAs(t, called, async (one) => {
      targets.push(one.target);
      return textResponse('');
    });
    const query = new Map([['from', '7 8']]);
    const nodes = callerTo(t, address);
    await nodes.call(called.key.id, request({ path: '/app/ü:x', query }), limits);
    assert.deepEqual(targets, ['/app/%C3%BC:x?from=7+8']);
  });

  test('uses one connection for calls one after another', async (t) => {
    const listener = await listenAs(t, called, async () => textResponse('yes'));
    const nodes = callerTo(t, listener.address);
    for (let times = 0; times < 3; times++) await nodes.call(called.key.id, request(), limits);
    assert.equal(listener.connections().peak, 1);
  });

  test('sends nothing to a node of another key', async (t) => {
    let requests = 0;
    const { address } = await listenAs(t, stranger, async () => {
      requests++;
      return textResponse('trust me');
    });
    await assert.rejects(
      callerTo(t, address).call(called.key.id, request(), limits),
      refusedWith('NodeUnreachable'),
    );
    assert.equal(requests, 0);
  });

  test('says that nothing was sent where nobody listens or no address is known', async (t) => {
    const listener = await listenAs(t, called, async () => textResponse(''));
    await listener.stop();
    for (const address of [listener.address, undefined]) {
      await assert.rejects(
        callerTo(t, address).call(called.key.id, request(), limits),
        refusedWith('NodeUnreachable'),
      );
    }
  });

  test('gives up on a node that takes the connection and never speaks', async (t) => {
    const connected = Promise.withResolvers<void>();
    const silent: Server = createServer((socket) => {
      connected.resolve();
      t.after(() => socket.destroy());
    });
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    t.after(() => silent.close());
    const { port } = silent.address() as { port: number };
    const nodes = callerTo(t, `127.0.0.1:${port}`);
    const asked = nodes.call(called.key.id, request(), limits);
    await connected.promise;
    clock.advance(2_000);
    await assert.rejects(asked, refusedWith('NodeUnreachable'));
  });

  test('says that the request may have been carried out once it was sent', async (t) => {
    const { asked } = await askSilentNode(t);
    clock.advance(limits.withinMs);
    await assert.rejects(asked, refusedWith('NodeAnswerLost'));
  });

  test('ends the calls under way when it stops', async (t) => {
    const { nodes, asked } = await askSilentNode(t);
    nodes.stop();
    await assert.rejects(asked, refusedWith('NodeAnswerLost'));
  });

  test('takes no answer that is larger than the caller allows', async (t) => {
    const body = new Uint8Array(limits.answerBytesMax + 1);
    const { address } = await listenAs(t, called, async () => bytesResponse(body, 'a/b'));
    await assert.rejects(
      callerTo(t, address).call(called.key.id, request(), limits),
      refusedWith('NodeAnswerLost'),
    );
  });

  test('refuses more calls at once than may wait for one node', async (t) => {
    const silent: Server = createServer((socket) => t.after(() => socket.destroy()));
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    t.after(() => silent.close());
    const { port } = silent.address() as { port: number };
    const nodes = callerTo(t, `127.0.0.1:${port}`, { callsPerNodeMax: 5 });
    const ask = () => nodes.call(called.key.id, request(), limits);
    const waiting = Array.from({ length: 5 }, ask);
    await assert.rejects(ask(), refusedWith('NodeCallsFull'));
    nodes.stop();
    const ends = await Promise.allSettled(waiting);
    assert.ok(ends.every((end) => end.status === 'rejected'));
  });
});
