import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { isJsonObject, toHex, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { parseGovernanceMessage } from '@coco/endpoint';
import { decidedProposals, ledgerClock, proposalTimes } from '../src/coco-tables.ts';
import { signGovernanceRequest } from '../src/governance-request.ts';
import { governanceHistory, proposalInfos, proposals } from '../src/tables.ts';
import {
  type Answer,
  createMember,
  refusalOf,
  type TestMember,
  TestService,
} from './service-fixture.ts';
import { yes } from './test-constitution.ts';

const member = await createMember();
const other = await createMember();
const stranger = await createMember('NonParticipant');
const create = '/members/proposals:create';
const { signed: recorded, createdShape } = JSON.parse(
  readFileSync(new URL('recorded-gov.json', import.meta.url), 'utf8'),
);
const noActions = { actions: [] };

/** An opening service whose members are active. */
async function activeService(...members: readonly TestMember[]): Promise<TestService> {
  const service = await TestService.start(members, { recoveryThreshold: 1 });
  service.sign();
  for (const one of members) assert.equal((await service.acknowledge(one)).status, 204);
  return service;
}

function expectRecorded(answer: Answer, name: string, change = (text: string) => text): void {
  const { status, error } = recorded[name];
  assert.deepEqual(refusalOf(answer), [status, error.code, change(error.message)]);
  const body = answer.body;
  if (error.details && isJsonObject(body) && isJsonObject(body.error)) {
    assert.deepEqual(body.error.details, error.details);
  }
}

function signedProposal(text: string, createdAt: number): Uint8Array {
  return signGovernanceRequest({
    key: member.key,
    certificatePem: member.certificatePem,
    type: 'proposal',
    payload: utf8Encode(text),
    createdAt,
  });
}

suite('proposals', () => {
  test('a proposal is named by the state it was made on and its signature', async () => {
    const service = await activeService(member, other);
    const bytes = signedProposal('{ "actions": [] }', 1_800_000_000);
    const root = service.tree.root();
    const answer = await service.postBytes(create, bytes);
    const { signature } = parseGovernanceMessage(bytes).message;
    const proposalId = toHex(sha256(root, sha256(signature)));
    assert.deepEqual(answer.body, {
      ballotCount: 0,
      proposalId,
      proposalState: 'Open',
      proposerId: member.id,
    });
    assert.deepEqual(Object.keys(answer.body ?? {}).sort(), Object.keys(createdShape).sort());
    assert.equal(service.get(`/members/proposals/${proposalId}/actions`).text, '{ "actions": [] }');
    const state = service.store.begin();
    const kept = governanceHistory.get(state, member.id);
    assert.equal(kept && toHex(kept), toHex(bytes));
    assert.deepEqual(service.get('/members/proposals').body, { value: [answer.body] });
    assert.equal(ledgerClock.get(state), service.clock.nowMs());
    assert.deepEqual(proposalTimes.get(state, proposalId), {
      submitted_at_ms: service.clock.nowMs(),
      wake_at_ms: undefined,
    });
  });

  test('only decided proposals give way to a newly decided one', async () => {
    const service = await activeService(member, other);
    const open = (await service.propose(member)).field('proposalId');
    const ids: string[] = [];
    for (let count = 0; count < 2; count++) {
      const proposalId = String((await service.propose(other)).field('proposalId'));
      const withdrawn = await service.withdraw(other, proposalId);
      assert.equal(withdrawn.field('proposalState'), 'Withdrawn');
      ids.push(proposalId);
    }
    const state = service.store.begin();
    const left = proposalInfos.keys(state);
    assert.deepEqual([...left].sort(), [String(open), ids[1]].sort());
    assert.deepEqual(proposals.keys(state), left);
    assert.deepEqual(proposalTimes.keys(state), left);
    assert.deepEqual(decidedProposals.keys(state), [ids[1]]);
  });

  test('the same bytes twice are a replay, and an old proposal is too old', async () => {
    const service = await activeService(member, other);
    const message = { type: 'proposal', json: noActions } as const;
    const now = Math.floor(service.clock.nowMs() / 1000);
    const bytes = signedProposal('{"actions":[]}', now);
    const first = await service.postBytes(create, bytes);
    expectRecorded(await service.postBytes(create, bytes), 'replay', (text) =>
      text.replace(/[0-9a-f]{64}/, String(first.field('proposalId'))),
    );
    const old = await service.post(member, create, { ...message, createdAt: 1 });
    expectRecorded(old, 'too old', (text) => text.replace(/\d{10}/, String(now)));
    const far = await service.post(member, create, { ...message, createdAt: 10_000_000_000 });
    assert.deepEqual(refusalOf(far), [
      400,
      'InvalidCreatedAt',
      'Header parameter created_at value is too large',
    ]);
    assert.equal(proposalInfos.keys(service.store.begin()).length, 1);
  });

  test('a proposal that the constitution does not validate is refused', async () => {
    const service = await activeService(member);
    const before = service.store.seqno;
    const unknown = await service.propose(member, { name: 'no_such_action' });
    expectRecorded(unknown, 'no such action');
    const notText = { type: 'proposal', payload: new Uint8Array([0xff]) } as const;
    const refused = await service.post(member, create, notText);
    assert.equal(refused.field('error.code'), 'InvalidInput');
    for (const payload of ['not json', '5', '{}', '{"actions":[null]}']) {
      const failed = await service.post(member, create, {
        type: 'proposal',
        payload: utf8Encode(payload),
      });
      assert.equal(failed.status, 500, failed.text);
      assert.equal(failed.field('error.code'), recorded['not JSON'].error.code);
      assert.match(String(failed.field('error.message')), /^Failed to execute validation: /);
    }
    assert.equal(service.store.seqno, before);
  });

  test('an accepted proposal that fails leaves nothing behind, its ballot neither', async () => {
    const service = await activeService(member);
    const stale = await TestService.start([member]);
    const proposed = await service.propose(member, {
      name: 'transition_service_to_open',
      args: { next_service_identity: stale.identity.serviceCertificate },
    });
    const before = service.store.seqno;
    const proposalId = String(proposed.field('proposalId'));
    const failed = await service.vote(member, proposalId, yes);
    assert.equal(failed.status, 500);
    assert.equal(failed.field('error.code'), 'InternalError');
    const text = String(failed.field('error.message'));
    assert.match(text, /^Failed to apply\(\): \w*Error: Service identity mismatch: /);
    assert.match(text, /\nTrace: /);
    assert.equal(service.store.seqno, before);
    assert.equal(service.get(`/members/proposals/${proposalId}`).field('ballotCount'), 0);
    const opened = await service.open([member]);
    assert.equal(opened.field('proposalState'), 'Accepted');
    assert.equal(service.get('/service/info').field('status'), 'Open');
    assert.equal((await service.open([member])).field('proposalState'), 'Accepted');
  });

  test('a threshold that the active members do not reach keeps the service closed', async () => {
    const service = await TestService.start([member, other], { recoveryThreshold: 2 });
    service.sign();
    await service.acknowledge(member);
    const refused = await service.open([member]);
    assert.equal(refused.status, 500);
    assert.match(
      String(refused.field('error.message')),
      /Recovery threshold 2 should be equal to or less than the number of active recovery members 1/,
    );
    assert.equal(service.get('/service/info').field('status'), 'Opening');
  });

  test('only the proposer withdraws, while the proposal is open', async () => {
    const service = await activeService(member, other);
    const proposalId = String((await service.propose(member)).field('proposalId'));
    const path = `/members/proposals/${proposalId}:withdraw`;
    const foreign = await service.withdraw(other, proposalId);
    assert.equal(foreign.field('error.code'), 'AuthorizationFailed');
    const unsigned = await service.post(member, path, { type: 'withdrawal' });
    assert.deepEqual(refusalOf(unsigned), [
      400,
      'InvalidResourceName',
      'Authenticated proposal id does not match URL',
    ]);
    for (let count = 0; count < 2; count++) {
      const withdrawn = await service.withdraw(member, proposalId);
      assert.equal(withdrawn.field('proposalState'), 'Withdrawn');
    }
    assert.equal((await service.withdraw(member, 'ab'.repeat(32))).status, 204);
    const accepted = String((await service.decide([member, other])).field('proposalId'));
    assert.deepEqual(refusalOf(await service.withdraw(member, accepted)), [
      400,
      'ProposalNotOpen',
      `Proposal ${accepted} is currently in state Accepted and cannot be withdrawn.`,
    ]);
  });

  test('who may not sign is refused as CCF refuses', async () => {
    const service = await activeService(member);
    const proposal = { type: 'proposal', json: noActions } as const;
    expectRecorded(await service.post(stranger, create, proposal), 'unknown signer');
    const ballot = { ...proposal, type: 'ballot' } as const;
    expectRecorded(await service.post(member, create, ballot), 'wrong type');
    const bytes = signedProposal('{"actions":[]}', 5);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    expectRecorded(await service.postBytes(create, bytes), 'corrupt');
    for (const body of [utf8Encode('\u0484'), new Uint8Array(0)]) {
      // CCF answers 500: README, differences.
      const refused = await service.postBytes(create, body);
      assert.equal(refused.field('error.code'), 'InvalidInput');
    }
  });

  test('a member who has not acknowledged proposes nothing', async () => {
    const service = await TestService.start([member]);
    const refused = await service.post(member, create, { type: 'proposal', json: noActions });
    assert.equal(refused.status, 401);
    assert.match(refused.text, /Signer is not an ACTIVE member/);
  });
});
