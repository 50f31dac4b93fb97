/**
 * Seeded, bounded fuzzing of the HTTPS port of a whole node. Whatever comes: no crash, nothing
 * accepted that should not be, a coded error, and the next request is served. FUZZ_SEED replays a
 * run (the keys are new each time, the changes are not), FUZZ_RUNS lengthens it.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  decodeSignOne,
  equalBytes,
  type JsonValue,
  registeredErrors,
  SeededRandom,
  utf8Encode,
} from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';
import type { GovernanceMessageType } from '@coco/endpoint';
import { signGovernanceRequest } from '@coco/governance';
import { FuzzClient, type RawAnswer } from './fuzz-client.ts';
import type { NodeHarness } from './node-harness.ts';
import { sharedNode } from './shared-node.ts';

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
const runs = Number(process.env.FUZZ_RUNS ?? 120);
const version = 'api-version=2024-07-01';
const random = new SeededRandom(seed);

function pick<Value>(values: readonly Value[]): Value {
  return values[random.below(values.length)] as Value;
}

/** Flips, cuts, doubles, inserts or overwrites a part; never gives back the same bytes. */
function mutate(bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length);
  const length = 1 + random.below(8);
  const parts = {
    flip: () => bytes.map((byte, index) => (index === at ? byte ^ (1 << random.below(8)) : byte)),
    cut: () => bytes.subarray(0, at),
    drop: () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
    double: () => Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]),
    insert: () => Buffer.concat([bytes.subarray(0, at), random.bytes(length), bytes.subarray(at)]),
    overwrite: () =>
      Buffer.concat([bytes.subarray(0, at), random.bytes(length), bytes.subarray(at + length)]),
    append: () => Buffer.concat([bytes, random.bytes(length)]),
  };
  const changed = parts[pick(Object.keys(parts) as (keyof typeof parts)[])]();
  return equalBytes(changed, bytes) ? bytes.subarray(1) : changed;
}

const hostileText = [
  ...['', '0', '-1', '1e9', '2.1', '2.999999999999999999999', '18446744073709551616.1', 'NaN'],
  ...['..', '../../etc/passwd', '%00', '%2f', '%ff%fe', '%', '%zz', '{}', '[]', '"', "'", '\\'],
  ...['__proto__', 'constructor', 'toString', 'self', 'primary', 'true', 'false', ':', '*', '?'],
  ...['%F0%9F%98%80', '%ED%A0%80', 'a'.repeat(3000), 'f'.repeat(64), '%'.repeat(300)],
];

