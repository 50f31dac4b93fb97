/** Bad input on every endpoint of governance: refused with the right code, and nothing changed. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type CborKey,
  type CborValue,
  coseHeader,
  encodeCbor,
  type JsonValue,
  utf8Encode,
} from '@coco/base';
import { SigningKey, signCose } from '@coco/crypto';
import { type Endpoint, type GovernanceMessageType, governanceLabel } from '@coco/endpoint';
import { governanceEndpoints } from '../src/governance-endpoints.ts';
import { answerOf, createMember, type TestMember, TestService } from './service-fixture.ts';

const members = [await createMember(), await createMember()] as const;
const [member, other] = members;
const inactive = await createMember('NonParticipant');
const stranger = await createMember('NonParticipant');
const service = await TestService.start([...members, inactive], { recoveryThreshold: 1 });
service.sign();
for (const one of members) await service.acknowledge(one);
const proposalId = String((await service.propose(member)).field('proposalId'));
const unknownId = 'cd'.repeat(32);
const endpoints = governanceEndpoints(service.ports);
const versioned = '?api-version=2024-07-01';

type Signed = Endpoint & { readonly messageType: GovernanceMessageType };
const signed = endpoints.filter((one): one is Signed => one.messageType !== undefined);
/** The built-in ones of every frontend are endpoint's, and have no versions. */
const builtIn = ['/gov/commit', '/gov/tx'];
const reads = endpoints.filter(({ method, path }) => method === 'GET' && !builtIn.includes(path));

function pathOf(endpoint: Endpoint, ids: Readonly<Record<string, string>> = {}): string {
  const known = {
    proposalId,
    memberId: member.id,
    userId: unknownId,
    nodeId: service.identity.node.id,
    transactionId: '2.1',
    moduleName: 'x',
    ...ids,
  };
  return endpoint.path.replace(/\{(\w+)\}/g, (_, name: keyof typeof known) => known[name] ?? name);
}

const payloads: Readonly<Record<GovernanceMessageType, JsonValue>> = {
  ack: { stateDigest: '' },
  ballot: { ballot: 'export function vote() { return true; }' },
  proposal: { actions: [] },
  recovery_share: { share: '' },
  state_digest: {},
  withdrawal: {},
};

interface Parts {
  readonly key: SigningKey;
  readonly keyId: string;
  readonly algorithm: CborValue;
  readonly type: CborValue;
  readonly createdAt: CborValue | undefined;
  readonly proposalId: CborValue;
  readonly payload: Uint8Array;
}

/** A signed request with one part wrong. */
function signedBytes(by: TestMember, endpoint: Signed, change: Partial<Parts> = {}): Uint8Array {
  const parts: Parts = {
    key: by.key,
    keyId: by.id,
    algorithm: by.key.algorithm,
    type: endpoint.messageType,
    createdAt: Math.floor(service.clock.nowMs() / 1000),
    proposalId,
    payload: utf8Encode(JSON.stringify(payloads[endpoint.messageType])),
    ...change,
  };
  const protectedHeader = new Map<CborKey, CborValue>([
    [coseHeader.algorithm, parts.algorithm],
    [coseHeader.keyId, utf8Encode(parts.keyId)],
    [governanceLabel.type, parts.type],
    [governanceLabel.proposalId, parts.proposalId],
  ]);
  if (parts.createdAt !== undefined) {
    protectedHeader.set(governanceLabel.createdAt, parts.createdAt);
  }
  return signCose({ key: parts.key, protectedHeader, payload: parts.payload, isDetached: false });
}

async function expectRefused(
  target: string,
  body: Uint8Array,
  [status, code]: readonly [number, string],
  type: string = 'application/cose',
): Promise<void> {
  const before = service.store.seqno;
  const answer = answerOf(await service.request('POST', target, body, type));
  const shown = `${target} ${answer.text}`;
  assert.equal(answer.status, status, shown);
  assert.equal(answer.field('error.code'), code, shown);
  assert.equal(service.store.seqno, before, shown);
}

const unauthenticated = [401, 'InvalidAuthenticationInfo'] as const;
const invalid = [400, 'InvalidInput'] as const;

