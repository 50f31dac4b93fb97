/**
 * Each authentication policy over a whole node: TLS, routing, tables and answer. The member votes
 * for the user and for the keys of the token issuer.
 */

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, suite, test } from 'node:test';
import { coseHeader, type JsonValue, toBase64, utf8Encode } from '@coco/base';
import { createCertificate, parseCertificate, SigningKey, signCose } from '@coco/crypto';
import { SignJWT } from 'jose';
import type { Answer, NodeHarness } from './node-harness.ts';
import { sharedNode } from './shared-node.ts';

const issuer = 'https://example.issuer';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const userKey = SigningKey.generate('P-384');
const strangerKey = SigningKey.generate('P-256');
const [userPem, strangerPem] = await Promise.all([userKey, strangerKey].map(certificateOf));
const user = parseCertificate(userPem as string);
const asUser = { cert: userPem as string, key: userKey.privatePem() };
const asStranger = { cert: strangerPem as string, key: strangerKey.privatePem() };

function certificateOf(key: SigningKey): Promise<string> {
  const notBeforeMs = Date.now() - 1000;
  return createCertificate({ subject: 'user', key, isAuthority: false, notBeforeMs, days: 2 });
}

function tokenOf(claims: Record<string, unknown> = {}): Promise<string> {
  const seconds = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: issuer, sub: 'alice', exp: seconds + 600, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
    .sign(rsa.privateKey);
}

function signedBy(key: SigningKey, keyId: string): Uint8Array {
  const protectedHeader = new Map<number, number | Uint8Array>([
    [coseHeader.algorithm, key.algorithm],
    [coseHeader.keyId, utf8Encode(keyId)],
  ]);
  return signCose({ key, protectedHeader, payload: utf8Encode('order'), isDetached: false });
}

