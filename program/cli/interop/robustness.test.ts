/**
 * A real sandbox against clients that mean it no good: slow, half-open and idle ones, oversized and
 * deeply nested bodies, huge batches, contracts that loop or eat memory, answers beyond limits.
 * After each the node still answers, its memory is bounded, and what it refused names the limit.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { isJsonObject, type JsonValue } from '@coco/base';
import { answerJson, type Client } from '@coco/sdk';
import { getContractAddress, type Hex } from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { connectToSandbox } from '../src/sandbox-client.ts';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { conversation, send } from './raw-socket.ts';
import { pause, SandboxProcess } from './sandbox-process.ts';

/** A bystander's request takes at most so long while something hostile goes on. */
const answerMsMax = 3_000;
/** What a node may take beyond what it took when it started; garbage not yet collected counts. */
const grownBytesMax = 700 * 1024 * 1024;
/** Two seconds, and one for a busy machine. */
const stopMsMax = 3_000;
const hundredMegabytes = 100 * 1024 * 1024;

interface RpcAnswer {
  readonly result?: JsonValue;
  readonly error?: { readonly code: number; readonly message: string };
}

describe('a sandbox under hostile clients', () => {
  let folder: string;
  let sandbox: SandboxProcess;
  let client: Client;
  let rpcUrl: string;
  let httpsAddress: { host: string; port: number };
  let rpcAddress: { host: string; port: number };
  let account: PrivateKeyAccount;
  let rssAtStart = 0;
  let nonce = 0;
  const sockets: Socket[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-robust-'));
    sandbox = SandboxProcess.spawn(folder);
    rpcUrl = await sandbox.opened();
    const place = new SandboxFolder(folder);
    const nodes = await place.addresses();
    client = await connectToSandbox(place, nodes);
    const addressOf = (url: string) => {
      const { hostname, port } = new URL(url);
      return { host: hostname, port: Number(port) };
    };
    httpsAddress = addressOf(nodes[0].httpsUrl);
    rpcAddress = addressOf(rpcUrl);
    const [first] = await place.readAccounts();
    assert.ok(first);
    account = privateKeyToAccount(first.privateKey);
    rssAtStart = (await metrics()).rssBytes;
  });
  after(async () => {
    client?.close();
    for (const socket of sockets) socket.destroy();
    await sandbox?.kill();
    await rm(folder, { recursive: true, force: true });
  });

  async function metrics(): Promise<{ rssBytes: number; sessions: number }> {
    const value = answerJson(await client.request({ path: '/node/metrics' }));
    assert.ok(isJsonObject(value) && isJsonObject(value.sessions));
    return { rssBytes: Number(value.memory_rss_bytes), sessions: Number(value.sessions.active) };
  }

  async function post(body: string): Promise<{ status: number; text: string }> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(rpcUrl, { method: 'POST', headers, body });
    return { status: response.status, text: await response.text() };
  }

  async function rpc(method: string, ...params: JsonValue[]): Promise<RpcAnswer> {
    const { text } = await post(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
    return JSON.parse(text) as RpcAnswer;
  }

  /** Both ports answer a bystander in time, and memory has not run away. */
  async function assertHealthy(context: TestContext): Promise<void> {
    const beganMs = performance.now();
    assert.equal((await rpc('eth_chainId')).result, `0x${sandboxDefaults.chainId.toString(16)}`);
    const { rssBytes } = await metrics();
    const tookMs = performance.now() - beganMs;
    const grown = rssBytes - rssAtStart;
    context.diagnostic(
      `answered in ${tookMs.toFixed(0)} ms, memory grew by ${(grown / 1e6).toFixed(0)} MB`,
    );
    assert.ok(tookMs < answerMsMax, `a bystander waited ${tookMs.toFixed(0)} ms`);
    assert.ok(grown < grownBytesMax, `memory grew by ${grown} bytes`);
  }

  function dial(address: { host: string; port: number }): Socket {
    const socket = connect({ ...address, allowHalfOpen: true });
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  }

  /** A TLS connection whose handshake is done. */
  async function dialTls(): Promise<Socket> {
    const ca = await readFile(join(folder, 'node0', 'service_cert.pem'), 'utf8');
    const socket = connectTls({ ...httpsAddress, ca });
    socket.on('error', () => {});
    sockets.push(socket);
    await new Promise((done) => socket.once('secureConnect', done));
    return socket;
  }

  test('2,000 idle connections a port, handshakes unfinished, are dropped in time', async (context) => {
    const held: Socket[] = [];
    // The first bytes of a TLS record that never comes to an end.
    const hello = Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03);
    for (let at = 0; at < 2_000; at++) {
      const tls = dial(httpsAddress);
      if (at % 2 === 0) tls.write(hello);
      const plain = dial(rpcAddress);
      if (at % 2 === 0) plain.write('POST / HTTP/1.1\r\nhost: a\r\nconte');
      held.push(tls, plain);
      if (at % 100 === 99) await new Promise((done) => plain.once('connect', done));
    }
    await assertHealthy(context);
    const { sessions } = await metrics();
    assert.ok(sessions >= 3_900, `${sessions} connections are open`);
    const closed = Promise.all(
      held.map((socket) => socket.closed || new Promise((done) => socket.once('close', done))),
    );
    // Whoever is told goodbye must hang up, too: these clients do, at the end.
    for (const socket of held) {
      socket.on('end', () => socket.destroy());
      socket.resume();
    }
    const outcome = await Promise.race([closed.then(() => 'closed'), pause(25_000)]);
    assert.equal(outcome, 'closed', `${(await metrics()).sessions} connections are left`);
    await assertHealthy(context);
    assert.ok((await metrics()).sessions < 100);
  });

  test('slow and half-open clients are told the limit and dropped', async (context) => {
    const drip = conversation(dial(rpcAddress), async (isOver) => {
      const [socket] = sockets.slice(-1);
      const text = 'POST / HTTP/1.1\r\nhost: a\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
      for (const byte of text) {
        if (isOver()) return;
        socket?.write(byte);
        await pause(300);
      }
    });
    const secure = await dialTls();
    const halfBody = conversation(secure, async () => {
      await send(secure, 'POST /app/x HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf');
    });
    const halfOpen = dial(rpcAddress);
    const silence = conversation(halfOpen, async () => {
      halfOpen.end();
    });
    assert.equal(await silence, '');
    await assertHealthy(context);
    const refused = /^HTTP\/1\.1 408 .*"RequestTooSlow".*at most 10000 ms, all of it 30000 ms/s;
    assert.match(await drip, refused);
    assert.match(await halfBody, refused);
    await assertHealthy(context);
  });

  for (const port of ['HTTPS', 'JSON-RPC'] as const) {
    test(`100 MB bodies on the ${port} port, announced and chunked, are refused`, async (context) => {
      const dialPort = async () => (port === 'HTTPS' ? dialTls() : dial(rpcAddress));
      const limit = port === 'HTTPS' ? 1024 ** 2 : 5 * 1024 ** 2;
      const refused = new RegExp(
        `^HTTP/1\\.1 413 .*"RequestBodyTooLarge".*limited to ${limit} bytes`,
        's',
      );
      const part = Buffer.alloc(64 * 1024, 0x20);
      const head = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n';
      const announcing = await dialPort();
      const announced = conversation(announcing, async (isOver) => {
        await send(announcing, `${head}content-length: ${hundredMegabytes}\r\n\r\n`);
        for (let sent = 0; sent < hundredMegabytes && !isOver(); sent += part.length) {
          await send(announcing, part);
        }
      });
      assert.match(await announced, refused);
      const streaming = await dialPort();
      let sent = 0;
      const chunked = conversation(streaming, async (isOver) => {
        await send(streaming, `${head}transfer-encoding: chunked\r\n\r\n`);
        for (; sent < hundredMegabytes && !isOver(); sent += part.length) {
          await send(streaming, `${part.length.toString(16)}\r\n`);
          await send(streaming, part);
          await send(streaming, '\r\n');
        }
      });
      assert.match(await chunked, refused);
      assert.ok(sent < hundredMegabytes, 'the node stops reading');
      await assertHealthy(context);
    });
  }

  test('deep JSON and huge batches are refused, with the limit named', async (context) => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const depth = 200_000;
      const { text } = await post(`${open.repeat(depth)}1${close.repeat(depth)}`);
      assert.match(text, /-32700.*nests at most 16 deep/);
    }
    const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] });
    const many = await post(`[${Array.from({ length: 60_000 }, () => call).join(',')}]`);
    assert.match(many.text, /-32600.*batch too large: at most 1000 calls/);
    const most = await post(`[${Array.from({ length: 1_000 }, () => call).join(',')}]`);
    assert.equal(JSON.parse(most.text).length, 1_000);
    await assertHealthy(context);
  });

  /** Deploys hand-written code; the creation returns it as it is. */
  async function deploy(code: string): Promise<Hex> {
    const length = code.length / 2;
    // PUSHn code, PUSH0, MSTORE, PUSH1 length, PUSH1 32 - length, RETURN
    const push = (0x5f + length).toString(16);
    const byte = (value: number) => value.toString(16).padStart(2, '0');
    const data: Hex = `0x${push}${code}5f5260${byte(length)}60${byte(32 - length)}f3`;
    const to = getContractAddress({ from: account.address, nonce: BigInt(nonce) });
    const { status } = await transact({ data, gas: 1_000_000n });
    assert.equal(status, '0x1');
    return to;
  }

  async function transact(fields: { to?: Hex; data?: Hex; gas: bigint }) {
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId: sandboxDefaults.chainId,
      nonce: nonce++,
      maxFeePerGas: 0n,
      maxPriorityFeePerGas: 0n,
      ...fields,
    });
    const { result, error } = await rpc('eth_sendRawTransactionSync', raw);
    assert.ok(isJsonObject(result), JSON.stringify(error));
    return { status: result.status, gasUsed: result.gasUsed };
  }

  const hostile = {
    // JUMPDEST, PUSH0, JUMP
    'loops for ever': '5b5f56',
    // JUMPDEST, PUSH0, MSIZE, MSTORE, PUSH0, JUMP
    'eats memory': '5b5f59525f56',
    // JUMPDEST, GAS, GAS, SSTORE, PUSH0, JUMP
    'eats storage': '5b5a5a555f56',
  };
  for (const [what, code] of Object.entries(hostile)) {
    test(`a contract that ${what} ends at its gas, everywhere`, async (context) => {
      const to = await deploy(code);
      const call = await rpc('eth_call', { to, gas: '0xffffffffffff' });
      assert.match(call.error?.message ?? '', /gas limit of the call is 50000000|timeout = 1000ms/);
      const estimate = await rpc('eth_estimateGas', { to });
      assert.match(
        estimate.error?.message ?? '',
        /gas required exceeds allowance \(16777216\)|timeout = 1000ms/,
      );
      const gas = 16_777_216n;
      const { status, gasUsed } = await transact({ to, gas });
      assert.equal(status, '0x0');
      assert.equal(BigInt(String(gasUsed)), gas);
      await assertHealthy(context);
    });
  }

  test('a batch of endless calls ends in time, and others are served meanwhile', async (context) => {
    const to = await deploy(hostile['loops for ever']);
    const calls = Array.from({ length: 1_000 }, (_, id) => ({
      jsonrpc: '2.0',
      id,
      method: 'eth_call',
      params: [{ to }],
    }));
    const beganMs = performance.now();
    const batch = post(JSON.stringify(calls));
    await pause(100);
    await assertHealthy(context);
    const answers = JSON.parse((await batch).text) as RpcAnswer[];
    const tookMs = performance.now() - beganMs;
    context.diagnostic(`the batch took ${tookMs.toFixed(0)} ms`);
    assert.equal(answers.length, calls.length);
    assert.match(answers.at(-1)?.error?.message ?? '', /request timed out after \d+ ms/);
    assert.ok(answers.every(({ error }) => error !== undefined));
    await assertHealthy(context);
  });

  test('a transaction above the gas cap is refused, with the cap named', async (context) => {
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId: sandboxDefaults.chainId,
      nonce,
      gas: 16_777_217n,
      maxFeePerGas: 0n,
      maxPriorityFeePerGas: 0n,
    });
    const { error } = await rpc('eth_sendRawTransaction', raw);
    assert.match(error?.message ?? '', /16777216/);
    await assertHealthy(context);
  });

  test('answers beyond the limit are refused; answers nobody reads are bounded', async (context) => {
    // PUSH3 4,500,000, PUSH0, RETURN: 9 MB of hex in one answer.
    const to = await deploy('6244aa205ff3');
    const call = (id: number) => ({ jsonrpc: '2.0', id, method: 'eth_call', params: [{ to }] });
    const one = JSON.parse((await post(JSON.stringify(call(1)))).text) as RpcAnswer;
    assert.equal(String(one.result).length, 2 + 9_000_000);
    const { text } = await post(JSON.stringify([1, 2, 3, 4].map(call)));
    assert.match(text.slice(-200), /-32003.*response too large: at most \d+ bytes/);
    const body = JSON.stringify(call(1));
    for (let round = 0; round < 3; round++) {
      const readers = Array.from({ length: 40 }, () => dial(rpcAddress));
      for (const socket of readers) {
        socket.pause();
        socket.write(
          `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        );
      }
      const refusal = await untilRefused();
      assert.match(refusal, /"TooManyPendingTransactions".*may hold \d+ bytes together/);
      const { rssBytes } = await metrics();
      const grown = rssBytes - rssAtStart;
      context.diagnostic(`held to the limit: memory grew by ${(grown / 1e6).toFixed(0)} MB`);
      assert.ok(grown < grownBytesMax, `memory is at ${rssBytes} bytes`);
      for (const socket of readers) socket.destroy();
      await pause(200);
      await assertHealthy(context);
    }
  });

  test('Ctrl-C ends it in two seconds, whatever hangs on it', async (context) => {
    for (let at = 0; at < 200; at++) {
      const half = dial(rpcAddress);
      half.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf');
      const handshake = dial(httpsAddress);
      if (at === 199) await new Promise((done) => handshake.once('connect', done));
    }
    await assertHealthy(context);
    const beganMs = performance.now();
    assert.equal(await sandbox.interrupt(), 0);
    const tookMs = performance.now() - beganMs;
    context.diagnostic(`ended in ${tookMs.toFixed(0)} ms`);
    assert.ok(tookMs < stopMsMax, `ending took ${tookMs.toFixed(0)} ms`);
  });

  async function untilRefused(): Promise<string> {
    for (let tries = 0; tries < 200; tries++) {
      const { status, text } = await post('{}');
      if (status === 503) return text;
      await pause(50);
    }
    return 'never refused';
  }
});
