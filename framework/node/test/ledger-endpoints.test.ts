import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { emptyBytes, LedgerError, type Seqno } from '@coco/base';
import type { Response } from '@coco/endpoint';
import { ledgerEndpoints } from '../src/ledger-endpoints.ts';

const row = { kind: 'refusal', status: 404, meaning: '' } as const;

/** A replica that holds 5 to 20, and nothing that ends by 3. */
async function ask(query: string): Promise<Response> {
  const [endpoint] = ledgerEndpoints({
    readBatches: async (from: Seqno, { to, bytesMax }) => {
      if (from < 5 || to > 20) throw new LedgerError('EntryNotFound', row, 'No.', {}, undefined);
      if (from === 13) throw new LedgerError('DiskFault', row, 'Broken.', {}, undefined);
      assert.ok(bytesMax <= 4 * 1024 * 1024, 'an answer is bounded');
      return Uint8Array.of(from, to);
    },
  });
  assert.ok(endpoint?.mode === 'command');
  assert.deepEqual(endpoint.authentication, ['node_cert']);
  const request = {
    method: 'GET',
    path: endpoint.path,
    query: new Map(new URLSearchParams(query)),
    headers: new Map(),
    body: emptyBytes,
    clientCertificate: undefined,
  };
  const caller = { policy: 'node_cert', id: 'a', certificate: emptyBytes } as const;
  return endpoint.handle({ request, caller, parameters: new Map() });
}

suite('the endpoint of ledger batches', () => {
  test('answers trusted nodes with what the files hold', async () => {
    const { status, headers, body } = await ask('from=5&to=20');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/octet-stream');
    assert.deepEqual(body, Uint8Array.of(5, 20));
  });

  test('refuses what is no range, and what is not there, and hides no fault of the disk', async () => {
    for (const query of ['', 'from=5', 'to=5', 'from=0&to=5', 'from=-1&to=5', 'from=5&to=1e3']) {
      await assert.rejects(ask(query), { code: 'InvalidQueryParameterValue', status: 400 });
    }
    await assert.rejects(ask('from=4&to=20'), { code: 'ResourceNotFound', status: 404 });
    await assert.rejects(ask('from=13&to=20'), { code: 'DiskFault' });
  });
});
