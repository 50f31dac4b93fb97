import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno, emptyBytes, MemoryDisk } from '@coco/base';
import { errorResponse, Registry, type Response } from '@coco/endpoint';
import { SnapshotFiles } from '@coco/ledger';
import { snapshotEndpoints } from '../src/snapshot-endpoints.ts';

const content = Uint8Array.from({ length: 1000 }, (_, at) => at % 251);
const receipt = Uint8Array.of(0xd2, 1, 2);
const name = 'snapshot_20_21.committed';

async function serve(hasSnapshot = true): Promise<Registry> {
  const at = { disk: new MemoryDisk(), folder: 'snapshots' };
  const files = await SnapshotFiles.open(at, asSeqno(100));
  if (hasSnapshot) {
    const entry = { seqno: asSeqno(20), pages: [content], size: 1000, digest: emptyBytes };
    await files.write(entry);
    await files.name(asSeqno(21));
    await files.commit(receipt);
  }
  const registry = new Registry();
  registry.add(snapshotEndpoints(files));
  return registry;
}

async function ask(
  registry: Registry,
  target: string,
  options: { readonly method?: string; readonly range?: string } = {},
): Promise<Response> {
  const { method = 'GET', range } = options;
  const [path = '', query = ''] = target.split('?');
  const headers = new Map(range === undefined ? [] : [['range', range]]);
  const route = registry.route(method, path);
  if (route.kind === 'response') return route.response;
  const { endpoint, parameters } = route.match;
  assert.ok(endpoint.mode === 'command');
  const request = {
    method,
    path,
    query: new Map(new URLSearchParams(query)),
    headers,
    body: emptyBytes,
    clientCertificate: undefined,
  };
  const call = { request, caller: { policy: 'no_auth' as const }, parameters };
  try {
    return await endpoint.handle(call);
  } catch (error) {
    return errorResponse(error);
  }
}

describe('the snapshot endpoints', () => {
  test('redirect to the newest snapshot', async () => {
    const registry = await serve();
    for (const target of ['/node/snapshot', '/node/snapshot?since=1', '/node/snapshot?since=20']) {
      const answer = await ask(registry, target);
      assert.equal(answer.status, 308);
      assert.equal(answer.headers.location, `/node/snapshot/${name}`);
    }
    assert.equal((await ask(registry, '/node/snapshot?since=21')).status, 404);
    assert.equal((await ask(registry, '/node/snapshot?since=x')).status, 400);
    assert.equal((await ask(await serve(false), '/node/snapshot')).status, 404);
  });

  test('give the file, its size, and parts of it whose end is exclusive', async () => {
    const registry = await serve();
    const path = `/node/snapshot/${name}`;
    const head = await ask(registry, path, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-length'], '1003');
    assert.equal(head.headers['accept-ranges'], 'bytes');
    assert.equal(head.headers['x-ms-ccf-snapshot-name'], name);
    assert.equal(head.body.length, 0);
    const whole = await ask(registry, path);
    assert.equal(whole.status, 206);
    assert.deepEqual([...whole.body], [...content, ...receipt]);
    assert.equal(whole.headers['content-range'], 'bytes 0-1003/1003');
    const parts: readonly (readonly [string, number, number])[] = [
      ['bytes=0-99', 0, 99],
      ['bytes=99-200', 99, 200],
      ['bytes=990-', 990, 1003],
      ['bytes=-5', 998, 1003],
      ['bytes=0-99999', 0, 1003],
    ];
    for (const [range, from, to] of parts) {
      const part = await ask(registry, path, { range });
      assert.equal(part.status, 206, range);
      assert.equal(part.headers['content-range'], `bytes ${from}-${to}/1003`);
      assert.deepEqual([...part.body], [...content, ...receipt].slice(from, to));
    }
  });

  test('refuse ranges and names that are none', async () => {
    const registry = await serve();
    for (const range of [
      'bytes=-',
      'bytes=5-5',
      'bytes=9-3',
      'bytes=2000-',
      'lines=1-2',
      'x',
      '',
    ]) {
      const answer = await ask(registry, `/node/snapshot/${name}`, { range });
      assert.equal(answer.status, 400, range);
      assert.match(Buffer.from(answer.body).toString(), /InvalidHeaderValue/);
    }
    for (const other of ['snapshot_20_21', 'snapshot_1_2.committed', '..%2Fkey', 'x']) {
      const answer = await ask(registry, `/node/snapshot/${other}`);
      assert.equal(answer.status, 404, other);
    }
  });
});
