import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type CborKey,
  type CborValue,
  coseHeader,
  encodeCbor,
  encodeSignOne,
  isJsonObject,
  signatureInput,
  utf8Encode,
} from '@coco/base';
import { createCertificate, parseCertificate, SigningKey, signCose } from '@coco/crypto';
import fc from 'fast-check';
import { authenticate, type IdentityLookup } from '../src/authenticate.ts';
import type { AuthenticationPolicy } from '../src/caller.ts';
import { governanceLabel } from '../src/governance-message.ts';
import { bodyOf, requestTo } from './endpoint-fixture.ts';

const nowMs = Date.UTC(2026, 10, 23);
const dayMs = 86_400_000;
const key = SigningKey.generate('P-384');
const certificate = parseCertificate(
  await createCertificate({
    subject: 'member',
    key,
    isAuthority: false,
    notBeforeMs: nowMs,
    days: 1,
  }),
);

function lookupOf(kind: 'active' | 'accepted' | 'user' | 'nobody'): IdentityLookup {
  const isMember = kind === 'active' || kind === 'accepted';
  const isOwn = (id: string): boolean => id === certificate.id;
  return {
    memberCertificate: (id) => (isMember && isOwn(id) ? certificate.pem : undefined),
    isActiveMember: (id) => kind === 'active' && isOwn(id),
    isUser: (id) => kind === 'user' && isOwn(id),
  };
}

function headerWith(
  changes: readonly (readonly [CborKey, CborValue | undefined])[] = [],
): ReadonlyMap<CborKey, CborValue> {
  const header = new Map<CborKey, CborValue>([
    [coseHeader.algorithm, key.algorithm],
    [coseHeader.keyId, utf8Encode(certificate.id)],
    [governanceLabel.type, 'proposal'],
    [governanceLabel.createdAt, 1],
  ]);
  for (const [label, value] of changes) {
    if (value === undefined) header.delete(label);
    else header.set(label, value);
  }
  return header;
}

function signed(changes: readonly (readonly [CborKey, CborValue | undefined])[] = []): Uint8Array {
  const payload = utf8Encode('{}');
  return signCose({ key, protectedHeader: headerWith(changes), payload, isDetached: false });
}

interface Attempt {
  readonly policies: readonly AuthenticationPolicy[];
  readonly kind?: Parameters<typeof lookupOf>[0];
  readonly body?: Uint8Array;
  readonly contentType?: string;
  readonly clientCertificate?: Uint8Array;
  readonly atMs?: number;
}

function attempt(options: Attempt): ReturnType<typeof authenticate> {
  const { contentType = 'application/cose' } = options;
  const request = requestTo('/gov/x', {
    headers: new Map([['content-type', contentType]]),
    ...(options.body && { body: options.body }),
    ...(options.clientCertificate && { clientCertificate: options.clientCertificate }),
  });
  return authenticate({ authentication: options.policies, messageType: 'proposal' }, request, {
    lookup: lookupOf(options.kind ?? 'active'),
    nowMs: options.atMs ?? nowMs + 1000,
  });
}

/** The reasons in the 401, one per policy. */
function reasons(options: Attempt): readonly unknown[] {
  const result = attempt(options);
  assert.ok(result.kind === 'response');
  assert.equal(result.response.status, 401);
  const body = bodyOf(result.response);
  const error = isJsonObject(body) ? body.error : undefined;
  assert.ok(isJsonObject(error) && Array.isArray(error.details));
  assert.equal(error.code, 'InvalidAuthenticationInfo');
  assert.equal(error.message, 'Invalid authentication credentials.');
  const details: readonly unknown[] = error.details;
  return details.map((detail) => (detail as { message: unknown }).message);
}

