import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { utf8Encode } from '@coco/base';
import { certificateIssuedBy, parseCertificate, SigningKey } from '@coco/crypto';
import { nodeReplacements } from '../src/admit-node.ts';
import { nodeJoins, raftIdOf } from '../src/node-joins.ts';
import { standingPermissions } from '../src/standing-permissions.ts';
import {
  nodeCertificates,
  nodeInfos,
  type ServiceStatus,
  serviceInfo,
  virtualHostData,
  virtualMeasurements,
} from '../src/tables.ts';
import { createMember, TestService } from './service-fixture.ts';
import { ask, createJoiner, type Joiner } from './test-joiner.ts';

const member = await createMember();

async function serviceThatIs(status: ServiceStatus): Promise<TestService> {
  const service = await TestService.start([member]);
  service.write((transaction) => {
    serviceInfo.put(transaction, { ...serviceInfo.require(transaction), status });
  });
  return service;
}

function setStatus(
  service: TestService,
  id: string,
  status: 'Pending' | 'Trusted' | 'Retired',
): void {
  service.write((transaction) => {
    const info = nodeInfos.get(transaction, id);
    assert.ok(info);
    nodeInfos.put(transaction, id, { ...info, status });
  });
}

function permitReplacement(service: TestService, silent_minutes: number): void {
  service.write((transaction) => {
    standingPermissions.put(transaction, 'node_replacement', { silent_minutes });
  });
}

const stateOf = (service: TestService) => service.store.readAt(service.store.seqno);

