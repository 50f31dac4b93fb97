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
import { authenticate } from '../src/authenticate.ts';
import type { AuthenticationPolicy } from '../src/caller.ts';
import type { IdentityLookup } from '../src/identity-lookup.ts';
import { governanceLabel, userLabel } from '../src/signed-header.ts';
import { bodyOf, requestTo } from './endpoint-fixture.ts';

const nowMs = Date.UTC(2026, 10, 23);
const nowSeconds = nowMs / 1000;
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

const party = { certificatePem: certificate.pem, data: { name: 'One' } };

function lookupOf(kind: 'active' | 'accepted' | 'user' | 'nobody'): IdentityLookup {
  const isMember = kind === 'active' || kind === 'accepted';
  const isOwn = (id: string): boolean => id === certificate.id;
  return {
    member: (id) => (isMember && isOwn(id) ? party : undefined),
    isActiveMember: (id) => kind === 'active' && isOwn(id),
    user: (id) => (kind === 'user' && isOwn(id) ? party : undefined),
    isTrustedNode: () => false,
    tokenKeys: () => [],
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
  readonly contentType?: string | undefined;
  readonly messageType?: string | undefined;
  readonly clientCertificate?: Uint8Array;
  readonly atMs?: number;
}

function attempt(options: Attempt): ReturnType<typeof authenticate> {
  const contentType = 'contentType' in options ? options.contentType : 'application/cose';
  const messageType = 'messageType' in options ? options.messageType : 'proposal';
  const request = requestTo('/gov/x', {
    headers: new Map(contentType === undefined ? [] : [['content-type', contentType]]),
    ...(options.body && { body: options.body }),
    ...(options.clientCertificate && { clientCertificate: options.clientCertificate }),
  });
  const endpoint = {
    authentication: options.policies,
    ...(messageType !== undefined && { messageType }),
  };
  return authenticate(endpoint, request, {
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
      'Signer is not an ACTIVE member',
    ]);
  });

  test('a refused signature names its reason and challenges', () => {
    const policies = ['active_member_cose_sign1'] as const;
    const cases: readonly (readonly [string, Partial<Attempt>])[] = [
      ['Content type is not set to application/cose', { contentType: 'application/json' }],
      ['Missing content-type header', { contentType: undefined }],
      ['Signer is not a known member', { kind: 'nobody', body: signed() }],
      ['Unsupported algorithm: -257', { body: signed([[coseHeader.algorithm, -257]]) }],
      ['Failed to validate COSE Sign1', { body: signed([[coseHeader.algorithm, -7]]) }],
      [
        'Found ccf.gov.msg.type set to ballot, expected ccf.gov.msg.type to be proposal',
        { body: signed([[governanceLabel.type, 'ballot']]) },
      ],
      [
        'Missing ccf.gov.msg.type, expected ccf.gov.msg.type to be proposal',
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
        caller: { policy, id: certificate.id, ...party },
      });
    }
    assert.deepEqual(reasons({ policies: ['user_cert', 'member_cert'], kind: 'nobody', ...own }), [
      'Could not find matching user certificate',
      'Could not find matching member certificate',
    ]);
    assert.deepEqual(reasons({ policies: ['any_cert', 'user_cert', 'member_cert'] }), [
      'No caller certificate',
      'No caller user certificate',
      'No caller member certificate',
    ]);
  });

  test('a user signs with or without a type and a time, and a typed endpoint asks for its type', () => {
    const policies = ['user_cose_sign1'] as const;
    const bare = signed([
      [governanceLabel.type, undefined],
      [governanceLabel.createdAt, undefined],
    ]);
    const accepted = attempt({ policies, kind: 'user', messageType: undefined, body: bare });
    assert.ok(accepted.kind === 'caller' && accepted.caller.policy === 'user_cose_sign1');
    assert.equal(accepted.caller.id, certificate.id);
    assert.deepEqual(accepted.caller.data, party.data);
    assert.deepEqual(accepted.caller.header, {
      algorithm: -35,
      keyId: certificate.id,
      type: undefined,
      createdAt: undefined,
    });
    const typed = signed([
      [userLabel.type, 'order'],
      [userLabel.createdAt, 5],
    ]);
    const order = { policies, kind: 'user', body: typed } as const;
    assert.equal(attempt({ ...order, messageType: 'order' }).kind, 'caller');
    assert.deepEqual(reasons({ ...order, messageType: 'payment' }), [
      'Unexpected message type: order, expected: payment',
    ]);
  });

  test('a refused user’s signature names its reason and challenges', () => {
    const policies = ['user_cose_sign1'] as const;
    const shared = { policies, kind: 'user', messageType: undefined } as const;
    const cases: readonly (readonly [string, Partial<Attempt>])[] = [
      ['Missing content-type header', { contentType: undefined }],
      ['Content type is not set to application/cose', { contentType: 'text/plain' }],
      ['Signer is not a known user', { kind: 'active', body: signed() }],
      ['Unsupported algorithm: -257', { body: signed([[coseHeader.algorithm, -257]]) }],
      ['Failed to validate COSE Sign1', { body: signed([[coseHeader.algorithm, -7]]) }],
      ['Failed to validate COSE Sign1', { body: detached() }],
    ];
    for (const [reason, options] of cases) {
      assert.deepEqual(reasons({ ...shared, ...options }), [reason]);
      const result = attempt({ ...shared, ...options });
      assert.ok(result.kind === 'response');
      const challenge = result.response.headers['www-authenticate'];
      assert.equal(challenge, 'COSE-SIGN1 realm="Signed request access"');
    }
    for (const createdAt of [-1, 1.5, 'now']) {
      const body = signed([[userLabel.createdAt, createdAt]]);
      assert.throws(() => attempt({ ...shared, body }), { code: 'InvalidInput' });
    }
  });

  test('all_of accepts when each policy does, and names the one that refused', () => {
    const both = [{ all_of: ['user_cose_sign1', 'user_cert'] }] as const;
    const own = { clientCertificate: certificate.der };
    const options = { policies: both, kind: 'user', messageType: undefined } as const;
    const accepted = attempt({ ...options, ...own, body: signed() });
    assert.ok(accepted.kind === 'caller' && accepted.caller.policy === 'all_of');
    assert.deepEqual([...accepted.caller.callers.keys()], ['user_cert', 'user_cose_sign1']);
    assert.deepEqual(accepted.caller.callers.get('user_cert'), {
      policy: 'user_cert',
      id: certificate.id,
      ...party,
    });
    const unsigned = attempt({ ...options, ...own, contentType: 'text/plain' });
    assert.ok(unsigned.kind === 'response');
    assert.deepEqual(bodyOf(unsigned.response), {
      error: {
        code: 'InvalidAuthenticationInfo',
        message: 'Invalid authentication credentials.',
        details: [
          {
            auth_policy: 'user_cert+user_cose_sign1',
            code: 'InvalidAuthenticationInfo',
            message: 'user_cose_sign1:Content type is not set to application/cose',
          },
        ],
      },
    });
    const challenge = unsigned.response.headers['www-authenticate'];
    assert.equal(challenge, 'COSE-SIGN1 realm="Signed request access"');
    const uncertified = attempt({ ...options, body: signed() });
    assert.ok(uncertified.kind === 'response');
    assert.equal(uncertified.response.headers['www-authenticate'], undefined);
    assert.deepEqual(reasons({ ...options, body: signed() }), [
      'user_cert:No caller user certificate',
    ]);
  });

  test('a user’s certificate holds between its dates, a member’s beyond', () => {
    const own = { clientCertificate: certificate.der };
    const early = { ...own, atMs: nowMs - 1000 };
    const late = { ...own, atMs: nowMs + dayMs + 1000 };
    assert.deepEqual(reasons({ policies: ['user_cert'], kind: 'user', ...early }), [
      `Current time ${nowSeconds - 1} is before certificate's Not Before validity period ${nowSeconds}`,
    ]);
    const endSeconds = nowSeconds + dayMs / 1000 - 1;
    assert.deepEqual(reasons({ policies: ['any_cert'], ...late }), [
      `Current time ${endSeconds + 2} is after certificate's Not After validity period ${endSeconds}`,
    ]);
    for (const atMs of [nowMs, endSeconds * 1000 + 999]) {
      assert.equal(attempt({ policies: ['any_cert'], ...own, atMs }).kind, 'caller');
    }
    assert.equal(attempt({ policies: ['member_cert'], ...late }).kind, 'caller');
  });
});

function detached(): Uint8Array {
  const protectedBytes = encodeCbor(headerWith());
  const payload = utf8Encode('{}');
  const signature = key.sign(signatureInput(protectedBytes, payload));
  return encodeSignOne({ protectedBytes, payload: null, signature });
}
