import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeJson, type JsonValue } from '@coco/base';
import { cliError } from '../src/errors.ts';
import { type ReadingClient, readNode } from '../src/node-reading.ts';
import { eventually } from '../src/patience.ts';

function clientOf(documents: Readonly<Record<string, JsonValue>>): ReadingClient {
  return {
    request: async ({ path }) => {
      const body = documents[path];
      const status = body === undefined ? 503 : 200;
      return { status, headers: new Map(), body: encodeJson(body ?? {}), transactionId: undefined };
    },
  };
}

const documents = {
  '/node/state': { node_id: 'ab', state: 'PartOfNetwork' },
  '/node/network': { service_status: 'Open', current_view: 3, primary_id: 'cd' },
  '/node/commit': { transaction_id: '3.17' },
  '/node/metrics': { entries_total: 4 },
};

test('a node is read by four documents', async () => {
  const reading = await readNode(clientOf(documents));
  assert.deepEqual(reading, {
    nodeId: 'ab',
    state: 'PartOfNetwork',
    serviceStatus: 'Open',
    view: 3,
    primaryId: 'cd',
    commit: { view: 3, seqno: 17 },
    metrics: { entries_total: 4 },
  });
});

test('a node that knows no primary and no commit says so', async () => {
  const network = { service_status: 'Open', current_view: 3, primary_id: null };
  for (const transaction_id of ['0.0', '2.0', '']) {
    const read = await readNode(
      clientOf({ ...documents, '/node/network': network, '/node/commit': { transaction_id } }),
    );
    assert.deepEqual([read.primaryId, read.commit], [undefined, undefined], transaction_id);
  }
});

test('what answers otherwise is no node', async () => {
  for (const name of Object.keys(documents)) {
    const { [name as keyof typeof documents]: _, ...others } = documents;
    const message = new RegExp(`GET ${name} was answered with status 503`);
    await assert.rejects(readNode(clientOf(others)), { code: 'SandboxUnreachable', message });
    const list = clientOf({ ...others, [name]: [] });
    await assert.rejects(readNode(list), { code: 'SandboxUnreachable' });
  }
});

test('what comes in its own time is asked for until it is there', async () => {
  const answers = [cliError('SandboxUnreachable', 'not yet'), undefined, 'there'] as const;
  let at = 0;
  const ask = async () => {
    const answer = answers[at++];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  assert.equal(await eventually({ what: 'It', limitMs: 60_000 }, ask), 'there');
  await assert.rejects(
    eventually({ what: 'A primary', limitMs: 0 }, async () => undefined),
    { code: 'NodeDidNotStart', message: 'A primary did not come in 0 s.' },
  );
  const last = eventually({ what: 'A primary', limitMs: 0 }, () => Promise.reject(answers[0]));
  await assert.rejects(last, { code: 'SandboxUnreachable', message: 'not yet' });
  const given = { what: 'A primary', limitMs: 60_000, signal: AbortSignal.abort() };
  await assert.rejects(
    eventually(given, async () => undefined),
    { code: 'NodeDidNotStart' },
  );
});