suite('a node that asks to join', () => {
  test('is trusted at once before the service is open, with a certificate of its key', async () => {
    const service = await serviceThatIs('Opening');
    const joiner = await createJoiner({ nodeData: { site: 'north' } });
    const before = service.store.seqno;
    const admission = await ask(service, joiner);
    const { nodeId, status, isNew } = admission;
    assert.deepEqual(
      { nodeId, status, isNew },
      { nodeId: joiner.id, status: 'Trusted', isNew: true },
    );
    const state = stateOf(service);
    assert.equal(raftIdOf(state, joiner.id), before + 1);
    const info = nodeInfos.get(state, joiner.id);
    assert.equal(info?.status, 'Trusted');
    assert.equal(info?.ledger_secret_seqno, 1);
    assert.deepEqual(info?.node_data, { site: 'north' });
    const endorsed = nodeCertificates.get(state, joiner.id) ?? '';
    assert.ok(certificateIssuedBy(endorsed, service.identity.serviceCertificate));
    assert.equal(
      parseCertificate(endorsed).spki.join(),
      parseCertificate(joiner.certificate).spki.join(),
    );
    assert.match(
      String(info?.public_key),
      /^-----BEGIN PUBLIC KEY-----\n[\s\S]+\n-----END PUBLIC KEY-----\n$/,
    );
  });

  test('waits for the members in an open service, without a certificate', async () => {
    const service = await serviceThatIs('Open');
    const joiner = await createJoiner();
    assert.equal((await ask(service, joiner)).status, 'Pending');
    const state = stateOf(service);
    assert.equal(nodeInfos.get(state, joiner.id)?.status, 'Pending');
    assert.equal(nodeCertificates.get(state, joiner.id), undefined);
    assert.ok(raftIdOf(state, joiner.id));
  });

  test('is told how it stands when it asks again, and nothing is written', async () => {
    const service = await serviceThatIs('Open');
    const joiner = await createJoiner();
    await ask(service, joiner);
    const raftId = raftIdOf(stateOf(service), joiner.id);
    const before = service.store.seqno;
    const again = await ask(service, joiner);
    assert.deepEqual([again.status, again.isNew], ['Pending', false]);
    assert.equal(service.store.seqno, before);
    setStatus(service, joiner.id, 'Trusted');
    assert.equal((await ask(service, joiner)).status, 'Trusted');
    assert.equal(raftIdOf(stateOf(service), joiner.id), raftId);
  });

  test('of two requests at once with one key one adds it', async () => {
    const service = await serviceThatIs('Open');
    const joiner = await createJoiner();
    const both = await Promise.all([ask(service, joiner), ask(service, joiner)]);
    assert.deepEqual(both.map(({ isNew }) => isNew).sort(), [false, true]);
  });

  test('is refused when it was retired or removed: an id in Raft is given once', async () => {
    const service = await serviceThatIs('Open');
    const joiner = await createJoiner();
    await ask(service, joiner);
    setStatus(service, joiner.id, 'Retired');
    await assert.rejects(ask(service, joiner), {
      code: 'InvalidNodeState',
      message: 'Joining node is not in expected state (Retired)',
    });
    service.write((transaction) => nodeInfos.delete(transaction, joiner.id));
    await assert.rejects(ask(service, joiner), { code: 'InvalidNodeState', message: /removed/ });
    assert.ok(nodeJoins.has(stateOf(service), joiner.id));
  });

  test('is refused with CCF’s words for what its evidence lacks, and leaves no trace', async () => {
    const service = await serviceThatIs('Open');
    const before = service.store.seqno;
    const other = SigningKey.generate('P-256');
    const cases: readonly [Joiner, object][] = [
      [
        await createJoiner({ measurement: 'another program' }),
        { code: 'InvalidQuote', message: 'Quote does not contain known enclave measurement' },
      ],
      [
        await createJoiner({ hostData: 'bb'.repeat(32) }),
        { code: 'InvalidQuote', message: 'Quote host data is not authorised' },
      ],
      [
        await createJoiner({ evidenceOf: other }),
        {
          code: 'InvalidQuote',
          message: "Quote report data does not contain node's public key hash",
        },
      ],
      [
        await createJoiner({ root: other }),
        { code: 'InvalidQuote', message: 'The quote is not signed by an accepted root.' },
      ],
      [
        await createJoiner({ requestOf: other }),
        {
          code: 'CSRPublicKeyInvalid',
          message: 'Public key in CSR does not match TLS client identity.',
        },
      ],
    ];
    for (const [joiner, refusal] of cases) await assert.rejects(ask(service, joiner), refusal);
    const honest = await createJoiner();
    const forged = (changes: Partial<Joiner['request']>): Joiner => ({
      ...honest,
      request: { ...honest.request, ...changes },
    });
    await assert.rejects(ask(service, { ...honest, certificate: undefined }), {
      code: 'InvalidAuthenticationInfo',
    });
    await assert.rejects(ask(service, forged({ signingRequestPem: 'no request' })), {
      code: 'InvalidSigningRequest',
    });
    await assert.rejects(ask(service, forged({ encryptionPublicKeyPem: 'no key' })), {
      code: 'InvalidKey',
    });
    const { quoteInfo } = honest.request;
    await assert.rejects(ask(service, forged({ quoteInfo: { ...quoteInfo, format: 'AMD' } })), {
      code: 'UnsupportedEvidenceFormat',
    });
    await assert.rejects(ask(service, forged({ quoteInfo: { ...quoteInfo, quote: '?' } })), {
      code: 'EvidenceMalformed',
    });
    // Another node's request, whole, over a connection of one's own.
    const thief = await createJoiner();
    await assert.rejects(ask(service, { ...honest, certificate: thief.certificate }), {
      code: 'InvalidQuote',
    });
    assert.equal(service.store.seqno, before);
  });

  test('what the members took back from the policy counts at once', async () => {
    const service = await serviceThatIs('Open');
    service.write((transaction) => {
      virtualMeasurements.delete(transaction, 'test measurement');
      virtualMeasurements.put(transaction, 'newer', 'AllowedToJoin');
      virtualHostData.put(transaction, 'cc'.repeat(32), new Uint8Array(8));
    });
    await assert.rejects(ask(service, await createJoiner()), { code: 'InvalidQuote' });
    const newer = await createJoiner({ measurement: 'newer', hostData: 'cc'.repeat(32) });
    assert.equal((await ask(service, newer)).status, 'Pending');
  });

  test('is refused with the address of another node, but not of a retired one', async () => {
    const service = await serviceThatIs('Open');
    const first = await createJoiner({ address: '10.0.0.1:9000' });
    await ask(service, first);
    const second = await createJoiner({ address: '10.0.0.1:9000' });
    await assert.rejects(ask(service, second), {
      code: 'NodeAlreadyExists',
      message: `A node with the same published node address 10.0.0.1:9000 already exists (node id: ${first.id}).`,
    });
    setStatus(service, first.id, 'Retired');
    assert.equal((await ask(service, second)).status, 'Pending');
  });

  test('is refused when it asks again with another encryption key', async () => {
    const service = await serviceThatIs('Open');
    const joiner = await createJoiner();
    await ask(service, joiner);
    const { encryptionPublicKeyPem } = (await createJoiner()).request;
    const request = { ...joiner.request, encryptionPublicKeyPem };
    await assert.rejects(ask(service, { ...joiner, request }), { code: 'InvalidInput' });
  });

  test('waits outside when too many came already, and while the service recovers', async () => {
    const honest = await createJoiner();
    const cases = [
      ['Open', 'Pending'],
      ['Opening', 'Trusted'],
    ] as const;
    for (const [status, known] of cases) {
      const service = await serviceThatIs(status);
      service.write((transaction) => {
        const [, info] = nodeInfos.rows(transaction)[0] ?? assert.fail();
        for (let at = 0; at < 32; at++) {
          const id = at.toString(16).padStart(64, '0');
          nodeInfos.put(transaction, id, { ...info, status: known });
        }
      });
      await assert.rejects(ask(service, honest), { code: 'TooManyPendingNodes' });
    }
    for (const status of ['Recovering', 'WaitingForRecoveryShares'] as const) {
      await assert.rejects(ask(await serviceThatIs(status), honest), { code: 'ServiceRecovering' });
    }
  });
});