suite('callers of a node', () => {
  let harness: NodeHarness;
  before(async () => {
    harness = await sharedNode();
    const key = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'k1', issuer };
    const decided = await harness.decide([
      { name: 'set_user', args: { cert: user.pem, user_data: { desk: 7 } } },
      { name: 'set_jwt_issuer', args: { issuer, jwks: { keys: [key as JsonValue] } } },
    ]);
    assert.equal((decided.json as { proposalState: string }).proposalState, 'Accepted');
  });

  const ask = (
    policy: string,
    options: Parameters<NodeHarness['request']>[1] = {},
  ): Promise<Answer> =>
    harness.request(`/app/caller/${policy}`, {
      method: 'POST',
      body: utf8Encode('{}'),
      ...options,
    });

  /** The reasons of a 401. */
  const refused = async (...call: Parameters<typeof ask>): Promise<readonly string[]> => {
    const answer = await ask(...call);
    assert.equal(answer.status, 401);
    const { error } = answer.json as { error: { code: string; details: { message: string }[] } };
    assert.equal(error.code, 'InvalidAuthenticationInfo');
    return error.details.map(({ message }) => message);
  };
  const bearer = async (claims?: Record<string, unknown>): Promise<Record<string, string>> => ({
    authorization: `Bearer ${await tokenOf(claims)}`,
  });
  const cose = { 'content-type': 'application/cose' };

  test('without authentication anybody calls, with a certificate or not', async () => {
    for (const policy of ['none', 'no_auth', 'several']) {
      assert.deepEqual((await ask(policy)).json, { policy: 'no_auth' });
    }
    assert.deepEqual((await ask('none', { client: asStranger })).json, { policy: 'no_auth' });
  });

  test('any certificate is shown as it is', async () => {
    const { json } = await ask('any_cert', { client: asStranger });
    const { policy, cert } = json as { policy: string; cert: string };
    assert.equal(policy, 'any_cert');
    assert.equal(parseCertificate(cert).id, parseCertificate(asStranger.cert).id);
    assert.deepEqual(await refused('any_cert'), ['No caller certificate']);
  });

  test('a user’s certificate names the user with the data of governance', async () => {
    const { json } = await ask('user_cert', { client: asUser });
    assert.deepEqual(json, {
      policy: 'user_cert',
      id: user.id,
      data: { desk: 7 },
      cert: user.pem,
    });
    const unknown = 'Could not find matching user certificate';
    assert.deepEqual(await refused('user_cert', { client: asStranger }), [unknown]);
    assert.deepEqual(await refused('user_cert', { client: harness.memberClient }), [unknown]);
  });

  test('a member’s certificate names the member', async () => {
    const { json } = await ask('member_cert', { client: harness.memberClient });
    assert.equal((json as { id: string }).id, harness.memberId);
    const unknown = 'Could not find matching member certificate';
    assert.deepEqual(await refused('member_cert', { client: asUser }), [unknown]);
  });

  test('a token names its bearer by claims, and one that has ended nobody', async () => {
    const { json } = await ask('jwt', { headers: await bearer() });
    const { jwt } = json as { jwt: { keyIssuer: string; payload: { sub: string } } };
    assert.equal(jwt.keyIssuer, issuer);
    assert.equal(jwt.payload.sub, 'alice');
    const [ended] = await refused('jwt', { headers: await bearer({ exp: 5 }) });
    assert.match(String(ended), /is after token's Expiration Time \(exp\) claim 5$/);
    const foreign = await refused('jwt', { headers: await bearer({ iss: 'https://other' }) });
    assert.deepEqual(foreign, [`Kid k1 failed issuer constraint validation ${issuer}`]);
    const answer = await ask('jwt');
    assert.match(String(answer.headers['www-authenticate']), /^Bearer realm=/);
  });

  test('a signed body names the user, whoever brings it', async () => {
    const body = signedBy(userKey, user.id);
    const { json } = await ask('user_cose_sign1', { body, headers: cose, client: asStranger });
    assert.deepEqual(json, {
      policy: 'user_cose_sign1',
      id: user.id,
      data: { desk: 7 },
      cert: user.pem,
      cose: { content: toBase64(utf8Encode('order')) },
    });
    const forged = { body: signedBy(strangerKey, user.id), headers: cose };
    assert.deepEqual(await refused('user_cose_sign1', forged), ['Failed to validate COSE Sign1']);
    const member = { body: harness.signedBody('ack'), headers: cose };
    assert.deepEqual(await refused('user_cose_sign1', member), ['Signer is not a known user']);
  });

  test('a signed body of a member needs the type that the endpoint asks for', async () => {
    for (const policy of ['member_cose_sign1', 'active_member_cose_sign1']) {
      const { json } = await ask(policy, { body: harness.signedBody('ack'), headers: cose });
      assert.equal((json as { id: string }).id, harness.memberId);
      const other = { body: harness.signedBody('ballot'), headers: cose };
      assert.deepEqual(await refused(policy, other), [
        'Found ccf.gov.msg.type set to ballot, expected ccf.gov.msg.type to be ack',
      ]);
    }
  });

  test('all_of needs the certificate and the token', async () => {
    const both = await ask('all_of', { client: asUser, headers: await bearer() });
    const value = both.json as { policy: string[]; user_cert: { id: string }; jwt: object };
    assert.deepEqual(value.policy, ['jwt', 'user_cert']);
    assert.equal(value.user_cert.id, user.id);
    assert.deepEqual(await refused('all_of', { headers: await bearer() }), [
      'user_cert:No caller user certificate',
    ]);
    assert.deepEqual(await refused('all_of', { client: asUser }), [
      'jwt:Missing authorization header',
    ]);
  });

  test('of several policies the first that accepts counts', async () => {
    const policyOf = async (...call: Parameters<typeof ask>): Promise<unknown> =>
      ((await ask(...call)).json as { policy: unknown }).policy;
    assert.equal(await policyOf('several', { client: asUser, headers: await bearer() }), 'jwt');
    assert.equal(await policyOf('several', { client: asUser }), 'user_cert');
  });
});
