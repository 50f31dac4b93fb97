import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { utf8Decode } from '@coco/base';
import type { Caller, Channel, Request } from '@coco/endpoint';
import { emptyResponse, jsonResponse } from '@coco/endpoint';
import { WebSocket } from 'ws';
import {
  type ChannelLimits,
  type ChannelOpening,
  type HttpListener,
  httpError,
  listen,
} from '../src/index.ts';

const limits: ChannelLimits = {
  channelsMax: 3,
  messageBytesMax: 1000,
  unreadBytesMax: 100_000,
  messagesAtOnceMax: 2,
};
const stranger: Caller = { policy: 'no_auth' };

/** What the test's endpoint does, and what came of it. */
class Endpoint {
  caller: Caller | undefined = stranger;
  channel: Channel | undefined;
  readonly requests: Request[] = [];
  closed = 0;
  readonly answer: (text: string) => Promise<string | undefined>;

  constructor(answer: (text: string) => Promise<string | undefined>) {
    this.answer = answer;
  }

  open(request: Request): ChannelOpening {
    this.requests.push(request);
    if (request.path === '/none') return { kind: 'response', response: emptyResponse(401) };
    if (request.path === '/throws') throw httpError('SessionCapExhausted', 'No more.');
    return {
      kind: 'open',
      caller: () => this.caller,
      accept: (channel) => {
        this.channel = channel;
        return {
          onMessage: (message) => this.answer(utf8Decode(message)),
          onClosed: () => {
            this.closed++;
          },
        };
      },
    };
  }
}

let listener: HttpListener;
const clients: WebSocket[] = [];

async function serve(
  answer: (text: string) => Promise<string | undefined> = async (text) => `answer to ${text}`,
  changes: Partial<ChannelLimits> = {},
): Promise<Endpoint> {
  const endpoint = new Endpoint(answer);
  listener = await listen({
    configuration: {
      name: 'test',
      host: '127.0.0.1',
      port: 0,
      sessionsSoftMax: 45,
      sessionsMax: 50,
      bodyBytesMax: 1000,
      headerBytesMax: 4096,
      channels: { ...limits, ...changes },
    },
    identity: undefined,
    answer: async () => jsonResponse({ plain: true }),
    openChannel: (request) => endpoint.open(request),
  });
  return endpoint;
}

function dial(path = '/'): WebSocket {
  const client = new WebSocket(`ws://${listener.address}${path}`);
  client.on('error', () => {});
  clients.push(client);
  return client;
}

async function opened(path = '/'): Promise<WebSocket> {
  const client = dial(path);
  await new Promise((resolve) => client.once('open', resolve));
  return client;
}

const nextText = (client: WebSocket): Promise<string> =>
  new Promise((resolve) => client.once('message', (data) => resolve(String(data))));

const ended = (client: WebSocket): Promise<{ code: number; reason: string }> =>
  new Promise((resolve) =>
    client.once('close', (code, reason) => resolve({ code, reason: String(reason) })),
  );

const refusal = (client: WebSocket): Promise<number | undefined> =>
  new Promise((resolve) =>
    client.once('unexpected-response', (_, answer) => resolve(answer.statusCode)),
  );

describe('channels of an interface', () => {
  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate();
    await listener.stop();
  });

  test('carry messages, answers and notifications on the port of HTTP', async () => {
    const endpoint = await serve();
    const client = await opened('/x?a=1');
    client.send('one');
    assert.equal(await nextText(client), 'answer to one');
    client.send(Buffer.from('bytes'));
    assert.equal(await nextText(client), 'answer to bytes');
    const told = nextText(client);
    endpoint.channel?.notify('news');
    assert.equal(await told, 'news');
    assert.equal(endpoint.requests[0]?.path, '/x');
    assert.equal(endpoint.requests[0]?.query.get('a'), '1');
    assert.equal(listener.channelCount(), 1);
    client.close();
    await ended(client);
  });

  test('are refused before they open, as a request is', async () => {
    await serve();
    assert.equal(await refusal(dial('/none')), 401);
    assert.equal(await refusal(dial('/throws')), 503);
    await Promise.all([opened(), opened(), opened()]);
    assert.equal(await refusal(dial()), 503);
  });

  test('leave other protocols that a request offers to HTTP', async () => {
    await serve();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = httpRequest(
        `http://${listener.address}/`,
        { headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' } },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
    assert.equal(status, 200);
  });

  test('take no message above the limit, and no message in endless pieces', async () => {
    await serve(undefined, { messageBytesMax: 5000 });
    const large = await opened();
    large.send('x'.repeat(5001));
    assert.equal((await ended(large)).code, 1009);
    const pieces = await opened();
    for (let count = 0; count < 2000; count++) pieces.send('x', { fin: false });
    assert.equal((await ended(pieces)).code, 1008);
  });

  test('take up so many messages at a time, in their order', async () => {
    const begun: string[] = [];
    const finish: (() => void)[] = [];
    await serve(async (text) => {
      begun.push(text);
      await new Promise<void>((resolve) => finish.push(resolve));
      return text;
    });
    const client = await opened();
    for (const text of ['a', 'b', 'c', 'd']) client.send(text);
    const came: string[] = [];
    client.on('message', (data) => came.push(String(data)));
    const until = async (count: number): Promise<void> => {
      while (begun.length < count) await new Promise((resolve) => setImmediate(resolve));
    };
    await until(2);
    assert.deepEqual(begun, ['a', 'b']);
    finish[1]?.();
    await until(3);
    assert.deepEqual(begun, ['a', 'b', 'c']);
    for (const end of finish) end();
    await until(4);
    finish[3]?.();
    while (came.length < 4) await nextText(client);
    assert.deepEqual(came.sort(), ['a', 'b', 'c', 'd']);
  });

  test('end a client that does not read what it is told', async () => {
    const endpoint = await serve();
    const client = await opened();
    client.pause();
    const news = 'x'.repeat(50_000);
    for (let count = 0; count < 2000; count++) {
      endpoint.channel?.notify(news);
      if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    client.resume();
    const { code, reason } = await ended(client);
    assert.deepEqual([code, reason], [1008, 'More than 100000 bytes were left unread.']);
    while (endpoint.closed === 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('end when what the client proved holds no more', async () => {
    const endpoint = await serve();
    const client = await opened();
    endpoint.caller = undefined;
    client.send('still me?');
    assert.equal((await ended(client)).code, 1008);
    assert.equal(endpoint.channel?.caller(), undefined);
    endpoint.channel?.notify('nothing more is sent');
  });

  test('end with the node, and with its part in the network', async () => {
    const endpoint = await serve();
    const first = await opened();
    const firstEnd = ended(first);
    listener.closeChannels('This node is not part of the network any more.');
    assert.equal((await firstEnd).code, 1001);
    const second = await opened();
    const secondEnd = ended(second);
    await listener.stop();
    assert.deepEqual(await secondEnd, { code: 1001, reason: 'The node stops.' });
    assert.equal(endpoint.closed, 2);
  });

  test('are refused where the handshake is none', async () => {
    await serve();
    const answer = await new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: Number(listener.address.split(':')[1]) });
      let text = '';
      socket.on('data', (part) => {
        text += part.toString('latin1');
      });
      socket.on('close', () => resolve(text));
      socket.write(
        'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
          'sec-websocket-version: 13\r\n\r\n',
      );
    });
    assert.match(answer, /^HTTP\/1\.1 400 /);
  });
});