suite('authentication', () => {
  test('without policies, or with no_auth, anyone may call', () => {
    for (const policies of [[], ['no_auth'] as const, ['user_cert', 'no_auth'] as const]) {
      const result = attempt({ policies });
      assert.deepEqual(result, { kind: 'caller', caller: { policy: 'no_auth' } });
    }
  });

  test('a signed request of an active member is accepted', () => {
    const body = signed();
    const result = attempt({ policies: ['active_member_cose_sign1'], body });
    assert.ok(result.kind === 'caller');
    const { caller } = result;
    assert.ok(caller.policy === 'active_member_cose_sign1');
    assert.equal(caller.id, certificate.id);
    assert.equal(caller.bytes, body);
    assert.deepEqual(caller.header, {
      algorithm: -35,
      keyId: certificate.id,
      type: 'proposal',
      createdAt: 1,
      proposalId: undefined,
    });
  });

  test('an accepted member passes where activity is not asked for', () => {
    const body = signed();
    const result = attempt({ policies: ['member_cose_sign1'], kind: 'accepted', body });
    assert.equal(result.kind, 'caller');
    assert.deepEqual(reasons({ policies: ['active_member_cose_sign1'], kind: 'accepted', body }), [
      'Signer is not an active member',
    ]);
  });

  test('a refused signature names its reason and challenges', () => {
    const policies = ['active_member_cose_sign1'] as const;
    const cases: readonly (readonly [string, Partial<Attempt>])[] = [
      ['Content type is not set to application/cose', { contentType: 'application/json' }],
      ['Signer is not a known member', { kind: 'nobody', body: signed() }],
      ['Unsupported algorithm: -257', { body: signed([[coseHeader.algorithm, -257]]) }],
      ['Failed to validate COSE Sign1', { body: signed([[coseHeader.algorithm, -7]]) }],
      [
        'Found ccf.gov.msg.type set to ballot, expected ccf.gov.msg.type to be proposal',
        { body: signed([[governanceLabel.type, 'ballot']]) },
      ],
      [
        'Found ccf.gov.msg.type set to nothing, expected ccf.gov.msg.type to be proposal',
        { body: signed([[governanceLabel.type, undefined]]) },
      ],
      ['Failed to validate COSE Sign1', { body: detached() }],
    ];
    for (const [reason, options] of cases) {
      assert.deepEqual(reasons({ policies, ...options }), [reason]);
      const result = attempt({ policies, ...options });
      assert.ok(result.kind === 'response');
      assert.equal(
        result.response.headers['www-authenticate'],
        'COSE-SIGN1 realm="Signed request access"',
      );
    }
  });

  test('a body that does not parse is refused before any policy', () => {
    const policies = ['member_cose_sign1'] as const;
    const bodies = [
      new Uint8Array(0),
      utf8Encode('\u0484'),
      signed([[governanceLabel.createdAt, undefined]]),
      signed([[governanceLabel.createdAt, -1]]),
      signed([[governanceLabel.createdAt, 'now']]),
      signed([[coseHeader.keyId, undefined]]),
      signed([[coseHeader.keyId, new Uint8Array([0xff])]]),
      signed([[governanceLabel.type, 5]]),
    ];
    for (const body of bodies) {
      assert.throws(() => attempt({ policies, body }), { code: 'InvalidInput', status: 400 });
    }
    const body = new Uint8Array(8 * 1024 * 1024 + 1);
    assert.throws(() => attempt({ policies, body }), { code: 'RequestBodyTooLarge' });
  });

  test('no changed byte of a signed request is accepted', () => {
    const body = signed();
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = body.slice();
        changed[at] = (changed[at] ?? 0) ^ flip;
        try {
          const result = attempt({ policies: ['active_member_cose_sign1'], body: changed });
          // The unprotected header is not signed: it may change as long as it parses.
          if (result.kind === 'caller') {
            assert.ok(result.caller.policy === 'active_member_cose_sign1');
            assert.equal(
              Buffer.compare(result.caller.message.payload ?? changed, utf8Encode('{}')),
              0,
            );
            assert.notEqual(result.caller.message.unprotectedHeader.size, 0);
          }
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, 'InvalidInput');
        }
      }),
      { numRuns: 300 },
    );
  });

  test('random bytes and shortened requests are refused with a code', () => {
    const body = signed();
    const shortened = fc.nat(body.length - 1).map((length) => body.slice(0, length));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), shortened), (bytes) => {
        const refused = { code: 'InvalidInput' };
        assert.throws(() => attempt({ policies: ['member_cose_sign1'], body: bytes }), refused);
      }),
      { numRuns: 300 },
    );
  });

  test('a client certificate that does not parse is refused with a code', () => {
    const clientCertificate = new Uint8Array([1, 2, 3]);
    assert.throws(() => attempt({ policies: ['any_cert'], clientCertificate }), {
      code: 'InvalidCertificate',
    });
  });

  test('client certificates are members, users or anybody by the policy', () => {
    const own = { clientCertificate: certificate.der };
    const anybody = attempt({ policies: ['any_cert'], ...own });
    assert.ok(anybody.kind === 'caller' && anybody.caller.policy === 'any_cert');
    assert.equal(anybody.caller.id, certificate.id);
    for (const [policy, kind] of [
      ['member_cert', 'accepted'],
      ['user_cert', 'user'],
    ] as const) {
      assert.deepEqual(attempt({ policies: [policy], kind, ...own }), {
        kind: 'caller',
        caller: { policy, id: certificate.id },
      });
    }
    assert.deepEqual(reasons({ policies: ['user_cert', 'member_cert'], kind: 'nobody', ...own }), [
      'Could not find matching user certificate',
      'Could not find matching member certificate',
    ]);
    assert.deepEqual(reasons({ policies: ['any_cert'] }), ['No caller certificate']);
  });

  test('a user’s certificate holds between its dates, a member’s beyond', () => {
    const own = { clientCertificate: certificate.der };
    const early = { ...own, atMs: nowMs - 1000 };
    const late = { ...own, atMs: nowMs + dayMs + 1000 };
    assert.deepEqual(reasons({ policies: ['user_cert'], kind: 'user', ...early }), [
      'Certificate is not yet valid',
    ]);
    assert.deepEqual(reasons({ policies: ['any_cert'], ...late }), ['Certificate has expired']);
    assert.equal(attempt({ policies: ['member_cert'], ...late }).kind, 'caller');
  });
});

function detached(): Uint8Array {
  const protectedBytes = encodeCbor(headerWith());
  const payload = utf8Encode('{}');
  const signature = key.sign(signatureInput(protectedBytes, payload));
  return encodeSignOne({ protectedBytes, payload: null, signature });
}
