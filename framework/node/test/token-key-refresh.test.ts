import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, beforeEach, suite, test } from 'node:test';
import {
  asView,
  encodeJson,
  type JsonValue,
  type LogFields,
  ManualClock,
  utf8Encode,
} from '@coco/base';
import { identityLookup, serviceInfo } from '@coco/governance';
import { IssuerServer, issuerRoot, metadataPath } from '../../http/test/issuer-harness.ts';
import { PipelineHarness } from '../../replication/test/pipeline-harness.ts';
import { TokenKeyRefresh } from '../src/token-key-refresh.ts';

const intervalMs = 60_000;

function webKey(kid: string): JsonValue {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKey.export({ format: 'jwk' }) as { [name: string]: JsonValue };
  return { ...key, kid };
}

suite('the refresh of token issuers’ keys', () => {
  let server: IssuerServer;
  let clock: ManualClock;
  let harness: PipelineHarness;
  let refresh: TokenKeyRefresh;
  let warnings: LogFields[];
  let isOnDuty: boolean;
  before(async () => {
    server = await IssuerServer.start();
  });
  after(() => server.stop());

  beforeEach(async () => {
    clock = new ManualClock(0);
    harness = new PipelineHarness();
    warnings = [];
    isOnDuty = true;
    harness.pipeline.startExecuting();
    refresh = new TokenKeyRefresh({
      clock,
      log: {
        write: (level, event, fields = {}) => {
          assert.equal(`${level} ${event}`, 'warning jwt.refreshFailed');
          warnings.push(fields);
        },
      },
      pipeline: harness.pipeline,
      intervalMs,
      isOnDuty: () => isOnDuty,
    });
    await settle();
  });

  /** Lets issuers be asked, and commits what was written. */
  async function settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await refresh.whenIdle();
      await harness.settle();
      harness.commit(harness.proposed.length);
    }
  }

  function put(map: string, key: string, value: JsonValue): void {
    harness.pipeline.execute((transaction) => {
      transaction.map(`public:ccf.gov.${map}`).set(utf8Encode(key), encodeJson(value));
      return { result: undefined };
    });
  }

  async function addIssuer(url: string = server.url, bundle = 'roots'): Promise<void> {
    put('tls.ca_cert_bundles', 'roots', issuerRoot);
    put('jwt.issuers', url, { issuer: url, auto_refresh: true, ca_cert_bundle_name: bundle });
    await settle();
  }

  const issuersOf = (kid: string): readonly string[] =>
    identityLookup(harness.pipeline.committedState())
      .tokenKeys(kid)
      .map(({ issuer }) => issuer);

  test('fetches the keys of an issuer as soon as its row commits', async () => {
    server.publishes([webKey('a'), webKey('b')]);
    await addIssuer();
    assert.deepEqual(issuersOf('a'), [server.url]);
    const [key] = identityLookup(harness.pipeline.committedState()).tokenKeys('b');
    assert.equal(key?.constraint, server.url);
    assert.deepEqual(refresh.metrics(), { attempts: 1, successes: 1, failures: 0 });
  });

  test('follows a rotation in its interval, and writes nothing when nothing changed', async () => {
    server.publishes([webKey('a')]);
    await addIssuer();
    const { committedSeqno } = harness.pipeline;
    clock.advance(intervalMs);
    await settle();
    assert.equal(harness.pipeline.committedSeqno, committedSeqno);
    server.publishes([webKey('b')]);
    clock.advance(intervalMs);
    await settle();
    assert.deepEqual([issuersOf('a'), issuersOf('b')], [[], [server.url]]);
    assert.deepEqual(refresh.metrics(), { attempts: 3, successes: 3, failures: 0 });
  });

  test('asks when the service opens, and not before', async () => {
    isOnDuty = false;
    server.publishes([webKey('a')]);
    await addIssuer();
    assert.deepEqual(refresh.metrics().attempts, 0);
    isOnDuty = true;
    harness.pipeline.execute((transaction) => {
      serviceInfo.put(transaction, { cert: '', status: 'Open' });
      return { result: undefined };
    });
    await settle();
    assert.deepEqual(issuersOf('a'), [server.url]);
  });

  test('what an issuer does not give changes nothing and is counted', async () => {
    server.publishes([webKey('a')]);
    await addIssuer();
    const wrong: readonly (() => void)[] = [
      () => server.on(metadataPath, (_, response) => void response.writeHead(503).end()),
      () => server.publishes([]),
      () => server.publishes([webKey('a'), { kid: 'b', kty: 'OKP' }]),
      () => server.publishes([webKey('b')], 'https://foreign.example'),
      () => server.sends('/keys', 'no set'),
    ];
    for (const make of wrong) {
      server.publishes([webKey('b')]);
      make();
      clock.advance(intervalMs);
      await settle();
      assert.deepEqual([issuersOf('a'), issuersOf('b')], [[server.url], []]);
    }
    const failures = wrong.length;
    assert.deepEqual(refresh.metrics(), { attempts: failures + 1, successes: 1, failures });
    assert.deepEqual(
      warnings.map(({ issuer, code }) => `${issuer} ${code}`),
      ['TokenIssuerFailed', ...Array(4).fill('InvalidInput')].map(
        (code) => `${server.url} ${code}`,
      ),
    );
  });

  test('one issuer’s failure is no other’s', async () => {
    server.publishes([webKey('a')]);
    const gone = await IssuerServer.start();
    const goneUrl = gone.url;
    await gone.stop();
    put('jwt.issuers', goneUrl, { auto_refresh: true, ca_cert_bundle_name: 'roots' });
    put('jwt.issuers', 'https://unrooted.example', { auto_refresh: true });
    put('jwt.issuers', 'https://resting.example', { auto_refresh: false });
    await addIssuer();
    assert.deepEqual(issuersOf('a'), [server.url]);
    assert.equal(refresh.metrics().successes >= 1, true);
    assert.deepEqual(
      new Set(warnings.map(({ issuer }) => issuer)),
      new Set([goneUrl, 'https://unrooted.example']),
    );
  });

  test('an issuer that was removed while it was asked gets no keys', async () => {
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    server.publishes([webKey('a')]);
    server.on('/keys', (_, response) => {
      asked.resolve();
      void gate.promise.then(() => response.end(JSON.stringify({ keys: [webKey('a')] })));
    });
    put('tls.ca_cert_bundles', 'roots', issuerRoot);
    const row = { auto_refresh: true, ca_cert_bundle_name: 'roots' };
    put('jwt.issuers', server.url, row);
    await harness.settle();
    harness.commit(harness.proposed.length);
    await asked.promise;
    harness.pipeline.execute((transaction) => {
      transaction.map('public:ccf.gov.jwt.issuers').delete(utf8Encode(server.url));
      return { result: undefined };
    });
    gate.resolve();
    await settle();
    assert.deepEqual(issuersOf('a'), []);
    assert.equal(
      warnings.some(({ reason }) => /are not refreshed/.test(`${reason}`)),
      true,
    );
  });

  test('keys that were fetched in an office that is lost are gone, and fetched anew', async () => {
    server.publishes([webKey('a')]);
    put('tls.ca_cert_bundles', 'roots', issuerRoot);
    put('jwt.issuers', server.url, { auto_refresh: true, ca_cert_bundle_name: 'roots' });
    await harness.settle();
    harness.commit(harness.proposed.length);
    await refresh.whenIdle();
    const executed = (): number =>
      identityLookup(harness.pipeline.executedState()).tokenKeys('a').length;
    assert.equal(executed(), 1);
    harness.pipeline.loseOffice(asView(3));
    harness.proposed.length = 0;
    assert.equal(executed(), 0);
    harness.pipeline.startExecuting(asView(4));
    clock.advance(intervalMs);
    await settle();
    assert.deepEqual(issuersOf('a'), [server.url]);
  });

  test('a stop waits for no issuer', async () => {
    const asked = Promise.withResolvers<void>();
    server.on(metadataPath, () => asked.resolve());
    put('tls.ca_cert_bundles', 'roots', issuerRoot);
    put('jwt.issuers', server.url, { auto_refresh: true, ca_cert_bundle_name: 'roots' });
    await harness.settle();
    harness.commit(harness.proposed.length);
    await asked.promise;
    await refresh.stop();
    assert.deepEqual([warnings, refresh.metrics().failures], [[], 0]);
  });
});
