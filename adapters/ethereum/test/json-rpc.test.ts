/** JSON-RPC 2.0 as a protocol: envelopes, batches, notifications, limits, HTTP and web pages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8Decode } from '@coco/base';
import { alice, bob, chainId, createNetwork, requestOf, respond } from './network.ts';

async function answerTo(body: string, limits = {}): Promise<unknown> {
  const { post } = createNetwork({ limits });
  const { status, body: answer } = await post(body);
  assert.equal(status, 200);
  const text = utf8Decode(answer);
  return text === '' ? undefined : JSON.parse(text);
}

const failure = (code: number, message: string, id: unknown = null) => ({
  jsonrpc: '2.0',
  id,
  error: { code, message },
});
const call = (method: string, params?: unknown, id: unknown = 7): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

test('what is not JSON is a parse error', async () => {
  for (const body of ['', '{', '{"a":1,}', 'null x', '\u0000']) {
    assert.deepEqual(await answerTo(body), failure(-32700, 'parse error'));
  }
});

test('a body beyond its size or nesting is a parse error that names the limit', async () => {
  const deep = `${'['.repeat(17)}${']'.repeat(17)}`;
  assert.deepEqual(
    await answerTo(deep),
    failure(-32700, 'parse error: JSON nests at most 16 deep.'),
  );
  assert.deepEqual(
    await answerTo(call('eth_chainId'), { bodyBytesMax: 20 }),
    failure(-32700, 'parse error: JSON is limited to 20 bytes.'),
  );
});

test('JSON that is no request is invalid', async () => {
  const bodies = [
    '1',
    'null',
    '{}',
    '{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}',
    '{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}',
    '{"jsonrpc":"2.0","id":1,"method":7}',
  ];
  for (const body of bodies) {
    const { error } = (await answerTo(body)) as { error: unknown };
    assert.deepEqual(error, { code: -32600, message: 'invalid request' });
  }
});

test('an unknown method is named, cut to a bound', async () => {
  assert.deepEqual(
    await answerTo(call('eth_mine')),
    failure(-32601, 'the method eth_mine does not exist/is not available', 7),
  );
  const { error } = (await answerTo(call('x'.repeat(10_000)))) as { error: { message: string } };
  assert.ok(error.message.length < 200);
  for (const name of ['constructor', '__proto__', 'toString']) {
    assert.match(JSON.stringify(await answerTo(call(name))), /-32601/);
  }
});

test('the id comes back as it came', async () => {
  for (const id of [0, 1.5, 'x', null, 9007199254740991]) {
    assert.deepEqual(await answerTo(call('eth_chainId', [], id)), {
      jsonrpc: '2.0',
      id,
      result: '0x539',
    });
  }
});

test('a notification is not answered, whether it succeeds or fails', async () => {
  assert.equal(await answerTo('{"jsonrpc":"2.0","method":"eth_chainId"}'), undefined);
  assert.equal(await answerTo('{"jsonrpc":"2.0","method":"nope"}'), undefined);
  assert.equal(await answerTo('[{"jsonrpc":"2.0","method":"eth_chainId"}]'), undefined);
});

test('a batch is answered call by call, in order, failures included', async () => {
  const body = `[${call('eth_chainId', [], 1)},{"jsonrpc":"2.0","method":"eth_chainId"},1,${call('nope', [], 2)}]`;
  assert.deepEqual(await answerTo(body), [
    { jsonrpc: '2.0', id: 1, result: '0x539' },
    failure(-32600, 'invalid request'),
    failure(-32601, 'the method nope does not exist/is not available', 2),
  ]);
});

test('a call of a batch sees what the calls before it wrote', async () => {
  const raws = await Promise.all(
    [0, 1].map((nonce) =>
      alice.signTransaction({ type: 'eip1559', chainId, nonce, gas: 21_000n, to: bob.address }),
    ),
  );
  const count = call('eth_getTransactionCount', [alice.address, 'pending'], 9);
  const sends = raws.map((raw, at) => call('eth_sendRawTransaction', [raw], at));
  const answers = await answerTo(`[${count},${sends[0]},${count},${sends[1]},${count}]`);
  const counts = (answers as { id: number; result: string }[]).filter(({ id }) => id === 9);
  assert.deepEqual(
    counts.map(({ result }) => result),
    ['0x0', '0x1', '0x2'],
  );
});

test('a batch has bounds: at least one call, at most so many, so many bytes of answers', async () => {
  assert.deepEqual(await answerTo('[]'), failure(-32600, 'empty batch'));
  const many = `[${Array.from({ length: 3 }, () => call('eth_chainId')).join(',')}]`;
  assert.deepEqual(
    await answerTo(many, { batchCallsMax: 2 }),
    failure(-32600, 'batch too large: at most 2 calls'),
  );
  const answers = await answerTo(many, { responseBytesMax: 90 });
  assert.deepEqual((answers as unknown[]).length, 3);
  assert.deepEqual(
    (answers as unknown[])[2],
    failure(-32003, 'response too large: at most 90 bytes', 7),
  );
  assert.deepEqual(
    await answerTo(call('web3_clientVersion'), { responseBytesMax: 20 }),
    failure(-32003, 'response too large: at most 20 bytes', 7),
  );
});

test('parameters are refused with the argument named', async () => {
  const cases: [string, unknown, string][] = [
    ['eth_getBalance', [], 'missing value for required argument 0'],
    ['eth_getBalance', [null], 'missing value for required argument 0'],
    ['eth_getBalance', { address: '0x' }, 'non-array args'],
    ['eth_chainId', [1], 'too many arguments, want at most 0'],
    ['eth_getBalance', ['22'.repeat(20)], 'invalid argument 0: hex string without 0x prefix'],
    [
      'eth_getBalance',
      ['0x22'],
      'invalid argument 0: hex string has length 2, want 40 for address',
    ],
    ['eth_getBalance', [7], 'invalid argument 0: not a string'],
    [
      'eth_getBlockByNumber',
      ['0x01', false],
      'invalid argument 0: hex number with leading zero digits',
    ],
    ['eth_getBlockByNumber', ['newest', false], 'invalid argument 0: hex string without 0x prefix'],
    ['eth_getBlockByNumber', ['0x10000000000000000'], 'invalid argument 0: hex number > 64 bits'],
    ['eth_getBlockByNumber', ['0x1', 'yes'], 'invalid argument 1: not a boolean'],
    ['web3_sha3', ['0x123'], 'invalid argument 0: hex string of odd length'],
    ['eth_sendRawTransaction', ['0xzz'], 'invalid argument 0: invalid hex string'],
    ['eth_call', ['0x'], 'invalid argument 0: not an object'],
    [
      'eth_call',
      [{ gasPrice: '0x1', maxFeePerGas: '0x1' }],
      'invalid argument 0: both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified',
    ],
    ['eth_getLogs', [{ topics: [[], [], [], [], []] }], 'exceed max topics'],
  ];
  for (const [method, params, message] of cases) {
    assert.deepEqual(await answerTo(call(method, params)), failure(-32602, message, 7));
  }
});

test('raw transactions that do not decode are refused', async () => {
  for (const raw of ['0x', '0x00', '0xc0', '0x02', '0x02c0', `0x${'ff'.repeat(100)}`]) {
    const { error } = (await answerTo(call('eth_sendRawTransaction', [raw]))) as {
      error: { code: number };
    };
    assert.equal(error.code, -32000, raw);
  }
});

test('only JSON bodies are taken, and GET says what this is', async () => {
  const { post, host } = createNetwork();
  const refused = await post(call('eth_chainId'), { 'content-type': 'text/plain' });
  assert.equal(refused.status, 415);
  assert.match(utf8Decode(refused.body), /JsonRpcUnsupportedMediaType/);
  const utf8 = await post(call('eth_chainId'), {
    'content-type': 'application/json; charset=utf-8',
  });
  assert.equal(utf8.status, 200);
  const greeting = await respond(host, requestOf('GET', new Uint8Array(0)));
  assert.match(utf8Decode(greeting.body), /Ethereum, chain 1337/);
});

test('a web page may call from loopback or a configured origin only', async () => {
  const { post, host } = createNetwork({ allowedOrigins: ['https://wallet.example'] });
  const originOf = async (origin: string): Promise<unknown> => {
    const { status, headers } = await post(call('eth_chainId'), { origin });
    return status === 200 ? headers['access-control-allow-origin'] : status;
  };
  for (const origin of ['http://localhost:5173', 'http://127.0.0.1', 'https://wallet.example']) {
    assert.equal(await originOf(origin), origin);
  }
  for (const origin of [
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil',
  ]) {
    assert.equal(await originOf(origin), 403);
  }
  const preflight = async (origin: string): Promise<number> =>
    (await respond(host, requestOf('OPTIONS', new Uint8Array(0), [['origin', origin]]))).status;
  assert.equal(await preflight('http://localhost:5173'), 204);
  assert.equal(await preflight('https://evil.example'), 403);
});
