import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fromBase64, toHex } from '@coco/base';
import { memberAcks, memberInfos, recoveryShares } from '../src/tables.ts';
import { createMember, refusalOf, TestService } from './service-fixture.ts';

const member = await createMember();
const other = await createMember();
const path = `/members/state-digests/${member.id}`;
const recorded = JSON.parse(
  readFileSync(new URL('recorded-gov.json', import.meta.url), 'utf8'),
).signed;

suite('acknowledgement', () => {
  test('a member becomes active by signing the digest of the last signed state', async () => {
    const service = await TestService.start([member]);
    assert.deepEqual(
      refusalOf(await service.post(member, `${path}:update`, { type: 'state_digest' })),
      [500, 'InternalError', 'Service has no signatures to ack yet - try again soon.'],
    );
    const root = toHex(service.tree.root());
    service.sign();
    const updated = await service.post(member, `${path}:update`, { type: 'state_digest' });
    assert.deepEqual(updated.body, { memberId: member.id, stateDigest: root });
    assert.deepEqual(service.get(path).body, { memberId: member.id, stateDigest: root });
    const before = service.store.begin();
    assert.equal(memberInfos.get(before, member.id)?.status, 'Accepted');
    const ack = await service.post(member, `${path}:ack`, {
      type: 'ack',
      json: { memberId: member.id, stateDigest: root },
    });
    assert.equal(ack.status, 204);
    assert.equal(ack.text, '');
    const after = service.store.begin();
    assert.equal(memberInfos.get(after, member.id)?.status, 'Active');
    const row = memberAcks.get(after, member.id);
    assert.equal(row?.state_digest, root);
    assert.equal(fromBase64(row?.cose_sign1_req ?? '')[0], 0xd2);
  });

  test('another digest than the expected one is refused in the words of CCF', async () => {
    const service = await TestService.start([member]);
    service.sign();
    const updated = await service.post(member, `${path}:update`, { type: 'state_digest' });
    const stateDigest = '0'.repeat(64);
    const refused = await service.post(member, `${path}:ack`, {
      type: 'ack',
      json: { stateDigest },
    });
    const { status, error } = recorded['digest mismatch'];
    assert.equal(error.code, 'StateDigestMismatch');
    const expected = String(updated.field('stateDigest'));
    const message = error.message.replace(/Expected\n [0-9a-f]{64}/, `Expected\n ${expected}`);
    assert.deepEqual(refusalOf(refused), [status, error.code, message]);
    assert.equal(memberInfos.get(service.store.begin(), member.id)?.status, 'Accepted');
  });

  test('a body without the digest is refused', async () => {
    const service = await TestService.start([member]);
    for (const json of [{}, { stateDigest: 5 }]) {
      const refused = await service.post(member, `${path}:ack`, { type: 'ack', json });
      assert.deepEqual(refusalOf(refused), [
        400,
        'InvalidInput',
        'Signed request body is not a JSON object containing required string field "stateDigest"',
      ]);
    }
  });

  test('nobody acknowledges for another, nor without a record', async () => {
    const service = await TestService.start([member, other]);
    service.sign();
    for (const [verb, type] of [
      ['update', 'state_digest'],
      ['ack', 'ack'],
    ] as const) {
      const refused = await service.post(other, `${path}:${verb}`, {
        type,
        json: { stateDigest: '' },
      });
      assert.deepEqual(refusalOf(refused), [
        401,
        'InvalidAuthenticationInfo',
        `Member ID from path parameter (m[${member.id}]) does not match member ID from body signature (m[${other.id}]).`,
      ]);
    }
    const unknown = 'ab'.repeat(32);
    assert.deepEqual(refusalOf(service.get(`/members/state-digests/${unknown}`)), [
      404,
      'ResourceNotFound',
      `No ACK record exists for member m[${unknown}].`,
    ]);
    service.write((transaction) => memberAcks.delete(transaction, member.id));
    const refused = await service.post(member, `${path}:ack`, {
      type: 'ack',
      json: { stateDigest: '' },
    });
    assert.deepEqual(refusalOf(refused), [
      403,
      'AuthorizationFailed',
      `No ACK record exists for member m[${member.id}].`,
    ]);
  });

  test('a recovery member who becomes active in an open service gets a share', async () => {
    const service = await TestService.start([member, other], { recoveryThreshold: 1 });
    service.sign();
    await service.acknowledge(member);
    await service.open([member]);
    const before = recoveryShares.require(service.store.begin());
    assert.deepEqual(Object.keys(before.encrypted_shares), [member.id]);
    assert.equal((await service.acknowledge(other)).status, 204);
    const after = recoveryShares.require(service.store.begin());
    assert.deepEqual(Object.keys(after.encrypted_shares).sort(), [member.id, other.id].sort());
    assert.notEqual(after.wrapped_latest_ledger_secret, before.wrapped_latest_ledger_secret);
  });

  test('a recovery member is not activated while the service recovers, others are', async () => {
    const bystander = await createMember('NonParticipant');
    const everybody = [member, other, bystander];
    const opened = await TestService.start(everybody, { recoveryThreshold: 1 });
    opened.sign();
    await opened.acknowledge(member);
    await opened.open([member]);
    const service = await opened.recovered();
    service.sign();
    assert.deepEqual(refusalOf(await service.acknowledge(other)), [
      400,
      'InvalidInput',
      'Recovery members cannot be activated during recovery.',
    ]);
    assert.equal((await service.acknowledge(member)).status, 204);
    assert.equal((await service.acknowledge(bystander)).status, 204);
    const transaction = service.store.begin();
    assert.equal(memberInfos.get(transaction, bystander.id)?.status, 'Active');
  });
});
