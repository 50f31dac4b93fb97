/** Transactions that a backup takes: handed to the primary, kept until they are decided. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LedgerError, utf8Encode } from '@coco/base';
import { type Endpoint, jsonResponse, type Request, type Response } from '@coco/endpoint';
import type { Hex, TransactionSerializable } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { alice, bob, chainId, createNetwork, type Network, requestOf, respond } from './network.ts';

const node = { policy: 'node_cert', id: 'ab'.repeat(32), certificate: new Uint8Array(0) } as const;
const isHash = /^0x[0-9a-f]{64}$/;

function sign(fields: Partial<TransactionSerializable> & { nonce: number }): Promise<Hex> {
  const whole = { type: 'eip1559', chainId, gas: 21_000n, to: bob.address, ...fields };
  return alice.signTransaction(whole as TransactionSerializable);
}

interface Pair {
  readonly primary: Network;
  readonly backup: Network;
  /** Calls that reached the primary. */
  readonly calls: number[];
}

/** Two nodes of one chain; the second is a backup whose calls reach the first. */
function createPair(options: Parameters<typeof createNetwork>[0] = {}): Pair {
  const [primary, backup] = [
    createNetwork(options, { isAutomatic: false }),
    createNetwork(options, { isAutomatic: false }),
  ];
  backup.host.loseOffice();
  const calls: number[] = [];
  connect(backup, primary, calls);
  return { primary, backup, calls };
}

function connect(backup: Network, primary: Network, calls: number[] = []): void {
  backup.host.answerAsPrimary = (request) => {
    calls.push(JSON.parse(Buffer.from(request.body).toString()).transactions.length);
    return relayTo(primary, request);
  };
}

function relayTo({ host }: Network, request: Request): Promise<Response> {
  return respond(host, request, node);
}

function cut(backup: Network): void {
  backup.host.answerAsPrimary = async () => undefined;
}

/** Lets timers and promises run. */
async function pass({ host }: Network, ms: number, stepMs: number = 25): Promise<void> {
  for (let left = ms; left >= 0; left -= stepMs) {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    await new Promise((done) => setImmediate(done));
    host.clock.advance(stepMs);
  }
}

/** Sends to a node and lets what follows happen; the hash, or the error's text. */
async function send(network: Network, raw: Hex, ms: number = 100): Promise<string> {
  const asked = network.rpc('eth_sendRawTransaction', raw);
  await pass(network, ms);
  const { result, error } = await asked;
  return result ?? `${error?.code} ${error?.message}`;
}

const statusOn = async ({ rpc }: Network, hash: string): Promise<string | undefined> =>
  (await rpc('eth_getTransactionReceipt', hash)).result?.status;
const pendingOn = async ({ rpc }: Network, hash: string): Promise<boolean> =>
  (await rpc('eth_getTransactionByHash', hash)).result?.blockNumber === null;
const nonceOn = async ({ rpc }: Network): Promise<string> =>
  (await rpc('eth_getTransactionCount', alice.address, 'pending')).result;

