import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { utf8Decode, utf8Encode } from '@coco/base';
import { verifyReceipt } from '@coco/receipt';
import { NodeHarness } from './node-harness.ts';
import { sharedNode } from './shared-node.ts';

type Json = Record<string, unknown>;

async function write(harness: NodeHarness, name: string, text: string): Promise<string> {
  const answer = await harness.request(`/app/notes/${name}`, {
    method: 'POST',
    body: utf8Encode(text),
  });
  assert.equal(answer.status, 200, utf8Decode(answer.bytes));
  return (answer.json as { transactionId: string }).transactionId;
}

test('a node does not start with what is no constitution', async () => {
  const harness = await NodeHarness.create(undefined, 'export function validate() {}');
  await assert.rejects(harness.start(), {
    code: 'InvalidInput',
    message: /^The constitution cannot be used: .*does not export a function named apply/,
  });
  await harness.remove();
});

describe('a running node', () => {
  let harness: NodeHarness;
  before(async () => {
    harness = await sharedNode();
  });

  test('is open and takes writes', async () => {
    const network = await harness.request('/node/network');
    assert.equal((network.json as Json).service_status, 'Open');
    assert.match(String(network.headers['x-ms-ccf-transaction-id']), /^2\.\d+$/);
    const id = await write(harness, 'first', 'hello');
    assert.equal(await harness.decided(id), 'Committed');
    assert.equal(utf8Decode((await harness.request('/app/notes/first')).bytes), 'hello');
  });

  test('has the /node endpoints of CCF with their shapes', async () => {
    const nodeId = ((await harness.request('/node/state')).json as Json).node_id;
    const nodes = (await harness.request('/node/network/nodes')).json as { nodes: Json[] };
    assert.equal(nodes.nodes.length, 1);
    assert.equal(nodes.nodes[0]?.node_id, nodeId);
    assert.equal(nodes.nodes[0]?.primary, true);
    for (const name of ['self', 'primary', String(nodeId)]) {
      const one = (await harness.request(`/node/network/nodes/${name}`)).json as Json;
      assert.equal(one.node_id, nodeId);
    }
    const absent = await harness.request('/node/network/nodes/0000');
    assert.deepEqual(absent.json, {
      error: { code: 'ResourceNotFound', message: 'Node not found' },
    });
    const wrong = await harness.request('/node/network/nodes?status=Nonsense');
    assert.equal(wrong.status, 400);
    const quote = (await harness.request('/node/quotes/self')).json as Json;
    assert.equal(quote.format, 'Insecure_Virtual');
    assert.equal(quote.node_id, nodeId);
    const version = (await harness.request('/node/version')).json as Json;
    assert.equal(version.ccf_version, 'coco-0.0.0');
    assert.equal((await harness.request('/node/primary', { method: 'HEAD' })).status, 200);
    const previous = await harness.request('/node/service/previous_identity');
    assert.equal(previous.status, 404);
    for (const path of ['/node/api', '/app/api']) {
      assert.equal(((await harness.request(path)).json as Json).openapi, '3.0.0');
    }
    const metrics = (await harness.request('/node/metrics')).json as Json;
    assert.ok(Number(metrics.batches_total) > 0);
    const unknown = await harness.request('/node/nonexistent');
    assert.equal(
      ((unknown.json as { error: Json }).error as Json).message,
      'Unknown path: /nonexistent.',
    );
    const verb = await harness.request('/node/network', { method: 'DELETE' });
    assert.equal(verb.status, 405);
    assert.equal(verb.headers.allow, 'OPTIONS, GET');
  });

  test('answers on commit where that is asked for', async () => {
    const path = `/gov/members/state-digests/${harness.memberId}:update?api-version=2024-07-01`;
    const answer = await harness.request(path, {
      method: 'POST',
      body: harness.signedBody('state_digest'),
      headers: { 'content-type': 'application/cose', 'x-coco-answer': 'committed' },
    });
    assert.equal(answer.status, 200, utf8Decode(answer.bytes));
    const id = answer.headers['x-ms-ccf-transaction-id'];
    const { json } = await harness.request(`/node/tx?transaction_id=${id}`);
    assert.deepEqual(json, { status: 'Committed', transaction_id: id });
  });

  test('gives receipts that verify offline', async () => {
    const id = await write(harness, 'proven', 'yes');
    await harness.decided(id);
    const answer = await harness.request(`/app/receipt/cose?transaction_id=${id}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/cose');
    const service = (await harness.request('/node/network')).json as Json;
    const verified = await verifyReceipt({
      receipt: answer.bytes,
      serviceIdentity: String(service.service_certificate),
    });
    assert.equal(`${verified.transactionId.view}.${verified.transactionId.seqno}`, id);
  });

  test('refuses receipts that there are not', async () => {
    const code = async (query: string) =>
      ((await harness.request(`/app/receipt/cose${query}`)).json as { error: Json }).error.code;
    assert.equal(await code(''), 'InvalidQueryParameterValue');
    assert.equal(await code('?transaction_id=bogus'), 'InvalidQueryParameterValue');
    assert.equal(await code('?transaction_id=2.999999'), 'TransactionPendingOrUnknown');
    assert.equal(await code('?transaction_id=1.2'), 'TransactionInvalid');
    assert.equal(await code('?transaction_id=2.2'), 'TransactionNotFound');
  });

  test('limits bodies', async () => {
    const large = await harness
      .request('/app/notes/large', { method: 'POST', body: new Uint8Array(70_000) })
      .catch(() => undefined);
    if (large) assert.equal(large.status, 413);
    assert.equal((await harness.request('/app/notes/first')).status, 200);
  });

  test('speaks TLS 1.3 with a hybrid post-quantum group first, and nothing older', async () => {
    const [host, port] = String(harness.node?.addresses.main).split(':');
    const ca = await readFile(join(harness.folder, 'node', 'service_cert.pem'), 'utf8');
    const dial = (options: object) =>
      new Promise<{ protocol: string | null; group: string | undefined }>((resolve, reject) => {
        const socket = connect({ host, port: Number(port), ca, ...options }, () => {
          const key = socket.getEphemeralKeyInfo() as { name?: string } | null;
          resolve({ protocol: socket.getProtocol(), group: key?.name });
          socket.destroy();
        });
        socket.on('error', reject);
      });
    assert.equal((await dial({})).protocol, 'TLSv1.3');
    assert.equal((await dial({ ecdhCurve: 'X25519MLKEM768' })).protocol, 'TLSv1.3');
    assert.equal((await dial({ ecdhCurve: 'P-384' })).protocol, 'TLSv1.3');
    await assert.rejects(dial({ maxVersion: 'TLSv1.2' }));
  });

  test('a second node in the same folder is refused', async () => {
    const file = join(harness.folder, 'node', 'node.pid');
    const own = await readFile(file, 'utf8');
    await writeFile(file, `${process.ppid}`);
    await assert.rejects(harness.start(), { code: 'PidFileTaken' });
    await writeFile(file, own);
  });
});
