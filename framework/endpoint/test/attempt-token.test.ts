import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { isJsonObject, utf8Encode } from '@coco/base';
import fc from 'fast-check';
import { type JWTPayload, SignJWT } from 'jose';
import { authenticate } from '../src/authenticate.ts';
import type { IdentityLookup, TokenKey } from '../src/identity-lookup.ts';
import { bodyOf, requestTo } from './endpoint-fixture.ts';

/** The moment of the recordings. */
const nowSeconds = 1_795_355_730;
const issuer = 'https://example.issuer';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });

function keyOf(publicKey: KeyObject, constraint?: string, of: string = issuer): TokenKey {
  return { publicKey: publicKey.export({ type: 'spki', format: 'der' }), issuer: of, constraint };
}

const keys: Record<string, readonly TokenKey[]> = {
  rsa: [keyOf(rsa.publicKey, issuer)],
  p256: [keyOf(p256.publicKey, issuer)],
  p384: [keyOf(p384.publicKey, issuer)],
  free: [keyOf(p256.publicKey)],
  shared: [keyOf(rsa.publicKey, issuer, 'https://first.issuer'), keyOf(p256.publicKey, issuer)],
  entra: [keyOf(p256.publicKey, 'https://login.microsoftonline.com/{tenantid}/v2.0')],
};

const lookup: IdentityLookup = {
  member: () => undefined,
  isActiveMember: () => false,
  isTrustedNode: () => false,
  user: () => undefined,
  tokenKeys: (keyId) => (Object.hasOwn(keys, keyId) ? (keys[keyId] ?? []) : []),
};

const claims = { sub: 'alice', iss: issuer, nbf: nowSeconds - 10, exp: nowSeconds + 3600 };

/** A token by jose: an implementation that is not ours. */
function tokenOf(
  kid: keyof typeof keys,
  payload: JWTPayload = claims,
  options: { alg?: string; key?: KeyObject; header?: Record<string, unknown> } = {},
): Promise<string> {
  const isRsa = kid === 'rsa';
  const { alg = isRsa ? 'RS256' : 'ES256', header = {} } = options;
  const key = options.key ?? (isRsa ? rsa.privateKey : p256.privateKey);
  return new SignJWT(payload).setProtectedHeader({ alg, kid, typ: 'JWT', ...header }).sign(key);
}

function attempt(
  authorization: string | undefined,
  atSeconds: number = nowSeconds,
): ReturnType<typeof authenticate> {
  const headers = new Map(authorization === undefined ? [] : [['authorization', authorization]]);
  const request = requestTo('/app/x', { headers });
  return authenticate({ authentication: ['jwt', 'user_cert'] }, request, {
    lookup,
    nowMs: atSeconds * 1000 + 999,
  });
}

function errorOf(result: ReturnType<typeof authenticate>): unknown {
  assert.ok(result.kind === 'response');
  assert.equal(result.response.status, 401);
  const body = bodyOf(result.response);
  return isJsonObject(body) ? body.error : undefined;
}

