import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { LedgerError, utf8Encode } from '@coco/base';
import fc from 'fast-check';
import { connect, forgetfulMemory } from '../src/index.ts';
import { makeParts } from './fake-service.ts';

interface Hostility {
  readonly bytes: Uint8Array;
  /** What the server does once it has written. */
  readonly end: 'close' | 'reset' | 'stall';
}

const httpHead = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
const pieces = [
  '',
  httpHead,
  `${httpHead}content-length: 5\r\n\r\n{}`,
  `${httpHead}content-length: 2\r\n\r\n{}`,
  `${httpHead}transfer-encoding: chunked\r\n\r\nfffffff\r\n{`,
  `${httpHead}content-length: -1\r\n\r\n`,
  `HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n`,
  `HTTP/1.1 100 Continue\r\n\r\n`,
  `HTTP/1.1 308 Moved\r\nlocation: https://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n`,
  `${httpHead}x: ${'y'.repeat(40_000)}\r\n\r\n`,
].map(utf8Encode);

const hostilities: fc.Arbitrary<Hostility> = fc.record({
  bytes: fc.oneof(fc.constantFrom(...pieces), fc.uint8Array({ maxLength: 200 })),
  end: fc.constantFrom('close', 'reset', 'stall'),
});

async function refusesAll(server: Server, setHostility: (next: Hostility) => void): Promise<void> {
  const { root } = await makeParts();
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pin = { developmentRoot: root.spki };
  try {
    await fc.assert(
      fc.asyncProperty(hostilities, async (hostility) => {
        setHostility(hostility);
        const limits = { timeoutMs: 150 };
        await assert.rejects(connect({ url, pin, memory: forgetfulMemory(), limits }), LedgerError);
      }),
      { numRuns: 40 },
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

function play(socket: Socket, { bytes, end }: Hostility): void {
  socket.on('error', () => socket.destroy());
  socket.once('data', () => {
    socket.write(bytes);
    if (end === 'close') socket.end();
    else if (end === 'reset') socket.destroy();
  });
}

test('whatever a TLS server sends, connecting ends in time with a coded error', async () => {
  let hostility: Hostility = { bytes: new Uint8Array(), end: 'close' };
  const { nodeCertificate, nodeKey } = await makeParts();
  const server = createTlsServer({ cert: nodeCertificate, key: nodeKey.privatePem() }, (socket) =>
    play(socket, hostility),
  );
  server.on('tlsClientError', () => undefined);
  await refusesAll(server, (next) => {
    hostility = next;
  });
});

test('whatever a server sends instead of TLS, connecting ends in time with a coded error', async () => {
  let hostility: Hostility = { bytes: new Uint8Array(), end: 'close' };
  const server = createServer((socket) => play(socket, hostility));
  await refusesAll(server, (next) => {
    hostility = next;
  });
});
