import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { isJsonObject, type JsonValue, toHex, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { parseGovernanceMessage } from '@coco/endpoint';
import { signGovernanceRequest } from '../src/governance-request.ts';
import { governanceHistory, proposalInfos, proposals } from '../src/tables.ts';
import {
  type Answer,
  createMember,
  refusalOf,
  type TestMember,
  TestService,
} from './service-fixture.ts';

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
  for (const one of members) assert.equal(service.acknowledge(one).status, 204);
  return service;
}

function propose(service: TestService, by: TestMember, json: JsonValue = noActions): Answer {
  service.clock.advance(1000);
  return service.post(by, create, { type: 'proposal', json });
}

function expectRecorded(answer: Answer, name: string, change = (text: string) => text): void {
  const { status, error } = recorded[name];
  assert.deepEqual(refusalOf(answer), [status, error.code, change(error.message)]);
  const body = answer.body;
  if (error.details && isJsonObject(body) && isJsonObject(body.error)) {
    assert.deepEqual(body.error.details, error.details);
  }
}

suite('proposals', () => {
  test('a proposal is named by the state it was made on and its signature', async () => {
    const service = await activeService(member, other);
    const bytes = signGovernanceRequest({
      key: member.key,
      certificatePem: member.certificatePem,
      type: 'proposal',
      payload: utf8Encode('{ "actions": [] }'),
      createdAt: 1_800_000_000,
    });
    const root = service.tree.root();
    const answer = service.postBytes(create, bytes);
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
    const kept = governanceHistory.get(service.store.begin(), member.id);
    assert.equal(kept && toHex(kept), toHex(bytes));
    assert.deepEqual(service.get('/members/proposals').body, { value: [answer.body] });
  });

  test('one consent is a majority of one, not of two', async () => {
    const alone = await activeService(member);
    assert.deepEqual(Object.keys(propose(alone, member).body ?? {}), [
      'ballotCount',
      'finalVotes',
      'proposalId',
      'proposalState',
      'proposerId',
      'voteFailures',
    ]);
    const two = await activeService(member, other);
    assert.equal(two.proposeOpening(member).field('proposalState'), 'Open');
    assert.equal(two.get('/service/info').field('status'), 'Opening');
  });

  test('only decided proposals give way to a newly decided one', async () => {
    const service = await activeService(member, other);
    const open = propose(service, member).field('proposalId');
    const ids = [propose(service, other), propose(service, other)].map((answer) =>
      String(answer.field('proposalId')),
    );
    for (const proposalId of ids) {
      const path = `/members/proposals/${proposalId}:withdraw`;
      const withdrawn = service.post(other, path, { type: 'withdrawal', proposalId });
      assert.equal(withdrawn.field('proposalState'), 'Withdrawn');
    }
    const left = proposalInfos.keys(service.store.begin());
    assert.deepEqual([...left].sort(), [String(open), ids[1]].sort());
    assert.deepEqual(proposals.keys(service.store.begin()), left);
  });

  test('the same bytes twice are a replay, and an old proposal is too old', async () => {
    const service = await activeService(member, other);
    const message = { type: 'proposal', json: noActions } as const;
    const now = Math.floor(service.clock.nowMs() / 1000);
    const bytes = signGovernanceRequest({
      key: member.key,
      certificatePem: member.certificatePem,
      type: 'proposal',
      payload: utf8Encode('{"actions":[]}'),
      createdAt: now,
    });
    const first = service.postBytes(create, bytes);
    expectRecorded(service.postBytes(create, bytes), 'replay', (text) =>
      text.replace(/[0-9a-f]{64}/, String(first.field('proposalId'))),
    );
    const old = service.post(member, create, { ...message, createdAt: 1 });
    expectRecorded(old, 'too old', (text) => text.replace(/\d{10}/, String(now)));
    const far = service.post(member, create, { ...message, createdAt: 10_000_000_000 });
    assert.deepEqual(refusalOf(far), [
      400,
      'InvalidCreatedAt',
      'Header parameter created_at value is too large',
    ]);
    assert.equal(proposalInfos.keys(service.store.begin()).length, 1);
  });

  test('a proposal that this service cannot carry out is refused', async () => {
    const service = await activeService(member);
    const next_service_identity = service.identity.serviceCertificate;
    const name = 'transition_service_to_open';
    const unknown = propose(service, member, { actions: [{ name: 'no_such_action', args: {} }] });
    const message = String(unknown.field('error.message'));
    assert.ok(message.startsWith(recorded['no such action'].error.message), message);
    const bodies: readonly JsonValue[] = [
      null,
      {},
      { actions: 5 },
      { actions: [5] },
      { actions: [{ name: 5 }] },
      { actions: [{ name }] },
      { actions: [{ name, args: {} }] },
      { actions: [{ name, args: { next_service_identity: 'x' } }] },
      { actions: [{ name, args: { next_service_identity, previous_service_identity: 'x' } }] },
      { actions: Array(101).fill({ name, args: { next_service_identity } }) },
    ];
    for (const body of bodies) {
      const refused = propose(service, member, body);
      assert.equal(refused.status, 400, JSON.stringify(body));
      assert.equal(refused.field('error.code'), 'ProposalFailedToValidate');
    }
    const notJson = { type: 'proposal', payload: utf8Encode('not json') } as const;
    const refused = service.post(member, create, notJson);
    assert.equal(refused.field('error.code'), 'ProposalFailedToValidate');
    const large = { type: 'proposal', payload: new Uint8Array(1024 * 1024 + 1) } as const;
    assert.equal(service.post(member, create, large).status, 413);
    assert.deepEqual(proposalInfos.keys(service.store.begin()), []);
  });

  test('an accepted proposal that fails leaves nothing behind', async () => {
    const service = await activeService(member);
    const before = service.store.seqno;
    const stale = await TestService.start([member]);
    const failed = propose(service, member, {
      actions: [
        {
          name: 'transition_service_to_open',
          args: { next_service_identity: stale.identity.serviceCertificate },
        },
      ],
    });
    assert.equal(failed.status, 500);
    assert.equal(failed.field('error.code'), 'InternalError');
    assert.match(String(failed.field('error.message')), /^Service identity mismatch: /);
    assert.equal(service.store.seqno, before);
    const opened = service.proposeOpening(member);
    assert.equal(opened.field('proposalState'), 'Accepted');
    assert.equal(service.get('/service/info').field('status'), 'Open');
    service.clock.advance(1000);
    assert.equal(service.proposeOpening(member).field('proposalState'), 'Accepted');
  });

  test('a threshold that the active members do not reach keeps the service closed', async () => {
    const service = await TestService.start([member, other], { recoveryThreshold: 2 });
    service.sign();
    service.acknowledge(member);
    const refused = service.proposeOpening(member);
    assert.deepEqual(refusalOf(refused), [
      400,
      'RecoverySharesImpossible',
      'Recovery threshold 2 should be equal to or less than the number of active recovery members 1',
    ]);
    assert.equal(service.get('/service/info').field('status'), 'Opening');
  });

  test('only the proposer withdraws, while the proposal is open', async () => {
    const service = await activeService(member, other);
    const proposalId = String(propose(service, member).field('proposalId'));
    const path = `/members/proposals/${proposalId}:withdraw`;
    const message = { type: 'withdrawal', proposalId } as const;
    assert.equal(service.post(other, path, message).field('error.code'), 'AuthorizationFailed');
    const unsigned = service.post(member, path, { type: 'withdrawal' });
    assert.deepEqual(refusalOf(unsigned), [
      400,
      'InvalidResourceName',
      'Authenticated proposal id does not match URL',
    ]);
    assert.equal(service.post(member, path, message).field('proposalState'), 'Withdrawn');
    assert.equal(service.post(member, path, message).field('proposalState'), 'Withdrawn');
    const gone = 'ab'.repeat(32);
    const unknown = service.post(member, `/members/proposals/${gone}:withdraw`, {
      type: 'withdrawal',
      proposalId: gone,
    });
    assert.equal(unknown.status, 204);
    const alone = await activeService(member);
    const accepted = String(propose(alone, member).field('proposalId'));
    const late = alone.post(member, `/members/proposals/${accepted}:withdraw`, {
      type: 'withdrawal',
      proposalId: accepted,
    });
    assert.deepEqual(refusalOf(late), [
      400,
      'ProposalNotOpen',
      `Proposal ${accepted} is currently in state Accepted and cannot be withdrawn.`,
    ]);
  });

  test('ballots are checked, and then honestly not taken', async () => {
    const service = await activeService(member, other);
    const proposalId = String(propose(service, member).field('proposalId'));
    const base = `/members/proposals/${proposalId}/ballots`;
    const ballot = (by: TestMember, of: TestMember, json: JsonValue, id = proposalId): Answer =>
      service.post(by, `/members/proposals/${id}/ballots/${of.id}:submit`, {
        type: 'ballot',
        json,
        proposalId: id,
      });
    const vote = { ballot: 'export function vote() { return true; }' };
    const refused = ballot(other, other, vote);
    assert.equal(refused.status, 501);
    assert.equal(refused.field('error.code'), 'NotImplemented');
    expectRecorded(ballot(other, other, { ballot: 3 }), 'ballot is no text');
    assert.equal(ballot(other, member, vote).field('error.code'), 'InvalidAuthenticationInfo');
    const unknown = 'ab'.repeat(32);
    assert.deepEqual(refusalOf(ballot(other, other, vote, unknown)), [
      404,
      'ProposalNotFound',
      `Could not find proposal ${unknown}.`,
    ]);
    assert.deepEqual(refusalOf(service.get(`${base}/${other.id}`)), [
      404,
      'VoteNotFound',
      `Member m[${other.id}] has not voted for proposal ${proposalId}.`,
    ]);
    const withdraw = { type: 'withdrawal', proposalId } as const;
    service.post(member, `/members/proposals/${proposalId}:withdraw`, withdraw);
    assert.equal(ballot(other, other, vote).field('error.code'), 'ProposalNotOpen');
    assert.equal(service.get(`/members/proposals/${unknown}/actions`).status, 404);
  });

  test('a ballot in the ledger is shown', async () => {
    const service = await activeService(member, other);
    const proposalId = String(propose(service, member).field('proposalId'));
    const text = 'export function vote() { return true; }';
    service.write((transaction) => {
      const info = proposalInfos.get(transaction, proposalId);
      assert.ok(info);
      proposalInfos.put(transaction, proposalId, { ...info, ballots: { [other.id]: text } });
    });
    const shown = service.get(`/members/proposals/${proposalId}/ballots/${other.id}`);
    assert.equal(shown.text, text);
    assert.equal(shown.headers['content-type'], 'text/javascript');
    assert.equal(service.get(`/members/proposals/${proposalId}`).field('ballotCount'), 1);
  });

  test('who may not sign is refused as CCF refuses', async () => {
    const service = await activeService(member);
    const proposal = { type: 'proposal', json: noActions } as const;
    expectRecorded(service.post(stranger, create, proposal), 'unknown signer');
    expectRecorded(service.post(member, create, { ...proposal, type: 'ballot' }), 'wrong type');
    const bytes = signGovernanceRequest({
      key: member.key,
      certificatePem: member.certificatePem,
      type: 'proposal',
      payload: utf8Encode('{"actions":[]}'),
      createdAt: 5,
    });
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    expectRecorded(service.postBytes(create, bytes), 'corrupt');
    for (const body of [utf8Encode('\u0484'), new Uint8Array(0)]) {
      // CCF answers 500: README, differences.
      assert.equal(service.postBytes(create, body).field('error.code'), 'InvalidInput');
    }
  });

  test('a member who has not acknowledged proposes nothing', async () => {
    const service = await TestService.start([member]);
    const refused = service.post(member, create, { type: 'proposal', json: noActions });
    assert.equal(refused.status, 401);
    assert.match(refused.text, /Signer is not an ACTIVE member/);
  });
});