describe('a node under fuzzing', () => {
  let harness: NodeHarness;
  let client: FuzzClient;
  const codesSeen = new Set<string>();

  before(async () => {
    harness = await sharedNode();
    client = await FuzzClient.create(harness);
  });
  after(() => client?.close());

  async function assertServes(): Promise<void> {
    assert.equal((await client.ask({ path: '/node/state' })).status, 200);
  }

  /** A success, or a refusal with a code that the rooms have defined; never InternalError. */
  function assertCoded(answer: RawAnswer, what: string): void {
    const { status, type, body } = answer;
    const said = `${what}: ${status} ${body.slice(0, 300)}`;
    assert.ok(status >= 200 && status < 600, said);
    if (status < 400) return;
    assert.equal(type, 'application/json', said);
    const { error } = JSON.parse(body) as { error: { code: string; message: string } };
    const row = registeredErrors().get(error.code);
    assert.ok(row !== undefined && error.code !== 'InternalError', said);
    assert.match(error.message, /\S/, said);
    codesSeen.add(error.code);
  }

  test('bytes that are not HTTP, or almost', async (context) => {
    context.diagnostic(`FUZZ_SEED=${seed}`);
    const whole = [
      'GET /node/state HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      'POST /app/notes/fuzz HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello',
      'POST /app/notes/fuzz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade\r\nexpect: 100-continue\r\n\r\n',
      'POST /node/x HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ].map(utf8Encode);
    for (let run = 0; run < runs / 2; run++) {
      const isNoise = run % 4 === 0;
      const bytes = isNoise ? random.bytes(1 + random.below(300)) : mutate(mutate(pick(whole)));
      const text = await client.send(bytes);
      const said = `run ${run}: ${JSON.stringify(Buffer.from(bytes).toString('latin1'))} got ${text}`;
      assert.ok(text === '' || /^HTTP\/1\.1 \d{3} /.test(text), said);
      if (isNoise) assert.match(text, /^(HTTP\/1\.1 400 InvalidInput\r\n|$)/, said);
      assert.doesNotMatch(text, /InternalError/, said);
    }
    await assertServes();
  });

  test('changed paths, queries, methods and headers', async () => {
    const paths = [
      ...['/node/state', '/node/network', '/node/network/nodes', '/node/network/nodes/self'],
      ...['/node/quotes/self', '/node/version', '/node/commit', '/node/tx', '/node/api'],
      ...['/node/metrics', '/node/service/configuration', '/node/service/previous_identity'],
      ...['/app/commit', '/app/tx', '/app/receipt/cose', '/app/api', '/app/notes/a', '/commit'],
      ...['/gov/service/info', '/gov/service/members', '/gov/members/proposals', '/'],
      ...['/gov/service/transactions/2.1', '/gov/service/transactions/commit'],
    ];
    const names = [
      'transaction_id',
      'view_history',
      'view_history_since',
      'status',
      'host',
      'port',
    ];
    const headers = ['accept', 'content-type', 'range', 'authorization', 'x-coco-answer', 'cookie'];
    for (let run = 0; run < runs * 2; run++) {
      let path = pick(paths);
      if (random.below(3) === 0) path += `/${pick(hostileText)}`;
      if (random.below(4) === 0) {
        const changed = mutate(utf8Encode(path));
        path = `/${encodeURI(Buffer.from(changed).toString('latin1').slice(1))}`;
      }
      const query = Array.from({ length: random.below(4) }, () =>
        random.below(4) === 0 ? version : `${pick([...names, 'api-version'])}=${pick(hostileText)}`,
      );
      const method = pick([
        'GET',
        'GET',
        'GET',
        'POST',
        'PUT',
        'DELETE',
        'HEAD',
        'OPTIONS',
        'PATCH',
      ]);
      const target = query.length === 0 ? path : `${path}?${query.join('&')}`;
      const sent = {
        method,
        path: target,
        headers: { [pick(headers)]: pick(hostileText) },
        ...(method === 'POST' ? { body: random.bytes(random.below(200)) } : {}),
      };
      const answer = await client.ask(sent);
      if (method === 'HEAD') assert.equal(answer.body, '');
      else assertCoded(answer, `run ${run}: ${JSON.stringify(sent)}`);
    }
    await assertServes();
  });

  interface SignedCase {
    readonly type: GovernanceMessageType;
    readonly path: string;
    readonly payload: JsonValue | undefined;
    readonly proposalId?: string;
  }

  function governanceCases(): readonly SignedCase[] {
    const id = harness.memberId;
    const proposalId = 'ab'.repeat(32);
    const proposals = '/gov/members/proposals';
    const actions = [{ name: 'transition_service_to_open', args: {} }];
    return [
      { type: 'state_digest', path: `/gov/members/state-digests/${id}:update`, payload: undefined },
      {
        type: 'ack',
        path: `/gov/members/state-digests/${id}:ack`,
        payload: { stateDigest: '00'.repeat(32) },
      },
      { type: 'proposal', path: `${proposals}:create`, payload: { actions } },
      {
        type: 'withdrawal',
        path: `${proposals}/${proposalId}:withdraw`,
        payload: undefined,
        proposalId,
      },
      {
        type: 'ballot',
        path: `${proposals}/${proposalId}/ballots/${id}:submit`,
        payload: { ballot: 'export function vote() { return true; }' },
        proposalId,
      },
      {
        type: 'recovery_share',
        path: `/gov/recovery/members/${id}:recover`,
        payload: { share: 'AAAA' },
      },
    ];
  }

  async function governanceState(): Promise<string> {
    const paths = ['service/info', 'service/members', 'service/constitution', 'members/proposals'];
    const answers = await Promise.all(
      paths.map((path) => client.ask({ path: `/gov/${path}?${version}` })),
    );
    return answers.map(({ body }) => body).join('\n');
  }

  function post(path: string, body: Uint8Array, type = 'application/cose'): Promise<RawAnswer> {
    const headers = { 'content-type': type, 'content-length': String(body.length) };
    return client.ask({ method: 'POST', path: `${path}?${version}`, headers, body });
  }

  test('changed governance requests change nothing', async () => {
    const cases = governanceCases();
    const before = await governanceState();
    for (let run = 0; run < runs * 2; run++) {
      const one = cases[run % cases.length] as SignedCase;
      const original = harness.signedBody(one.type, one.payload, one.proposalId);
      const changed = random.below(3) === 0 ? mutate(mutate(original)) : mutate(original);
      const answer = await post(one.path, changed);
      const said = `run ${run}: ${one.type} ${Buffer.from(changed).toString('hex')}`;
      assertCoded(answer, said);
      if (answer.status < 400) assert.ok(isSameSignedPart(original, changed), said);
    }
    assert.equal(await governanceState(), before);
    await assertServes();
  });

  test('governance requests of another signer, type, path or form are refused', async () => {
    const before = await governanceState();
    const stranger = SigningKey.generate('P-256');
    const days = { notBeforeMs: Date.now() - 1000, days: 1 };
    const certificatePem = await createCertificate({
      subject: 'stranger',
      key: stranger,
      isAuthority: false,
      ...days,
    });
    const createdAt = Math.floor(Date.now() / 1000);
    for (const one of governanceCases()) {
      const payload = utf8Encode(JSON.stringify(one.payload ?? {}));
      const { type } = one;
      const ids = one.proposalId === undefined ? {} : { proposalId: one.proposalId };
      const foreign = signGovernanceRequest({
        ...{ key: stranger, certificatePem, type, payload, createdAt },
        ...ids,
      });
      const own = harness.signedBody(type, one.payload, one.proposalId);
      const otherType = type === 'ack' ? 'ballot' : 'ack';
      const refused = [
        await post(one.path, foreign),
        await post(one.path, harness.signedBody(otherType, one.payload, one.proposalId)),
        await post(one.path, own, 'application/json'),
        await post(one.path, new Uint8Array(0)),
        await post(one.path.replace(/[0-9a-f]{64}/, 'cd'.repeat(32)), own),
      ];
      for (const [at, answer] of refused.entries()) {
        assertCoded(answer, `${type} ${at}`);
        // A proposal's path names no id, so the last of them is the request itself.
        if (type === 'proposal' && at === 4) continue;
        assert.ok(answer.status >= 400, `${type} ${at}: ${answer.status} ${answer.body}`);
      }
    }
    assert.equal(await withoutProposals(), await withoutProposalsOf(before));
    await assertServes();
  });

  /** The one proposal that the test above makes is rightful; all else stays as it was. */
  async function withoutProposals(): Promise<string> {
    return withoutProposalsOf(await governanceState());
  }

  function withoutProposalsOf(state: string): string {
    return state.split('\n').slice(0, -1).join('\n');
  }

  test('it met many codes, and none was a fault of its own', () => {
    assert.ok(codesSeen.size >= Math.min(8, runs / 15), [...codesSeen].join(', '));
    assert.ok(!codesSeen.has('InternalError') && !codesSeen.has('ReplicaFailed'));
  });
});

/** Whether two COSE messages differ in their unprotected headers or encoding alone. */
function isSameSignedPart(left: Uint8Array, right: Uint8Array): boolean {
  const [one, other] = [left, right].map((bytes) => decodeSignOne(bytes, bytes.length));
  assert.ok(one?.payload && other?.payload);
  return (
    equalBytes(one.protectedBytes, other.protectedBytes) && equalBytes(one.payload, other.payload)
  );
}