suite('the standing permission node_replacement', () => {
  const minuteMs = 60_000;
  const silent = { silentMs: () => 30 * minuteMs };

  async function withGoneNode(options: Parameters<typeof createJoiner>[0] = {}) {
    const service = await serviceThatIs('Open');
    const gone = await createJoiner({ address: '10.0.0.1:9000', ...options });
    await ask(service, gone);
    setStatus(service, gone.id, 'Trusted');
    permitReplacement(service, 30);
    return { service, gone };
  }

  test('trusts a node of the same code and address in place of a silent one, and says why', async () => {
    const { service, gone } = await withGoneNode();
    const joiner = await createJoiner({ address: '10.0.0.1:9000' });
    const before = service.store.seqno;
    const admission = await ask(service, joiner, silent);
    assert.equal(admission.status, 'Trusted');
    assert.equal(admission.replacedId, gone.id);
    assert.equal(service.store.seqno, before + 1);
    const state = stateOf(service);
    assert.equal(nodeInfos.get(state, gone.id)?.status, 'Retired');
    assert.equal(nodeInfos.get(state, joiner.id)?.status, 'Trusted');
    assert.ok(nodeCertificates.get(state, joiner.id));
    assert.deepEqual(nodeReplacements.get(state, joiner.id), {
      reason: 'node_replacement',
      permission: { silent_minutes: 30 },
      replaced: gone.id,
    });
  });

  test('goes by the slot that operators name, where they do', async () => {
    const { service, gone } = await withGoneNode({ nodeData: { slot: 'north' } });
    const elsewhere = await createJoiner({ nodeData: { slot: 'south' } });
    assert.equal((await ask(service, elsewhere, silent)).status, 'Pending');
    const unnamed = await createJoiner({ address: '10.0.0.1:9000' });
    await assert.rejects(ask(service, unnamed, silent), { code: 'NodeAlreadyExists' });
    const joiner = await createJoiner({ nodeData: { slot: 'north' } });
    assert.equal((await ask(service, joiner, silent)).replacedId, gone.id);
  });

  test('lets nobody in place of a node that is heard, or was until lately', async () => {
    const { service, gone } = await withGoneNode();
    const joiner = await createJoiner({ address: '10.0.0.1:9000' });
    const asked: number[] = [];
    const heard = {
      silentMs: (id: number) => {
        asked.push(id);
        return 30 * minuteMs - 1;
      },
    };
    await assert.rejects(ask(service, joiner, heard), { code: 'NodeAlreadyExists' });
    assert.deepEqual(asked, [raftIdOf(stateOf(service), gone.id)]);
  });

  test('is for the same code alone, and for none that the policy refuses now', async () => {
    const { service } = await withGoneNode();
    service.write((transaction) => {
      virtualMeasurements.put(transaction, 'newer', 'AllowedToJoin');
    });
    const newer = await createJoiner({ measurement: 'newer', address: '10.0.0.1:9000' });
    await assert.rejects(ask(service, newer, silent), { code: 'NodeAlreadyExists' });
    service.write((transaction) => virtualMeasurements.delete(transaction, 'test measurement'));
    const same = await createJoiner({ address: '10.0.0.1:9000' });
    await assert.rejects(ask(service, same, silent), { code: 'InvalidQuote' });
  });

  test('replaces trusted nodes alone, and each once', async () => {
    const { service, gone } = await withGoneNode();
    setStatus(service, gone.id, 'Pending');
    const joiner = await createJoiner({ address: '10.0.0.1:9000' });
    await assert.rejects(ask(service, joiner, silent), { code: 'NodeAlreadyExists' });
    setStatus(service, gone.id, 'Trusted');
    const other = await createJoiner({ address: '10.0.0.1:9000' });
    const outcomes = await Promise.allSettled([
      ask(service, joiner, { silentMs: (id) => (id < 5 ? 30 * minuteMs : 0) }),
      ask(service, other, { silentMs: (id) => (id < 5 ? 30 * minuteMs : 0) }),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });

  test('without it nobody is trusted without the members', async () => {
    const service = await serviceThatIs('Open');
    const gone = await createJoiner({ address: '10.0.0.1:9000' });
    await ask(service, gone);
    setStatus(service, gone.id, 'Trusted');
    const joiner = await createJoiner({ address: '10.0.0.1:9000' });
    await assert.rejects(ask(service, joiner, silent), { code: 'NodeAlreadyExists' });
  });

  test('a damaged row is a fault, and admits nobody', async () => {
    const { service } = await withGoneNode();
    service.write((transaction) => {
      transaction
        .map(standingPermissions.name)
        .set(utf8Encode('node_replacement'), utf8Encode('{"silent_minutes":0}'));
    });
    const joiner = await createJoiner({ address: '10.0.0.1:9000' });
    await assert.rejects(ask(service, joiner, silent), { code: 'GovernanceRowInvalid' });
  });
});
