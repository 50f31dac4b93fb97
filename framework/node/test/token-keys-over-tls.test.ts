/** A whole node whose callers bear tokens of an issuer that rotates its keys. */

import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { after, suite, test } from 'node:test';
import type { JsonValue } from '@coco/base';
import { SignJWT } from 'jose';
import { IssuerServer, issuerRoot } from '../../http/test/issuer-harness.ts';
import type { NodeHarness } from './node-harness.ts';
import { sharedNode } from './shared-node.ts';

const server = await IssuerServer.start();

interface IssuerKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly published: JsonValue;
}

function createKey(kid: string): IssuerKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKey.export({ format: 'jwk' }) as { [name: string]: JsonValue };
  return { kid, privateKey, published: { ...key, kid } };
}

suite('a node that keeps an issuer’s keys fresh', () => {
  let harness: NodeHarness;
  after(async () => {
    await harness.decide([{ name: 'remove_jwt_issuer', args: { issuer: server.url } }]);
    await server.stop();
  });

  const statusWith = async ({ kid, privateKey }: IssuerKey): Promise<number> => {
    const exp = Math.floor(Date.now() / 1000) + 60;
    const token = await new SignJWT({ iss: server.url, exp })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(privateKey);
    const headers = { authorization: `Bearer ${token}` };
    return (await harness.request('/app/bearer', { headers })).status;
  };

  test('takes tokens by the keys that the issuer has now, and by no others', async () => {
    const [first, second] = [createKey('first'), createKey('second')];
    server.publishes([first.published]);
    harness = await sharedNode();
    const name = 'roots';
    const issuer = { issuer: server.url, auto_refresh: true, ca_cert_bundle_name: name };
    const decided = await harness.decide([
      { name: 'set_ca_cert_bundle', args: { name, cert_bundle: issuerRoot } },
      { name: 'set_jwt_issuer', args: issuer },
    ]);
    assert.equal((decided.json as { proposalState: string }).proposalState, 'Accepted');
    while ((await statusWith(first)) !== 200);
    assert.equal(await statusWith(second), 401);
    server.publishes([second.published]);
    while ((await statusWith(second)) !== 200);
    assert.equal(await statusWith(first), 401);
    const { json } = await harness.request('/node/jwt_keys/refresh/metrics');
    const { attempts, successes, failures } = json as Record<string, number>;
    assert.ok((successes ?? 0) >= 2);
    assert.deepEqual([attempts, failures], [successes, 0]);
  });
});
