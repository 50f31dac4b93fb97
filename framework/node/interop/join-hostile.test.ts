/** What a machine can do that has a node's code, or another's bytes, and the network's address. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { encodeJson, isJsonObject, type JsonValue, utf8Decode } from '@coco/base';
import { encodeJoinRequest, type JoinRequest } from '@coco/governance';
import { createJoiner } from '../test/joiner.ts';
import type { Answer } from '../test/member-client.ts';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';

type Joiner = Awaited<ReturnType<typeof createJoiner>>;

describe('a hostile machine that asks to join', () => {
  let network: TestNetwork;
  let node: TestNode;
  before(async () => {
    network = await TestNetwork.create();
    node = await network.start();
    await network.openService();
  });
  after(() => network.remove());

  const createHere = (changes: Parameters<typeof createJoiner>[0] = {}): Promise<Joiner> =>
    createJoiner({ root: network.root, ...changes });

  const clientOf = ({ keys }: Joiner): { readonly cert: string; readonly key: string } => ({
    cert: keys.selfSignedPem,
    key: keys.key.privatePem(),
  });

  function ask(as: Joiner, request: JoinRequest | Uint8Array = as.request): Promise<Answer> {
    const body = request instanceof Uint8Array ? request : encodeJson(encodeJoinRequest(request));
    return node.ask('/node/join', { method: 'POST', body, client: clientOf(as) });
  }

  function codeOf({ json }: Answer): string | undefined {
    const error = isJsonObject(json) ? json.error : undefined;
    return isJsonObject(error) && typeof error.code === 'string' ? error.code : undefined;
  }

  async function nodeCount(): Promise<number> {
    const { json } = await node.ask('/node/network/nodes');
    return (json as { nodes: JsonValue[] }).nodes.length;
  }

  test('gets nothing as a Pending node: no secret, no snapshot, no ledger', async () => {
    const pending = await createHere();
    const first = await ask(pending);
    assert.deepEqual(first.json, { node_id: pending.keys.key.id, node_status: 'Pending' });
    assert.deepEqual((await ask(pending)).json, first.json);
    const snapshots = ['/node/snapshot', '/node/snapshot/snapshot_12_13.committed'];
    for (const path of ['/node/ledger/batches?from=1&to=2', ...snapshots]) {
      const answer = await node.ask(path, { client: clientOf(pending) });
      assert.ok(answer.status >= 400, `${path} answers ${answer.status}`);
    }
    // Nor does the interface between nodes let it in.
    const [host, port] = node.peerAddress.split(':');
    const socket = connect({
      host: host ?? '',
      port: Number(port),
      ...clientOf(pending),
      ALPNProtocols: ['coco-peer/1'],
      rejectUnauthorized: false,
    });
    let received = 0;
    socket.on('data', (part) => {
      received += part.length;
    });
    socket.on('error', () => {});
    await new Promise((done) => socket.once('close', done));
    assert.equal(received, 0);
    await node.untilLogged('peer.refused', { code: 'PeerNotTrusted' });
  });

  test('cannot use another node’s request, evidence or certificate request', async () => {
    const [honest, thief] = [await createHere(), await createHere()];
    const before = await nodeCount();
    const { quoteInfo, signingRequestPem } = honest.request;
    const cases: readonly (readonly [JoinRequest, string])[] = [
      [honest.request, 'InvalidQuote'],
      [{ ...thief.request, quoteInfo }, 'InvalidQuote'],
      [{ ...thief.request, signingRequestPem }, 'CSRPublicKeyInvalid'],
    ];
    for (const [request, code] of cases) assert.equal(codeOf(await ask(thief, request)), code);
    // Without the key of the certificate there is no connection that proves it.
    const { cert } = clientOf(honest);
    const stolen = { cert, key: clientOf(thief).key };
    const body = encodeJson(encodeJoinRequest(honest.request));
    await assert.rejects(node.ask('/node/join', { method: 'POST', body, client: stolen }));
    const bare = await node.ask('/node/join', { method: 'POST', body });
    assert.equal(codeOf(bare), 'InvalidAuthenticationInfo');
    assert.equal(await nodeCount(), before);
  });

  test('cannot join with evidence of another root, another program or another host', async () => {
    const before = await nodeCount();
    const others = [
      await createJoiner(),
      await createHere({ measurement: '33'.repeat(32) }),
      await createHere({ hostData: '44'.repeat(32) }),
    ];
    for (const other of others) assert.equal(codeOf(await ask(other)), 'InvalidQuote');
    assert.equal(await nodeCount(), before);
  });

  test('cannot come back with an old request once the members removed the node', async () => {
    const joiner = await createHere();
    await ask(joiner);
    const args = { node_id: joiner.keys.key.id };
    await network.decide([{ name: 'remove_node', args }]);
    const again = await ask(joiner);
    assert.equal(codeOf(again), 'InvalidNodeState');
  });

  test('is told what is wrong with fields that are too long, and leaves nothing', async () => {
    const joiner = await createHere();
    const before = await nodeCount();
    const long = 'x'.repeat(9_000);
    const { request } = joiner;
    const cases: readonly JoinRequest[] = [
      { ...request, signingRequestPem: long },
      { ...request, encryptionPublicKeyPem: long },
      { ...request, nodeData: long },
      { ...request, rpcInterfaces: { main: { published_address: 'host:1', long } } },
      { ...request, nodeToNodeInterface: { bindAddress: '', publishedAddress: `${long}:1` } },
    ];
    for (const one of cases) assert.equal(codeOf(await ask(joiner, one)), 'InvalidInput');
    assert.equal((await ask(joiner, new Uint8Array(70_000).fill(0x7b))).status, 413);
    const deep = Buffer.from(`${'['.repeat(100)}${']'.repeat(100)}`);
    assert.equal(codeOf(await ask(joiner, deep)), 'NestingTooDeep');
    assert.equal(await nodeCount(), before);
  });

  test('cannot fill the ledger with nodes that wait', async () => {
    const codes = new Set<string | undefined>();
    const before = await nodeCount();
    for (let at = 0; at < 34; at++) codes.add(codeOf(await ask(await createHere())));
    assert.deepEqual([...codes], [undefined, 'TooManyPendingNodes']);
    assert.ok((await nodeCount()) < before + 34);
    const text = utf8Decode((await ask(await createHere())).bytes);
    assert.match(text, /nodes wait for the members' decision already; ask again later/);
  });
});