suite('a transaction sent to a backup', () => {
  test('goes to the primary together with those of its body', async () => {
    const { primary, backup, calls } = createPair();
    const raws = await Promise.all([0, 1, 2, 3, 4].map((nonce) => sign({ nonce })));
    const body = raws.map((raw, id) => {
      return { jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: [raw] };
    });
    const bytes = utf8Encode(JSON.stringify(body));
    const asked = respond(
      backup.host,
      requestOf('POST', bytes, [['content-type', 'application/json']]),
    );
    await pass(backup, 100);
    const answers = JSON.parse(Buffer.from((await asked).body).toString()) as { result: string }[];
    assert.equal(answers.length, 5);
    for (const { result } of answers) assert.match(result, isHash);
    assert.equal(await nonceOn(primary), '0x5');
    assert.deepEqual(calls, [5], 'one call carries all of them');
  });

  test('is executed by the primary, and pending here until its block is here', async () => {
    const { primary, backup } = createPair();
    const hash = await send(backup, await sign({ nonce: 0 }));
    assert.match(hash, isHash);
    assert.ok(await pendingOn(primary, hash));
    assert.ok(await pendingOn(backup, hash));
    assert.equal(await nonceOn(backup), '0x1', 'the next one gets the next nonce');
    primary.host.settle();
    backup.host.follow(primary.host);
    assert.equal(await statusOn(backup, hash), '0x1');
    assert.equal(await nonceOn(backup), '0x1');
  });

  test('goes with others in one call, in the order in which they came', async () => {
    const { primary, backup, calls } = createPair();
    const raws = await Promise.all([0, 1, 2, 3].map((nonce) => sign({ nonce })));
    const asked = raws.map((raw) => backup.rpc('eth_sendRawTransaction', raw));
    await pass(backup, 100);
    for (const { result } of await Promise.all(asked)) assert.match(result, isHash);
    assert.deepEqual(calls, [4]);
    assert.equal(await nonceOn(primary), '0x4');
  });

  test('does not wait while others wait for their blocks', async () => {
    const { backup, calls } = createPair();
    await send(backup, await sign({ nonce: 0 }), 200);
    const asked = backup.rpc('eth_sendRawTransaction', await sign({ nonce: 1 }));
    for (let ms = 0; ms < 20; ms++) await pass(backup, 0, 1);
    assert.match((await asked).result ?? '', isHash);
    assert.deepEqual(calls, [1, 1]);
  });

  test('is awaited at the primary, too, when its client waits for the commit', async () => {
    const { primary, backup } = createPair();
    const awaited: number[] = [];
    const whenDecided = primary.host.whenDecided.bind(primary.host);
    primary.host.whenDecided = (id) => {
      awaited.push(id.seqno);
      return whenDecided(id);
    };
    await send(backup, await sign({ nonce: 0 }));
    assert.deepEqual(awaited, []);
    const asked = backup.rpc('eth_sendRawTransactionSync', await sign({ nonce: 1 }));
    await pass(backup, 100);
    assert.equal(awaited.length, 1);
    primary.host.settle();
    backup.host.follow(primary.host);
    assert.equal((await asked).result?.status, '0x1');
  });

  test('is refused in the primary’s words, and not kept', async () => {
    const { backup } = createPair();
    const answer = await send(backup, await sign({ nonce: 0, value: 10n ** 25n }));
    assert.match(answer, /^-32000 insufficient funds for gas \* price \+ value/);
    assert.equal(await nonceOn(backup), '0x0');
    assert.match(await send(backup, await sign({ nonce: 0, chainId: 5 })), /invalid chain id/);
    assert.match(await send(backup, '0x01'), /^-32/);
  });

  test('is kept while there is no primary, and handed over when there is one', async () => {
    const { primary, backup } = createPair();
    cut(backup);
    const hash = await send(backup, await sign({ nonce: 0 }), 3_100);
    assert.match(hash, isHash);
    assert.ok(await pendingOn(backup, hash));
    assert.match(await send(backup, await sign({ nonce: 0 })), /already known/);
    connect(backup, primary);
    await pass(backup, 100);
    assert.ok(await pendingOn(primary, hash));
  });

  test('is not lost or doubled with the answer', async () => {
    const { primary, backup } = createPair();
    backup.host.answerAsPrimary = async (request) => {
      await relayTo(primary, request);
      const meaning = 'lost';
      throw new LedgerError('NodeAnswerLost', { kind: 'fault', status: 504, meaning }, '', {}, 0);
    };
    const hash = await send(backup, await sign({ nonce: 0 }), 3_100);
    assert.match(hash, isHash);
    primary.host.settle();
    // It is in a block that is not here yet: the primary says that the nonce is used.
    connect(backup, primary);
    await pass(backup, 200);
    assert.ok(await pendingOn(backup, hash));
    backup.host.follow(primary.host);
    assert.equal(await statusOn(backup, hash), '0x1');
    assert.equal(await nonceOn(primary), '0x1');
  });

  test('goes to the next primary when the first one is lost with what it executed', async () => {
    const { backup } = createPair();
    const [lost, next] = [createNetwork({}, { isAutomatic: false }), createNetwork()];
    connect(backup, lost);
    const hashes = [];
    for (const nonce of [0, 1]) hashes.push(await send(backup, await sign({ nonce })));
    cut(backup);
    next.host.loseOffice();
    next.host.gainOffice();
    connect(backup, next);
    // The opening of the new view commits before anything of it.
    backup.host.follow(next.host);
    await pass(backup, 200);
    next.host.settle();
    backup.host.follow(next.host);
    for (const hash of hashes) assert.equal(await statusOn(backup, hash), '0x1');
  });

  test('is handed over again after a while to a primary that forgot it', async () => {
    const { backup, calls } = createPair();
    await send(backup, await sign({ nonce: 0 }));
    await pass(backup, 4_000);
    assert.deepEqual(calls, [1]);
    await pass(backup, 2_000);
    assert.deepEqual(calls, [1, 1]);
  });

  test('is executed here when this node becomes the primary', async () => {
    const { backup } = createPair();
    cut(backup);
    const hashes = [];
    for (const nonce of [1, 0]) hashes.push(await send(backup, await sign({ nonce }), 3_100));
    backup.host.gainOffice();
    backup.host.settle();
    for (const hash of hashes) assert.equal(await statusOn(backup, hash), '0x1');
  });

  test('is answered with its receipt where that is asked for', async () => {
    const { primary, backup } = createPair();
    const asked = backup.rpc('eth_sendRawTransactionSync', await sign({ nonce: 0 }));
    await pass(backup, 50);
    primary.host.settle();
    backup.host.follow(primary.host);
    assert.equal((await asked).result.status, '0x1');
    const refused = backup.rpc(
      'eth_sendRawTransactionSync',
      await sign({ nonce: 1, value: 10n ** 25n }),
    );
    await pass(backup, 50);
    assert.match((await refused).error?.message ?? '', /insufficient funds/);
  });

  test('is dropped when another one took its nonce', async () => {
    const { primary, backup } = createPair();
    cut(backup);
    const hash = await send(backup, await sign({ nonce: 0 }), 3_100);
    const asked = backup.rpc('eth_sendRawTransactionSync', await sign({ nonce: 5 }));
    await primary.rpc('eth_sendRawTransaction', await sign({ nonce: 0, value: 7n }));
    primary.host.settle();
    backup.host.follow(primary.host);
    await pass(backup, 5_100);
    assert.ok(!(await pendingOn(backup, hash)));
    await pass(backup, 30_000);
    assert.match((await asked).error?.message ?? '', /wasn't processed in 30s/);
  });

  test('is refused when too many wait', async () => {
    const { backup } = createPair({ limits: { queuedPerSenderMax: 2 } });
    cut(backup);
    for (const nonce of [0, 1])
      assert.match(await send(backup, await sign({ nonce }), 3_100), isHash);
    assert.match(await send(backup, await sign({ nonce: 2 })), /account limit exceeded/);
  });

  test('reaches a primary that is busy later', async () => {
    const { primary, backup } = createPair();
    const busy = { kind: 'fault', status: 503, meaning: 'busy' } as const;
    primary.host.refuseWrites(new LedgerError('DiskFull', busy, 'no room', {}, undefined));
    const hash = await send(backup, await sign({ nonce: 0 }), 3_100);
    assert.match(hash, isHash);
    primary.host.refuseWrites(undefined);
    await pass(backup, 200);
    assert.ok(await pendingOn(primary, hash));
  });
});

test('a deposed primary hands over what it had executed in vain', async () => {
  const [deposed, next] = [createNetwork({}, { isAutomatic: false }), createNetwork()];
  const hash = await send(deposed, await sign({ nonce: 0 }));
  connect(deposed, next);
  deposed.host.loseOffice();
  await pass(deposed, 100);
  await pass(next, 25);
  deposed.host.follow(next.host);
  assert.equal(await statusOn(deposed, hash), '0x1');
});

suite('the relay endpoint', () => {
  test('is for nodes of the service', () => {
    const { host } = createNetwork();
    const relay = host.adapter.endpoints.find(({ path }) => path === '/ethereum/relay') as Endpoint;
    assert.deepEqual(relay.authentication, ['node_cert']);
  });

  test('refuses what has not its form', async () => {
    const { host } = createNetwork();
    const bodies = [
      { transactions: [1], awaited: [] },
      { transactions: ['zz'], awaited: [] },
      { transactions: ['00'] },
      { transactions: ['00'], awaited: [0, 0] },
      { transactions: Array(257).fill('00'), awaited: [] },
    ].map((value) => JSON.stringify(value));
    for (const body of ['{}', '[]', '[', ...bodies]) {
      const request = { ...requestOf('POST', utf8Encode(body)), path: '/ethereum/relay' };
      await assert.rejects(respond(host, request, node), LedgerError, body);
    }
  });

  test('whose answer has not its form is asked again', async () => {
    const { primary, backup } = createPair();
    const answers = [[], [1], [{ code: 'x' }], {}, [null, null]];
    backup.host.answerAsPrimary = async (request) => {
      const answer = answers.shift();
      return answer ? jsonResponse(answer) : relayTo(primary, request);
    };
    const stranger = privateKeyToAccount(`0x${'c3'.repeat(32)}`);
    assert.match(await send(backup, await sign({ nonce: 0, to: stranger.address }), 500), isHash);
    assert.equal(answers.length, 0);
    assert.equal(await nonceOn(primary), '0x1');
  });
});