/** Why the token is refused. */
function reason(token: string, atSeconds?: number): unknown {
  const error = errorOf(attempt(`Bearer ${token}`, atSeconds));
  return (error as { details: readonly { message: string }[] }).details[0]?.message;
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

suite('bearer tokens', () => {
  test('a token by RS256 or ES256 names its bearer', async () => {
    for (const kid of ['rsa', 'p256', 'free', 'shared']) {
      const result = attempt(`Bearer ${await tokenOf(kid)}`);
      assert.ok(result.kind === 'caller' && result.caller.policy === 'jwt', kid);
      assert.equal(result.caller.keyIssuer, issuer);
      assert.deepEqual(result.caller.payload, claims);
      const alg = kid === 'rsa' ? 'RS256' : 'ES256';
      assert.deepEqual(result.caller.header, { alg, kid, typ: 'JWT' });
    }
  });

  test('refusals are those of a CCF node, word by word', async () => {
    const recorded: readonly { readonly authorization: string; readonly error: unknown }[] =
      JSON.parse(readFileSync(new URL('recorded-jwt.json', import.meta.url), 'utf8'));
    const [malformed, wrong, expired, unknown] = recorded;
    const forged = (await tokenOf('rsa')).replace(/[^.]*$/, 'AAAA');
    const cases = [
      [malformed, malformed?.authorization],
      [wrong, `Bearer ${forged}`],
      [expired, `Bearer ${await tokenOf('rsa', { ...claims, exp: 1000 })}`],
      [unknown, unknown?.authorization],
    ] as const;
    for (const [answer, authorization] of cases) {
      assert.deepEqual(errorOf(attempt(authorization)), answer?.error);
    }
  });

  test('the last policy challenges', async () => {
    const request = requestTo('/app/x', { headers: new Map([['authorization', 'Bearer a']]) });
    const result = authenticate({ authentication: ['user_cert', 'jwt'] }, request, {
      lookup,
      nowMs: 0,
    });
    assert.ok(result.kind === 'response');
    assert.equal(
      result.response.headers['www-authenticate'],
      'Bearer realm="JWT bearer token access", error="invalid_token"',
    );
  });

  test('a token holds from nbf to exp, both included, by the clock port', async () => {
    const token = await tokenOf('rsa');
    for (const at of [claims.nbf, claims.exp]) {
      assert.equal(attempt(`Bearer ${token}`, at).kind, 'caller');
    }
    assert.equal(
      reason(token, claims.nbf - 1),
      `Current time ${claims.nbf - 1} is before token's Not Before (nbf) claim ${claims.nbf}`,
    );
    assert.equal(
      reason(token, claims.exp + 1),
      `Current time ${claims.exp + 1} is after token's Expiration Time (exp) claim ${claims.exp}`,
    );
    const { nbf: _, ...withoutNbf } = claims;
    assert.equal(attempt(`Bearer ${await tokenOf('rsa', withoutNbf)}`, 1).kind, 'caller');
  });

  test('headers and tokens that do not parse are refused with the part that is wrong', () => {
    const head = base64url('{"alg":"ES256","kid":"p256"}');
    const body = base64url('{"iss":"x","exp":1}');
    const of = (header: string, payload: string = '{"iss":"x","exp":1}'): string =>
      `${base64url(header)}.${base64url(payload)}.AAAA`;
    const cases: readonly (readonly [token: string, reason: string])[] = [
      ['abc.def', 'Malformed JWT: must contain exactly 3 parts'],
      ['abc.def.ghi.jkl', 'Malformed JWT: must contain exactly 3 parts'],
      ['Zm9v.YmF6.=wwy', 'Failed to parse base64url in JWT (signature)'],
      ['Zm9v.=wwy.YmF6', 'Failed to parse base64url in JWT (payload)'],
      ['=wwy.Zm9v.YmF6', 'Failed to parse base64url in JWT (header)'],
      ['A.AAAA.AAAA', 'Failed to parse base64url in JWT (header)'],
      ['AB.AAAA.AAAA', 'Failed to parse base64url in JWT (header)'],
      ['AA+A.AAAA.AAAA', 'Failed to parse base64url in JWT (header)'],
      ['.abc.abc', 'JWT part is empty (header)'],
      ['abc..abc', 'JWT part is empty (payload)'],
      [`${head}.${body}.`, 'JWT part is empty (signature)'],
      ['Zm9v.Zm9v.Zm9v', 'JWT header or payload is not valid JSON'],
      [of('[]'), 'JWT header or payload is not an object'],
      [
        of('{"alg":"none","kid":"p256"}'),
        'JWT header does not follow schema: alg is neither RS256 nor ES256',
      ],
      [
        of('{"alg":"HS256","kid":"p256"}'),
        'JWT header does not follow schema: alg is neither RS256 nor ES256',
      ],
      [of('{"alg":"ES256"}'), 'JWT header does not follow schema: kid is not text'],
      [
        of('{"alg":"ES256","kid":"p256","crit":[]}'),
        'JWT header does not follow schema: crit is not supported',
      ],
      [
        of('{"alg":"ES256","kid":"p256"}', '{"exp":1}'),
        'JWT payload is missing required field: iss is not text',
      ],
      [
        of('{"alg":"ES256","kid":"p256"}', '{"iss":"x"}'),
        'JWT payload is missing required field: exp is not a time in seconds',
      ],
      [
        of('{"alg":"ES256","kid":"p256"}', '{"iss":"x","exp":"1"}'),
        'JWT payload is missing required field: exp is not a time in seconds',
      ],
      [
        of('{"alg":"ES256","kid":"p256"}', '{"iss":"x","exp":1,"nbf":-1}'),
        'JWT payload is missing required field: nbf is not a time in seconds',
      ],
      [
        of('{"alg":"ES256","kid":"p256"}', '{"iss":"x","exp":1,"nbf":null}'),
        'JWT payload is missing required field: nbf is not a time in seconds',
      ],
      [
        of('{"alg":"ES256","kid":"p256"}', '{"iss":"x","exp":1,"tid":5}'),
        'JWT payload is missing required field: tid is not text',
      ],
      [of(`${'['.repeat(40)}`), 'JWT header or payload is not valid JSON'],
      ['a'.repeat(16 * 1024 + 1), 'JWT is limited to 16384 characters'],
    ];
    for (const [token, expected] of cases)
      assert.equal(reason(token), expected, token.slice(0, 80));
    const reasonOf = (authorization: string | undefined): unknown =>
      (errorOf(attempt(authorization)) as { details: { message: string }[] }).details[0]?.message;
    assert.equal(reasonOf(undefined), 'Missing authorization header');
    assert.equal(reasonOf('Bearer'), 'Authorization header only contains one field');
    assert.equal(reasonOf('Basic abc'), 'Authorization header does not have Bearer scheme');
  });

  test('a key serves the algorithm of its kind alone', async () => {
    const failed = 'Signature verification failed';
    // The public RSA key as a secret of HMAC is the classic confusion; ES256 under it is another.
    assert.equal(
      reason(await tokenOf('rsa', claims, { alg: 'ES256', key: p256.privateKey })),
      failed,
    );
    assert.equal(
      reason(await tokenOf('p256', claims, { alg: 'RS256', key: rsa.privateKey })),
      failed,
    );
    assert.equal(reason(await tokenOf('p384')), failed);
    const secret = keys.rsa?.[0]?.publicKey ?? new Uint8Array(1);
    const confused = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'rsa' })
      .sign(secret);
    assert.match(String(reason(confused)), /alg is neither/);
  });

  test('the issuer must fit the constraint of the key', async () => {
    const foreign = { ...claims, iss: 'https://other.issuer' };
    assert.equal(
      reason(await tokenOf('p256', foreign)),
      `Kid p256 failed issuer constraint validation ${issuer}`,
    );
    assert.equal(attempt(`Bearer ${await tokenOf('free', foreign)}`).kind, 'caller');
    const tenant = '72f988bf-86f1-41af-91ab-2d7cd011db47';
    const entra = { ...claims, iss: `https://login.microsoftonline.com/${tenant}/v2.0` };
    assert.equal(
      attempt(`Bearer ${await tokenOf('entra', { ...entra, tid: tenant })}`).kind,
      'caller',
    );
    assert.match(String(reason(await tokenOf('entra', entra))), /failed issuer constraint/);
  });

  test('no changed character of a token is accepted', async () => {
    const tokens = [await tokenOf('rsa'), await tokenOf('p256')];
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=';
    fc.assert(
      fc.property(
        fc.constantFrom(...tokens),
        fc.nat(),
        fc.constantFrom(...alphabet),
        (token, place, character) => {
          const at = place % token.length;
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          if (changed !== token) assert.equal(attempt(`Bearer ${changed}`).kind, 'response');
        },
      ),
      { numRuns: 500 },
    );
  });

  test('any text is refused without a fault', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        assert.equal(attempt(text).kind, 'response');
        assert.equal(attempt(`Bearer ${text}`).kind, 'response');
        const json = Buffer.from(utf8Encode(text)).toString('base64url');
        assert.equal(attempt(`Bearer ${json}.${json}.${json}`).kind, 'response');
      }),
    );
  });
});
