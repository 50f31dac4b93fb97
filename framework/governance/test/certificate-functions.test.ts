import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { equalBytes } from '@coco/base';
import { certificateIssuedBy, parseCertificate } from '@coco/crypto';
import type { ScriptValue } from '@coco/isolate';
import { nativeFunctions } from '../src/native-functions.ts';
import { transitionServiceToOpen } from '../src/open-service.ts';
import { nodeInfos, serviceConfig, serviceInfo } from '../src/tables.ts';
import { createMember, TestService } from './service-fixture.ts';

const validFrom = '20270101000000Z';
const notBeforeMs = Date.UTC(2027, 0, 1);
const dayMs = 86_400_000;
const member = await createMember();
const service = await TestService.start([member]);
const { node, serviceCertificate, serviceKey } = service.identity;
const request = node.certificateSigningRequestPem as string;

/** Calls the function as an action would; what it returns is PEM. */
async function call(name: string, ...args: readonly ScriptValue[]): Promise<string> {
  const run = nativeFunctions.get(`network.${name}`);
  assert.ok(run);
  const transaction = service.store.begin();
  const context = { transaction, ports: service.ports, whenAppended: () => {} };
  const value = await run(context, args);
  assert.equal(transaction.hasWrites, false);
  assert.ok(typeof value === 'string');
  return value;
}

const endorse = (...args: readonly ScriptValue[]): Promise<string> =>
  call('generateEndorsedCertificate', ...args);
const certify = (...args: readonly ScriptValue[]): Promise<string> =>
  call('generateNetworkCertificate', ...args);

suite('certificates for actions', () => {
  test('a node’s certificate is renewed under its own key and names', async () => {
    const pem = await endorse(request, validFrom, 90);
    const [renewed, before] = [
      parseCertificate(pem),
      parseCertificate(node.endorsedCertificatePem),
    ];
    assert.ok(equalBytes(renewed.spki, before.spki));
    assert.equal(renewed.subject, before.subject);
    assert.equal(renewed.notBeforeMs, notBeforeMs);
    assert.equal(renewed.notAfterMs, notBeforeMs + 90 * dayMs - 1000);
    assert.ok(certificateIssuedBy(pem, serviceCertificate));
  });

  test('the service’s certificate is renewed under the key that signs the ledger', async () => {
    const pem = await certify('2027-01-01 00:00:00', 365);
    const renewed = parseCertificate(pem);
    assert.ok(equalBytes(renewed.spki, serviceKey.spki));
    assert.equal(renewed.subject, 'Service');
    assert.equal(renewed.notAfterMs, notBeforeMs + 365 * dayMs - 1000);
    assert.notEqual(renewed.id, parseCertificate(serviceCertificate).id);
    // What the old one vouches for the new one vouches for, and the other way round.
    assert.ok(certificateIssuedBy(node.endorsedCertificatePem, pem));
    assert.ok(certificateIssuedBy(await endorse(request, validFrom, 1), serviceCertificate));
  });

  test('neither holds longer than the service’s configuration lets it', async () => {
    const tooLong = { code: 'InvalidInput', message: /days\) is not allowed: service max allowed/ };
    for (const days of [366, 0, -1, 1.5, Number.NaN]) {
      await assert.rejects(endorse(request, validFrom, days), tooLong);
      await assert.rejects(certify(validFrom, days), tooLong);
    }
    service.write((transaction) =>
      serviceConfig.put(transaction, {
        ...serviceConfig.require(transaction),
        maximum_node_certificate_validity_days: 7,
        maximum_service_certificate_validity_days: 9,
      }),
    );
    await endorse(request, validFrom, 7);
    await certify(validFrom, 9);
    await assert.rejects(endorse(request, validFrom, 8), tooLong);
    await assert.rejects(certify(validFrom, 10), tooLong);
  });

  test('what is no request, no time and no number is refused', async () => {
    const refused = { code: 'InvalidInput' };
    await assert.rejects(endorse('no request', validFrom, 1), { code: 'InvalidSigningRequest' });
    const wrong = (...args: readonly ScriptValue[]): Promise<void> =>
      assert.rejects(async () => endorse(...args), refused);
    await wrong(undefined, validFrom, 1);
    await wrong(request, 'soon', 1);
    await wrong(request, 5, 1);
    await wrong(request, validFrom, '1');
    await wrong();
    await assert.rejects(async () => certify('soon', 1), refused);
  });

  test('the request of the first node stands in the ledger', () => {
    const state = service.store.readAt(service.store.seqno);
    assert.equal(nodeInfos.get(state, node.id)?.certificate_signing_request, request);
  });

  test('a service is opened by a certificate of its key from before or after a renewal', async () => {
    const opening = await TestService.start([member]);
    opening.sign();
    await opening.acknowledge(member);
    const stranger = service.identity.serviceCertificate;
    const run = (next: string): void =>
      opening.write((transaction) =>
        transitionServiceToOpen(transaction, { previous: undefined, next }, opening.ports),
      );
    assert.throws(() => run(stranger), { code: 'InvalidInput' });
    const before = opening.identity.serviceCertificate;
    const context = { ports: opening.ports, whenAppended: () => {} };
    const transaction = opening.store.begin();
    const make = nativeFunctions.get('network.generateNetworkCertificate');
    const cert = String(await make?.({ ...context, transaction }, [validFrom, 1]));
    opening.write((writing) => serviceInfo.put(writing, { ...serviceInfo.require(writing), cert }));
    run(before);
    assert.equal(opening.get('/service/info').field('status'), 'Open');
    assert.equal(opening.get('/service/info').field('certificate'), cert);
  });
});
