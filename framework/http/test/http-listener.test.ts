import assert from 'node:assert/strict';
import http, { request as httpRequest, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, mock, test } from 'node:test';
import { jsonResponse, type Request } from '@coco/endpoint';
import { type HttpListener, type ListenerConfiguration, listen } from '../src/index.ts';

const configuration: ListenerConfiguration = {
  name: 'test',
  host: '127.0.0.1',
  port: 0,
  sessionsSoftMax: 45,
  sessionsMax: 50,
  bodyBytesMax: 1000,
  headerBytesMax: 4096,
  channels: {
    channelsMax: 10,
    messageBytesMax: 1000,
    unreadBytesMax: 1000,
    messagesAtOnceMax: 4,
  },
};

let listener: HttpListener;
const sockets: Socket[] = [];

async function open(
  answer: (request: Request) => Promise<ReturnType<typeof jsonResponse>> = async () =>
    jsonResponse({ fine: true }),
  changes: Partial<ListenerConfiguration> = {},
): Promise<void> {
  listener = await listen({
    configuration: { ...configuration, ...changes },
    identity: undefined,
    answer,
  });
}

function port(): number {
  return Number(listener.address.split(':')[1]);
}

function dial(): Socket {
  const socket = connect({ host: '127.0.0.1', port: port() });
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

/** Sends raw bytes and gives everything that comes back until the peer ends. */
function exchange(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = dial();
    let answer = '';
    socket.on('data', (part) => {
      answer += part.toString('latin1');
    });
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}

function post(body: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: '127.0.0.1', port: port(), method: 'POST', path: '/x?a=1&a=2', agent: false },
      (answer) => {
        let text = '';
        answer.on('data', (part) => {
          text += part;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('the HTTP listener', () => {
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await listener.stop();
  });

  test('goes on when the system cannot accept a connection', async () => {
    const create = mock.method(http, 'createServer');
    await open();
    const server = create.mock.calls[0]?.result as Server;
    create.mock.restore();
    // What libuv reports when no file descriptor is left.
    for (let round = 0; round < 3; round++) server.emit('error', new RangeError('accept EMFILE'));
    assert.equal((await post('{}')).status, 200);
  });

  test('hands a request over as a value', async () => {
    const seen: Request[] = [];
    await open(async (request) => {
      seen.push(request);
      return jsonResponse({ fine: true });
    });
    assert.deepEqual(await post('{}'), { status: 200, body: '{"fine":true}' });
    assert.equal(seen[0]?.method, 'POST');
    assert.equal(seen[0]?.path, '/x');
    assert.equal(seen[0]?.query.get('a'), '1', 'the first value of a parameter counts');
    assert.equal(seen[0]?.clientCertificate, undefined);
  });

  test('refuses a body over the limit, announced or streamed, and serves the next', async () => {
    await open();
    const announced = await exchange(
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\nfirst bytes',
    );
    assert.match(announced, /^HTTP\/1\.1 413 /);
    assert.match(announced, /"RequestBodyTooLarge"/);
    assert.match(announced, /limited to 1000 bytes/);
    const chunk = `400\r\n${'x'.repeat(0x400)}\r\n`;
    const streamed = await exchange(
      `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`,
    );
    assert.match(streamed, /^HTTP\/1\.1 413 /);
    assert.equal((await post('{}')).status, 200);
  });

  test('refuses headers over the limit, and what is not HTTP', async () => {
    await open();
    const large = await exchange(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(5000)}\r\n\r\n`);
    assert.match(large, /^HTTP\/1\.1 431 RequestHeaderTooLarge\r\n/);
    assert.match(large, /"RequestHeaderTooLarge".*limited to 4096 bytes/);
    const nonsense = await exchange('\x16\x03\x01 this is no HTTP\r\n\r\n');
    assert.match(nonsense, /^HTTP\/1\.1 400 InvalidInput\r\ncontent-type: text\/plain/);
    assert.equal((await post('{}')).status, 200);
  });

  test('refuses a path that is not well-formed', async () => {
    await open();
    const answer = await exchange('GET /%ff%fe HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /"InvalidInput"/);
  });

  test('serves others while a client is slow', async () => {
    await open();
    const slow = dial();
    slow.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf');
    const silentOne = dial();
    silentOne.write('');
    assert.equal((await post('{}')).status, 200);
    slow.destroy();
    assert.equal((await post('{}')).status, 200);
  });

  test('drops connections over the limit and serves again when one ends', async () => {
    await open(undefined, { sessionsMax: 3 });
    const held = [dial(), dial(), dial()];
    await Promise.all(held.map((one) => new Promise((done) => one.once('connect', done))));
    await assert.rejects(post('{}'));
    held[0]?.destroy();
    await new Promise((done) => setImmediate(done));
    for (let attempt = 0; ; attempt++) {
      const answer = await post('{}').catch(() => undefined);
      if (answer) break;
      assert.ok(attempt < 100, 'a freed place is used again');
    }
  });

  test('tells connections over the soft limit so, and ends them', async () => {
    await open(undefined, { sessionsSoftMax: 2 });
    const held = [dial(), dial()];
    await Promise.all(held.map((one) => new Promise((done) => one.once('connect', done))));
    const surplus = await exchange('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    assert.match(surplus, /^HTTP\/1\.1 503 /);
    assert.match(surplus, /"SessionCapExhausted".*serves 2 connections/);
    held[0]?.destroy();
    await new Promise((done) => held[0]?.once('close', done));
    for (let attempt = 0; (await post('{}')).status !== 200; attempt++) assert.ok(attempt < 100);
  });

  test('says in a sentence that a port is taken', async () => {
    await open();
    await assert.rejects(
      listen({
        configuration: { ...configuration, port: port() },
        identity: undefined,
        answer: async () => jsonResponse({}),
      }),
      { code: 'AddressInUse', message: /^Port \d+ is taken: stop the other program/ },
    );
  });

  test('stops with connections open and a request half-way', async () => {
    await open();
    const idle = dial();
    await new Promise((done) => idle.once('connect', done));
    const half = dial();
    half.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf');
    await post('{}');
    await listener.stop();
    await new Promise((done) => setImmediate(done));
    const { active, peak, hardMax } = listener.connections();
    assert.deepEqual([active, peak, hardMax], [0, 3, 50]);
  });
});
