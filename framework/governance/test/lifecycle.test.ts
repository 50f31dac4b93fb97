/** A service's whole life: genesis, acknowledgement, opening, disaster, recovery, opening again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64, toBase64, toHex } from '@coco/base';
import { findEndorsedIdentity, verifyEndorsement } from '@coco/receipt';
import { decryptShare } from '../src/governance-request.ts';
import {
  isReadingPrivateLedger,
  openRecoveredService,
  secretsForNode,
  serviceStatus,
} from '../src/open-service.ts';
import { identityEndorsement, lastRecoveryType, nodeInfos, serviceInfo } from '../src/tables.ts';
import { type Answer, createMember, type TestMember, TestService } from './service-fixture.ts';

async function openedBy(member: TestMember): Promise<TestService> {
  const service = await TestService.start([member]);
  service.sign();
  assert.equal((await service.acknowledge(member)).status, 204);
  const proposed = await service.open([member]);
  assert.equal(proposed.field('proposalState'), 'Accepted');
  return service;
}

async function submitShare(service: TestService, member: TestMember): Promise<Answer> {
  const encrypted = service.get(`/recovery/encrypted-shares/${member.id}`).field('encryptedShare');
  assert.ok(typeof encrypted === 'string' && member.encryptionKey);
  const share = decryptShare(encrypted, member.encryptionKey);
  return await service.post(member, `/recovery/members/${member.id}:recover`, {
    type: 'recovery_share',
    json: { share: toBase64(share) },
  });
}

/** What a node does after the commit of the last share. */
function finishRecovery(service: TestService): void {
  const state = service.store.readAt(service.store.seqno);
  assert.equal(isReadingPrivateLedger(state), true);
  const restored = secretsForNode(state, service.identity.node.id, service.identity.nodeKey);
  service.secrets = [...restored, service.latestSecret()];
  service.write((transaction) => openRecoveredService(transaction, service.ports));
}

test('a service of one member opens by the ballot of that member', async () => {
  const member = await createMember();
  const service = await openedBy(member);
  const state = service.store.readAt(service.store.seqno);
  assert.equal(serviceStatus(state), 'Open');
  const row = identityEndorsement.require(state);
  const own = await verifyEndorsement({
    endorsement: fromBase64(row.endorsement),
    endorsingKey: service.identity.serviceCertificate,
  });
  assert.deepEqual(own.endorsedSpki, new Uint8Array(service.identity.serviceKey.spki));
  assert.equal(own.epochEnd, undefined);
});

for (const role of ['Participant', 'Owner'] as const) {
  test(`a service recovers twice by its ${role}, keeping every ledger secret`, async () => {
    const member = await createMember(role);
    let service = await openedBy(member);
    const secrets = [service.latestSecret()];
    const endorsements: Uint8Array[] = [];
    const first = service.identity.serviceKey;
    for (let round = 1; round <= 2; round++) {
      const before = service.identity.serviceCertificate;
      const { createId } = service;
      const signedRoot = service.tree.root();
      const lastSeqno = service.store.seqno + 1;
      service = await service.recovered(round + 10);
      secrets.push(service.latestSecret());
      service.sign();
      assert.equal((await service.open([member], before)).field('proposalState'), 'Accepted');
      const waiting = service.store.readAt(service.store.seqno);
      assert.equal(serviceStatus(waiting), 'WaitingForRecoveryShares');
      assert.equal(isReadingPrivateLedger(waiting), false);
      const submitted = await submitShare(service, member);
      const message =
        role === 'Owner'
          ? 'Full recovery key successfully submitted\nEnd of recovery procedure initiated'
          : '1/1 recovery shares successfully submitted\nEnd of recovery procedure initiated';
      assert.deepEqual(submitted.body, {
        message,
        submittedCount: 1,
        recoveryThreshold: 1,
        fullKeySubmitted: role === 'Owner',
      });
      assert.equal(
        (await submitShare(service, member)).field('error.code'),
        'NodeAlreadyRecovering',
      );
      finishRecovery(service);
      assert.deepEqual(service.secrets, secrets);
      const state = service.store.readAt(service.store.seqno);
      assert.equal(serviceStatus(state), 'Open');
      assert.equal(serviceInfo.require(state).recovery_count, round);
      assert.equal(lastRecoveryType.get(state), 'RECOVERY_SHARES');
      const statuses = nodeInfos.rows(state).map(([id, { status }]) => [id, status]);
      assert.equal(statuses.length, round + 1);
      for (const [id, status] of statuses) {
        assert.equal(status, id === service.identity.node.id ? 'Trusted' : 'Retired');
      }
      const endorsement = fromBase64(identityEndorsement.require(state).endorsement);
      const endorsingKey = service.identity.serviceCertificate;
      const verified = await verifyEndorsement({ endorsement, endorsingKey });
      assert.deepEqual(verified.epochBegin, createId);
      assert.deepEqual(verified.epochEnd, { view: createId.view, seqno: lastSeqno });
      assert.equal(toHex(verified.epochEndRoot ?? new Uint8Array(0)), toHex(signedRoot));
      endorsements.unshift(endorsement);
    }
    const found = await findEndorsedIdentity({
      serviceIdentity: service.identity.serviceCertificate,
      endorsements,
      keyId: first.id,
    });
    assert.deepEqual(found.epochBegin, { view: 2, seqno: 1 });
    assert.equal(found.epochEnd.view, 2);
  });
}
