/** Where a node listens for other nodes, and who is let in there. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { connect } from 'node:tls';
import type { Log, LogFields } from '@coco/base';
import { createPeerKey, type PeerKey } from '../../peers/test/peer-harness.ts';
import { NodeHarness } from '../test/node-harness.ts';

/** A node at the interface; resolves when it was cut off, with what it had been sent. */
async function knock(port: number, { identity }: PeerKey): Promise<Uint8Array> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    rejectUnauthorized: false,
    ALPNProtocols: ['coco-peer/1'],
  });
  socket.on('error', () => {});
  const parts: Uint8Array[] = [];
  socket.on('data', (part) => parts.push(part));
  await once(socket, 'close');
  return Buffer.concat(parts);
}

/** Proves that the port is free. */
async function listen(port: number): Promise<Server> {
  const server = createServer();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return server;
}

/** A part of the node's row. */
function rowOf(port: number | undefined): string {
  const address = port === undefined ? '' : `127.0.0.1:${port}`;
  return `"node_to_node_interface":{"bind_address":"${address}","published_address":"${address}"}`;
}

describe('the node-to-node interface of a network of one node', () => {
  let harness: NodeHarness;
  beforeEach(async () => {
    harness = await NodeHarness.create();
  });
  afterEach(() => harness.remove());

  /** The address of the file that the node wrote. */
  async function writtenPort(): Promise<number> {
    const text = await readFile(join(harness.folder, 'node', 'peers.json'), 'utf8');
    const { node_to_node_interface: address } = JSON.parse(text) as Record<string, string>;
    return Number(/^127\.0\.0\.1:(\d+)$/.exec(String(address))?.[1]);
  }

  async function ledgerText(): Promise<string> {
    const files = await readdir(harness.ledgerFolder);
    const parts = files.map((name) => readFile(join(harness.ledgerFolder, name), 'latin1'));
    return (await Promise.all(parts)).join('');
  }

  test('listens where it says, on the ledger too, and lets nobody in', async () => {
    const lines: { event: string; fields: LogFields | undefined }[] = [];
    const log: Log = { write: (_level, event, fields) => lines.push({ event, fields }) };
    await harness.start(undefined, { nodeToNode: '127.0.0.1:0', log });
    const port = await writtenPort();
    assert.ok((await ledgerText()).includes(rowOf(port)));
    assert.equal((await knock(port, await createPeerKey())).length, 0);
    for (let refused = 0; refused === 0; ) {
      const { json } = await harness.request('/node/metrics');
      refused = (json as { refused_peers_total: number }).refused_peers_total;
    }
    const told = lines.find(({ event }) => event === 'peer.refused');
    assert.deepEqual(told?.fields, { count: 1, code: 'PeerNotTrusted' });
  });

  test('is not there if not configured, and is after a recovery that has it', async () => {
    await harness.start();
    assert.ok(!(await readdir(join(harness.folder, 'node'))).includes('peers.json'));
    assert.ok((await ledgerText()).includes(rowOf(undefined)));
    await harness.openService();
    const identity = await harness.keepIdentity();
    await harness.stop();
    await harness.start(identity, { nodeToNode: '127.0.0.1:0' });
    const port = await writtenPort();
    const second = await NodeHarness.create();
    try {
      const taken = { code: 'AddressInUse', message: /Port \d+ is taken/ };
      await assert.rejects(second.start(undefined, { nodeToNode: `127.0.0.1:${port}` }), taken);
    } finally {
      await second.remove();
    }
    await harness.stop();
    assert.ok((await ledgerText()).includes(rowOf(port)));
    const again = await listen(port);
    again.close();
  });
});
