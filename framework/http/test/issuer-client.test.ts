import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ManualClock } from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';
import { type FetchedKeys, fetchIssuerKeys } from '../src/issuer-client.ts';
import { IssuerServer, issuerRoot, metadataPath } from './issuer-harness.ts';

const foreignRoot = await createCertificate({
  subject: 'Issuer Root',
  key: SigningKey.generate('P-256'),
  isAuthority: true,
  notBeforeMs: Date.now() - 1000,
  days: 1,
});

suite('asking an issuer for its keys', () => {
  let server: IssuerServer;
  const clock = new ManualClock(0);
  const never = new AbortController().signal;
  before(async () => {
    server = await IssuerServer.start();
  });
  after(() => server.stop());

  const fetchFrom = (issuer: string, roots = issuerRoot, signal = never): Promise<FetchedKeys> =>
    fetchIssuerKeys({ issuer, roots, clock, signal });

  const failsBy = async (reason: RegExp, issuer = server.url, roots?: string): Promise<void> =>
    assert.rejects(fetchFrom(issuer, roots), {
      code: 'TokenIssuerFailed',
      status: 502,
      message: reason,
    });

  test('gives the key set of its metadata, and the issuer that it calls itself', async () => {
    server.publishes([{ kid: 'a' }], 'https://127.0.0.1/x');
    const expected = { keySet: { keys: [{ kid: 'a' }] }, constraint: 'https://127.0.0.1/x' };
    assert.deepEqual(await fetchFrom(server.url), expected);
    assert.deepEqual(await fetchFrom(`${server.url}/`), expected);
    server.sends(metadataPath, { jwks_uri: `${server.url}/keys` });
    assert.equal((await fetchFrom(server.url)).constraint, undefined);
  });

  test('a certificate by other roots, or for another host, is not trusted', async () => {
    server.publishes([]);
    await failsBy(/by the roots named for it \([A-Z_]+\)/, server.url, foreignRoot);
    for (const none of ['', 'no roots']) await failsBy(/no root is named for it/, server.url, none);
    const damaged = issuerRoot.replace(/\n[A-Za-z0-9+/=]{20}/, '\nAAAA');
    await failsBy(/does not parse/, server.url, `${issuerRoot}${damaged}`);
    await fetchFrom(server.url, `${foreignRoot}${issuerRoot}`);
    const elsewhere = await IssuerServer.start(['elsewhere.example']);
    elsewhere.publishes([]);
    await failsBy(/ERR_TLS_CERT_ALTNAME_INVALID/, elsewhere.url);
    const { url } = elsewhere;
    await elsewhere.stop();
    await failsBy(/ECONNREFUSED/, url);
  });

  test('the key set is fetched under the same roots', async () => {
    server.sends(metadataPath, { jwks_uri: 'http://127.0.0.1:1/keys' });
    await failsBy(/https URLs only/);
    server.sends(metadataPath, { jwks_uri: 'file:///etc/passwd' });
    await failsBy(/https URLs only/);
    server.sends(metadataPath, { jwks_uri: 'keys' });
    await failsBy(/https URLs only/);
    await failsBy(/https URLs only/, server.url.replace('https', 'http'));
  });

  test('a redirect is not followed', async () => {
    server.publishes([]);
    for (const path of [metadataPath, '/keys']) {
      server.publishes([]);
      server.on(path, (_, response) => {
        response.writeHead(302, { location: `${server.url}/elsewhere` }).end();
      });
      await failsBy(/it answered 302/);
    }
    assert.equal(server.asked.includes('/elsewhere'), false);
  });

  test('a failure’s status and what is no JSON are refused', async () => {
    server.on(metadataPath, (_, response) => void response.writeHead(500).end('{}'));
    await failsBy(/it answered 500/);
    server.on(metadataPath, (_, response) => void response.end('<html>'));
    await failsBy(/not JSON/);
    server.on(metadataPath, (_, response) => void response.end(`${'['.repeat(50_000)}`));
    await failsBy(/not JSON/);
    server.on(metadataPath, (_, response) => void response.end(Buffer.from([0x22, 0xff, 0x22])));
    await failsBy(/not JSON/);
    for (const metadata of [[], 'x', {}, { jwks_uri: 5 }]) {
      server.sends(metadataPath, metadata);
      await failsBy(/no jwks_uri/);
    }
    server.sends(metadataPath, { jwks_uri: `${server.url}/keys`, issuer: 5 });
    await failsBy(/names no issuer/);
  });

  test('a body without end is cut off', async () => {
    server.publishes([]);
    let sent = 0;
    server.on('/keys', (_, response) => {
      const part = Buffer.alloc(64 * 1024, 0x20);
      const more = (): void => {
        sent += part.length;
        if (!response.destroyed) response.write(part, () => setImmediate(more));
      };
      more();
    });
    await failsBy(/over 262144 bytes/);
    assert.ok(sent < 64 * 1024 * 1024);
  });

  test('headers without end are cut off', async () => {
    server.on(metadataPath, (_, response) => {
      response.setHeader('x-long', 'a'.repeat(64 * 1024));
      response.end('{}');
    });
    await failsBy(/HPE_HEADER_OVERFLOW/);
  });

  test('an issuer that is slow has twenty seconds by the clock port, drops included', async () => {
    server.publishes([]);
    const reached = Promise.withResolvers<void>();
    server.on('/keys', (_, response) => {
      response.write(' ');
      reached.resolve();
    });
    const failing = failsBy(/longer than 20000 ms/);
    await reached.promise;
    clock.advance(19_999);
    clock.advance(1);
    await failing;
    const dumb = Promise.withResolvers<void>();
    server.on(metadataPath, () => dumb.resolve());
    const silent = failsBy(/longer than 20000 ms/);
    await dumb.promise;
    clock.advance(20_000);
    await silent;
  });

  test('a connection that ends early is a failure', async () => {
    server.publishes([]);
    server.on('/keys', (request) => void request.socket.destroy());
    await failsBy(/cannot be reached|ECONNRESET/);
    server.on('/keys', (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => request.socket.destroy());
    });
    await failsBy(/cannot be reached|ECONNRESET/);
  });

  test('asking ends when the node stops', async () => {
    const stop = new AbortController();
    const reached = Promise.withResolvers<void>();
    server.on(metadataPath, () => reached.resolve());
    const asked = assert.rejects(fetchFrom(server.url, issuerRoot, stop.signal), {
      code: 'TokenIssuerFailed',
    });
    await reached.promise;
    stop.abort();
    await asked;
  });
});
