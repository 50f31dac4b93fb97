import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { isJsonObject, type JsonValue } from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { appEndpoints, modules } from '../src/app-tables.ts';
import { authorityBundles, tokenIssuers, tokenKeys } from '../src/jwt-tables.ts';
import { userCertificates, userInfos } from '../src/tables.ts';
import { answerOf, createMember, refusalOf, TestService } from './service-fixture.ts';

const user = await createMember('NonParticipant');
const service = await TestService.start([await createMember()]);
const { app } = JSON.parse(readFileSync(new URL('recorded-gov.json', import.meta.url), 'utf8'));
const preview = '?api-version=2023-06-01-preview';

suite('what governance shows of the application', () => {
  test('the endpoints of a bundle, in both forms, as CCF shows them', async () => {
    service.write((transaction) => {
      for (const [path, operations] of Object.entries(app.original)) {
        for (const [verb, properties] of Object.entries(operations as object)) {
          appEndpoints.put(transaction, `${verb} ${path}`, properties);
        }
      }
    });
    assert.deepEqual(service.get('/service/javascript-app').body, { endpoints: app.described });
    const original = await service.request(
      'GET',
      '/gov/service/javascript-app?case=original&api-version=2024-07-01',
    );
    assert.deepEqual(answerOf(original).body, { endpoints: app.original });
    const other = await service.request(
      'GET',
      '/gov/service/javascript-app?case=upper&api-version=2024-07-01',
    );
    assert.deepEqual(refusalOf(answerOf(other)), [
      400,
      'InvalidQueryParameterValue',
      "Accepted values for the 'case' query parameter are: original",
    ]);
    service.write((transaction) => appEndpoints.put(transaction, 'GET /bare', {}));
    const { body } = service.get('/service/javascript-app');
    assert.ok(isJsonObject(body) && isJsonObject(body.endpoints));
    assert.deepEqual(body.endpoints['/bare'], {
      GET: {
        jsModule: '',
        jsFunction: '',
        forwardingRequired: 'always',
        redirectionStrategy: 'none',
        authnPolicies: [],
        mode: 'readwrite',
        openApi: {},
      },
    });
  });

  test('modules, whose names hold slashes', async () => {
    service.write((transaction) => {
      modules.put(transaction, '/logging.js', 'export const one = 1;');
      modules.put(transaction, '/lib/two.js', 'export const two = 2;');
    });
    assert.deepEqual(service.get('/service/javascript-modules').body, {
      value: [{ moduleName: '/lib/two.js' }, { moduleName: '/logging.js' }],
    });
    const shown = service.get('/service/javascript-modules/%2Flib%2Ftwo.js');
    assert.equal(shown.text, 'export const two = 2;');
    assert.equal(shown.headers['content-type'], 'text/javascript');
    assert.deepEqual(refusalOf(service.get('/service/javascript-modules/two.js')), [
      404,
      'ResourceNotFound',
      'Module two.js does not exist.',
    ]);
    for (const path of ['javascript-app', 'javascript-modules', 'javascript-modules/x']) {
      const early = answerOf(await service.request('GET', `/gov/service/${path}${preview}`));
      assert.deepEqual(refusalOf(early), [
        400,
        'UnsupportedApiVersionValue',
        "Unsupported api-version '2023-06-01-preview'. The supported api-versions are: 2024-07-01",
      ]);
    }
  });

  test('token issuers, their keys, and roots of TLS', () => {
    const { spki } = SigningKey.generate('P-256');
    service.write((transaction) => {
      tokenIssuers.put(transaction, 'https://one', {
        auto_refresh: true,
        ca_cert_bundle_name: 'roots',
      });
      tokenIssuers.put(transaction, 'https://two', { auto_refresh: false });
      authorityBundles.put(transaction, 'roots', 'PEM');
      tokenKeys.put(transaction, 'key', [
        { publicKey: spki, issuer: 'https://one', constraint: 'https://one/tenant' },
        { publicKey: spki, issuer: 'https://two', constraint: undefined },
      ]);
    });
    const { body } = service.get('/service/jwk');
    assert.ok(isJsonObject(body) && isJsonObject(body.keys));
    assert.deepEqual(body.issuers, {
      'https://one': { autoRefresh: true, caCertBundleName: 'roots' },
      'https://two': { autoRefresh: false },
    });
    assert.deepEqual(body.caCertBundles, { roots: 'PEM' });
    const keys = body.keys.key as readonly { readonly [name: string]: JsonValue }[];
    assert.deepEqual(
      keys.map(({ issuer, constraint }) => [issuer, constraint]),
      [
        ['https://one', 'https://one/tenant'],
        ['https://two', null],
      ],
    );
    for (const { publicKey } of keys) {
      const parsed = createPublicKey(String(publicKey)).export({ type: 'spki', format: 'der' });
      assert.deepEqual(new Uint8Array(parsed), new Uint8Array(spki));
    }
  });

  test('users, with what the consortium keeps of them', () => {
    service.write((transaction) => {
      userCertificates.put(transaction, user.id, user.certificatePem);
      userInfos.put(transaction, user.id, { user_data: { isAdmin: true } });
    });
    const shown = {
      userId: user.id,
      certificate: user.certificatePem,
      userData: { user_data: { isAdmin: true } },
    };
    assert.deepEqual(service.get('/service/users').body, { value: [shown] });
    assert.deepEqual(service.get(`/service/users/${user.id}`).body, shown);
    const unknown = 'ab'.repeat(32);
    assert.deepEqual(refusalOf(service.get(`/service/users/${unknown}`)), [
      404,
      'ResourceNotFound',
      `User u[${unknown}] does not exist.`,
    ]);
  });
});

suite('GET /gov/api', () => {
  test('describes every endpoint, and that each but itself needs a version', async () => {
    const { body } = service.get('/api');
    assert.ok(isJsonObject(body) && isJsonObject(body.paths) && isJsonObject(body.info));
    assert.equal(body.openapi, '3.0.0');
    assert.equal(body.info.version, '2024-07-01');
    const described = Object.entries(body.paths).flatMap(([path, operations]) =>
      Object.keys(isJsonObject(operations) ? operations : {}).map((verb) => `${verb} ${path}`),
    );
    const offered = service.registry
      .endpoints()
      .map(({ method, path }) => `${method.toLowerCase()} ${path}`);
    assert.deepEqual(described.sort(), offered.sort());
    const ballot = body.paths['/gov/members/proposals/{proposalId}/ballots/{memberId}:submit'];
    const { parameters } = isJsonObject(ballot) && isJsonObject(ballot.post) ? ballot.post : {};
    assert.deepEqual(
      (parameters as readonly { readonly name: string }[]).map(({ name }) => name),
      ['proposalId', 'memberId', 'api-version'],
    );
    for (const path of ['/gov/api', '/gov/commit', '/gov/tx']) {
      assert.ok(!JSON.stringify(body.paths[path]).includes('api-version'), path);
    }
    const bare = answerOf(await service.request('GET', '/gov/api'));
    assert.deepEqual(bare.body, body);
    const wrong = answerOf(await service.request('GET', '/gov/api?api-version=1'));
    assert.equal(wrong.field('error.code'), 'UnsupportedApiVersionValue');
  });
});
