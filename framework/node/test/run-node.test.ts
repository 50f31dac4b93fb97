import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { toBase64, utf8Decode, utf8Encode } from '@coco/base';
import { verifyReceipt } from '@coco/receipt';
import { NodeHarness } from './node-harness.ts';
import { createNotesAdapter } from './notes-adapter.ts';

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
    harness = await NodeHarness.create(createNotesAdapter);
    await harness.start();
  });
  after(() => harness.remove());

  test('serves /node and /gov before the service is open, and nothing else', async () => {
    const state = (await harness.request('/node/state')).json as Json;
    assert.equal(state.state, 'PartOfNetwork');
    const early = await harness.request('/app/notes/a');
    assert.equal(early.status, 404);
    assert.equal((early.json as { error: Json }).error.code, 'FrontendNotOpen');
    assert.equal((await harness.request('/node/ready/gov')).status, 204);
    assert.equal((await harness.request('/node/ready/app')).status, 503);
  });

  test('opens by its member and takes writes', async () => {
    await harness.openService();
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

// Each has a node and a folder of its own; half of their time is waiting for disk and worker.
describe('a node that comes back', { concurrency: 3 }, () => {
  test('recovers everything by its member, and old receipts verify', async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      await harness.start(undefined, { chunkSize: '2KB' });
      await harness.openService();
      const ids: string[] = [];
      for (let at = 0; at < 20; at++) ids.push(await write(harness, `note${at}`, `text ${at}`));
      for (const id of ids) assert.equal(await harness.decided(id), 'Committed');
      const old = (await harness.request('/node/network')).json as Json;
      const previous = await harness.keepIdentity();
      await harness.stop();
      const names = await readdir(harness.ledgerFolder);
      assert.ok(names.some((name) => name.endsWith('.committed')));

      // The operator keeps old files elsewhere.
      await mkdir(join(harness.folder, 'archive'));
      for (const name of names.filter((one) => one.endsWith('.committed'))) {
        await rename(join(harness.ledgerFolder, name), join(harness.folder, 'archive', name));
      }
      const node = await harness.start(previous, {
        chunkSize: '2KB',
        readOnlyLedger: '../archive',
      });
      assert.equal(node.state(), 'PartOfPublicNetwork');
      assert.ok(Number(node.recoveredSeqno) >= 25);
      const early = await harness.request('/app/notes/note1');
      assert.equal((early.json as { error: Json }).error.code, 'FrontendNotOpen');
      await harness.openService(String(old.service_certificate));
      for (let at = 0; at < 20; at++) {
        const note = await harness.request(`/app/notes/note${at}`);
        assert.equal(utf8Decode(note.bytes), `text ${at}`);
      }
      for (const id of ids) assert.equal(await harness.decided(id), 'Committed');
      const network = (await harness.request('/node/network')).json as Json;
      assert.equal(network.current_view, 4);
      assert.equal(network.recovery_count, 1);
      const receipt = await harness.request(`/app/receipt/cose?transaction_id=${ids[3]}`);
      const identity = (await harness.request('/node/service/previous_identity')).json as {
        endorsements: { endorsement: string }[];
      };
      const verified = await verifyReceipt({
        receipt: receipt.bytes,
        serviceIdentity: String(network.service_certificate),
        endorsements: identity.endorsements.map(({ endorsement }) =>
          Buffer.from(endorsement, 'base64'),
        ),
      });
      assert.equal(verified.isCurrentIdentity, false);
      const files = await readdir(harness.ledgerFolder);
      assert.ok(files.every((name) => !name.endsWith('.recovery')));
    } finally {
      await harness.remove();
    }
  });

  test('nothing private is readable in any file', async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      await harness.start();
      await harness.openService();
      const secret = 'marker-5fd1c0ffee-of-a-secret-note';
      await harness.decided(await write(harness, secret, secret));
      await harness.stop();
      const folder = join(harness.folder, 'node');
      const files = await readdir(folder, { recursive: true, withFileTypes: true });
      const forms = [secret, toBase64(utf8Encode(secret)), Buffer.from(secret).toString('hex')];
      let searched = 0;
      for (const file of files.filter((one) => one.isFile())) {
        const content = await readFile(join(file.parentPath, file.name), 'latin1');
        searched++;
        for (const form of forms) assert.ok(!content.includes(form.slice(0, 12)), file.name);
      }
      assert.ok(searched >= 3);
    } finally {
      await harness.remove();
    }
  });
});

describe('a node whose ledger cannot be written', () => {
  test('does not start, says why, and leaves nothing behind', { timeout: 20_000 }, async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      // A folder in the place of the first chunk file: the disk refuses to make it.
      await mkdir(join(harness.ledgerFolder, 'ledger_1'), { recursive: true });
      await assert.rejects(harness.start(), {
        code: 'ReplicaFailed',
        message: 'The ledger could not be made durable. The disk refused to open.',
      });
      await assert.rejects(readFile(join(harness.folder, 'node', 'node.pid')), { code: 'ENOENT' });
    } finally {
      await harness.remove();
    }
  });

  test('acknowledges nothing when the disk fails, and stops', { timeout: 20_000 }, async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      const node = await harness.start(undefined, { chunkSize: '1B' });
      await harness.openService();
      const names = (await readdir(harness.ledgerFolder)).map((name) =>
        Number(/-(\d+)/.exec(name)?.[1] ?? 0),
      );
      await mkdir(join(harness.ledgerFolder, `ledger_${Math.max(...names) + 1}`));
      const id = await write(harness, 'a', 'never durable');
      await assert.rejects(node.failed, { code: 'ReplicaFailed' });
      const { json } = await harness.request(`/node/tx?transaction_id=${id}`);
      assert.equal((json as Json).status, 'Pending');
      await harness.stop();
    } finally {
      await harness.remove();
    }
  });
});