suite('bad input on every signed endpoint', () => {
  for (const endpoint of signed) {
    const target = `${pathOf(endpoint)}${versioned}`;
    const bytes = (change?: Partial<Parts>): Uint8Array => signedBytes(member, endpoint, change);

    test(`POST ${endpoint.path}: bodies that are no signed message`, async () => {
      const good = bytes();
      await expectRefused(target, good, unauthenticated, 'application/json');
      await expectRefused(target, utf8Encode('{"actions":[]}'), invalid);
      await expectRefused(target, new Uint8Array(0), invalid);
      await expectRefused(target, good.subarray(0, good.length - 1), invalid);
      await expectRefused(target, encodeCbor([1, 2]), invalid);
      // Without the tag of COSE_Sign1.
      await expectRefused(target, good.subarray(1), invalid);
      await expectRefused(target, new Uint8Array(8 * 1024 * 1024 + 1), [
        413,
        'RequestBodyTooLarge',
      ]);
      const detached = signCose({
        key: member.key,
        protectedHeader: new Map<CborKey, CborValue>([
          [coseHeader.algorithm, member.key.algorithm],
          [coseHeader.keyId, utf8Encode(member.id)],
          [governanceLabel.type, endpoint.messageType],
          [governanceLabel.createdAt, 1],
        ]),
        payload: new Uint8Array(2),
        isDetached: true,
      });
      await expectRefused(target, detached, unauthenticated);
    });

    test(`POST ${endpoint.path}: wrong keys`, async () => {
      const p256 = SigningKey.generate('P-256');
      await expectRefused(target, signedBytes(stranger, endpoint), unauthenticated);
      await expectRefused(target, bytes({ key: other.key }), unauthenticated);
      await expectRefused(target, bytes({ key: p256, algorithm: p256.algorithm }), unauthenticated);
      await expectRefused(target, bytes({ keyId: member.id.toUpperCase() }), unauthenticated);
      await expectRefused(target, bytes({ keyId: '' }), unauthenticated);
      const corrupt = bytes();
      corrupt[corrupt.length - 1] = (corrupt.at(-1) ?? 0) ^ 1;
      await expectRefused(target, corrupt, unauthenticated);
      if (endpoint.authentication.includes('active_member_cose_sign1')) {
        await expectRefused(target, signedBytes(inactive, endpoint), unauthenticated);
      }
    });

    test(`POST ${endpoint.path}: wrong headers`, async () => {
      const others = Object.keys(payloads).filter((type) => type !== endpoint.messageType);
      for (const type of [...others, 'unknown', '']) {
        await expectRefused(target, bytes({ type }), unauthenticated);
      }
      await expectRefused(target, bytes({ type: 5 }), invalid);
      await expectRefused(target, bytes({ createdAt: undefined }), invalid);
      await expectRefused(target, bytes({ createdAt: -1 }), invalid);
      await expectRefused(target, bytes({ createdAt: 'now' }), invalid);
      await expectRefused(target, bytes({ algorithm: 'ES384' }), invalid);
      await expectRefused(target, bytes({ algorithm: -37 }), unauthenticated);
    });

    test(`POST ${endpoint.path}: wrong versions and ids`, async () => {
      const path = pathOf(endpoint);
      await expectRefused(path, bytes(), [400, 'MissingApiVersionParameter']);
      const old = `${path}?api-version=1999-01-01`;
      await expectRefused(old, bytes(), [400, 'UnsupportedApiVersionValue']);
      const names = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
      for (const name of names) {
        const short = `${pathOf(endpoint, { [name]: '00' })}${versioned}`;
        await expectRefused(short, bytes(), [400, 'InvalidResourceName']);
        const foreign = `${pathOf(endpoint, { [name]: unknownId })}${versioned}`;
        const code =
          name === 'proposalId' ? ([400, 'InvalidResourceName'] as const) : unauthenticated;
        await expectRefused(foreign, bytes(), code);
      }
    });

    test(`POST ${endpoint.path}: bodies that are signed well and say nothing`, async () => {
      if (endpoint.messageType === 'state_digest' || endpoint.messageType === 'withdrawal') return;
      const isProposal = endpoint.messageType === 'proposal';
      for (const text of ['', 'x', '[]', 'null', '{"a":1}', `${'['.repeat(500)}`]) {
        const before = service.store.seqno;
        const body = bytes({ payload: utf8Encode(text) });
        const answer = answerOf(await service.request('POST', target, body, 'application/cose'));
        assert.ok(answer.status >= 400, `${text} ${answer.text}`);
        assert.ok(answer.status < 500 || isProposal, `${text} ${answer.text}`);
        assert.equal(service.store.seqno, before);
      }
    });
  }

  test('a request signed for one endpoint is no good at another, nor for another proposal', async () => {
    for (const from of signed) {
      for (const to of signed) {
        if (from.messageType === to.messageType) continue;
        const target = `${pathOf(to)}${versioned}`;
        await expectRefused(target, signedBytes(member, from), unauthenticated);
      }
    }
    const ballot = signed.find(({ messageType }) => messageType === 'ballot');
    assert.ok(ballot);
    const second = String((await service.propose(member)).field('proposalId'));
    const replayed = signedBytes(member, ballot, { proposalId });
    const elsewhere = `${pathOf(ballot, { proposalId: second })}${versioned}`;
    await expectRefused(elsewhere, replayed, [400, 'InvalidResourceName']);
  });

  test('the share of a service that does not wait for shares is refused', async () => {
    const share = signed.find(({ messageType }) => messageType === 'recovery_share');
    assert.ok(share);
    const target = `${pathOf(share)}${versioned}`;
    const code = [403, 'ServiceNotWaitingForRecoveryShares'] as const;
    await expectRefused(target, signedBytes(member, share), code);
  });
});

suite('bad input on every read', () => {
  for (const endpoint of reads) {
    test(`GET ${endpoint.path}: wrong versions and ids`, async () => {
      const get = async (target: string): Promise<readonly [number, JsonValue]> => {
        const answer = answerOf(await service.request('GET', target));
        return [answer.status, answer.status < 400 ? '' : answer.field('error.code')];
      };
      const path = pathOf(endpoint);
      if (!path.endsWith('/api')) {
        assert.deepEqual(await get(path), [400, 'MissingApiVersionParameter']);
      }
      const old = `${path}?api-version=2024-07-02`;
      assert.deepEqual(await get(old), [400, 'UnsupportedApiVersionValue']);
      for (const [, name = ''] of endpoint.path.matchAll(/\{(\w+)\}/g)) {
        if (name === 'moduleName') continue;
        const short = await get(`${pathOf(endpoint, { [name]: '00' })}${versioned}`);
        const code =
          name === 'transactionId' ? 'InvalidQueryParameterValue' : 'InvalidResourceName';
        assert.deepEqual(short, [400, code]);
        if (name === 'transactionId') continue;
        const unknown = await get(`${pathOf(endpoint, { [name]: unknownId })}${versioned}`);
        assert.equal(unknown[0], 404, endpoint.path);
      }
    });
  }

  test('every endpoint was asked', () => {
    assert.equal(signed.length + reads.length + builtIn.length, endpoints.length);
    assert.equal(signed.length, 6);
    assert.ok(reads.length > 20, String(reads.length));
  });
});
