import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { JsonValue } from '@coco/base';
import { decidedProposals } from '../src/coco-tables.ts';
import {
  constitution,
  governanceHistory,
  memberInfos,
  proposalInfos,
  userCertificates,
} from '../src/tables.ts';
import {
  type Answer,
  createMember,
  refusalOf,
  type TestMember,
  TestService,
} from './service-fixture.ts';
import { no, testConstitution, yes } from './test-constitution.ts';

const members = [await createMember(), await createMember(), await createMember()] as const;
const [first, second, third] = members;
const user = await createMember('NonParticipant');
const setUser = { name: 'set_user', args: { id: user.id, cert: user.certificatePem } };
const { signed: recorded } = JSON.parse(
  readFileSync(new URL('recorded-gov.json', import.meta.url), 'utf8'),
);

/** A service whose three members are active. */
async function activeService(text: string = testConstitution): Promise<TestService> {
  const service = await TestService.start(members, { constitution: text });
  service.sign();
  for (const one of members) assert.equal((await service.acknowledge(one)).status, 204);
  return service;
}

async function proposed(
  service: TestService,
  action: { name: string; args?: JsonValue } = setUser,
) {
  return String((await service.propose(first, action)).field('proposalId'));
}

function rowOf(service: TestService, id: string) {
  const row = proposalInfos.get(service.store.begin(), id);
  assert.ok(row);
  return row;
}

suite('ballots', () => {
  test('a majority of the active members carries a proposal, and its actions take effect', async () => {
    const service = await activeService();
    const id = await proposed(service);
    const one = await service.vote(first, id, yes);
    assert.deepEqual(one.body, {
      ballotCount: 1,
      proposalId: id,
      proposalState: 'Open',
      proposerId: first.id,
    });
    assert.equal(userCertificates.has(service.store.begin(), user.id), false);
    const two = await service.vote(third, id, yes);
    assert.deepEqual(two.body, {
      ballotCount: 2,
      finalVotes: { [first.id]: true, [third.id]: true },
      proposalId: id,
      proposalState: 'Accepted',
      proposerId: first.id,
      voteFailures: {},
    });
    const state = service.store.begin();
    assert.equal(userCertificates.get(state, user.id), user.certificatePem);
    assert.deepEqual(decidedProposals.keys(state), [id]);
    assert.ok(governanceHistory.get(state, third.id));
    assert.deepEqual(service.get(`/members/proposals/${id}`).body, two.body);
    const late = await service.vote(second, id, yes);
    assert.deepEqual(refusalOf(late), [
      400,
      'ProposalNotOpen',
      `Proposal ${id} is currently in state Accepted - only Open proposals can receive votes`,
    ]);
  });

  test('a majority against rejects, and nothing takes effect', async () => {
    const service = await activeService();
    const id = await proposed(service);
    assert.equal((await service.vote(second, id, no)).field('proposalState'), 'Open');
    const rejected = await service.vote(third, id, no);
    assert.equal(rejected.field('proposalState'), 'Rejected');
    assert.deepEqual(rejected.field('finalVotes'), { [second.id]: false, [third.id]: false });
    assert.equal(userCertificates.has(service.store.begin(), user.id), false);
  });

  test('a ballot may look at the proposal and at the state, and is asked each time', async () => {
    const service = await activeService();
    const id = await proposed(service);
    const careful = `export function vote(proposal, proposerId) {
      const [{ name }] = JSON.parse(proposal).actions;
      const size = ccf.kv["public:ccf.gov.users.certs"].size;
      return name === "set_user" && proposerId === "${first.id}" && size === 1;
    }`;
    assert.equal((await service.vote(second, id, careful)).field('proposalState'), 'Open');
    assert.equal((await service.vote(third, id, yes)).field('proposalState'), 'Open');
    service.write((transaction) => userCertificates.put(transaction, 'ab'.repeat(32), 'PEM'));
    const third_ = await service.vote(first, id, no);
    assert.equal(third_.field('proposalState'), 'Accepted');
    assert.equal((third_.field('finalVotes') as Record<string, boolean>)[second.id], true);
  });

  test('a ballot that throws, loops or writes is a vote failure; only true is a yes', async () => {
    for (const [ballot, reason] of [
      ['export function vote() { throw new Error("no idea"); }', /^Error: no idea/],
      ['export function vote() { for (;;); }', /^Operation took too long to complete\.$/],
      [
        'export function vote() { ccf.kv["public:ccf.gov.users.certs"].set(new ArrayBuffer(1), new ArrayBuffer(1)); return true; }',
        /./,
      ],
      ['export function vote() { ccf.node.transitionServiceToOpen(); return true; }', /./],
    ] as const) {
      const service = await activeService();
      const id = await proposed(service);
      assert.equal((await service.vote(second, id, ballot)).field('proposalState'), 'Open');
      await service.vote(first, id, yes);
      assert.equal((await service.vote(third, id, yes)).field('proposalState'), 'Accepted');
      const { final_votes, vote_failures } = rowOf(service, id);
      assert.deepEqual(final_votes, { [first.id]: true, [third.id]: true });
      const failures = vote_failures as Record<string, { reason: string }>;
      assert.deepEqual(Object.keys(failures), [second.id]);
      assert.match(failures[second.id]?.reason ?? '', reason);
      assert.equal(userCertificates.keys(service.store.begin()).length, 1);
    }
    const service = await activeService();
    const id = await proposed(service);
    await service.vote(first, id, 'export function vote() { return "true"; }');
    const last = await service.vote(second, id, 'export function vote() { return 1; }');
    assert.equal(last.field('proposalState'), 'Rejected');
    assert.deepEqual(Object.values(rowOf(service, id).final_votes ?? {}), [false, false]);
  });

  test('what is no module with a vote is refused', async () => {
    const service = await activeService();
    const id = await proposed(service);
    const before = service.store.seqno;
    for (const ballot of ['this is not javascript', '', 'export function veto() {}']) {
      const refused = await service.vote(second, id, ballot);
      const [status, code, text] = refusalOf(refused);
      assert.deepEqual([status, code], [400, 'InvalidInput']);
      const place = `public:ccf.gov.proposals_info[${id}].ballots[m[${second.id}]]`;
      assert.ok(String(text).startsWith(`Failed to compile ${place}: `), String(text));
    }
    assert.equal(service.store.seqno, before);
    assert.equal((await service.vote(second, id, yes)).field('ballotCount'), 1);
  });

  test('the same ballot again is the same answer, another one is refused', async () => {
    const service = await activeService();
    const id = await proposed(service);
    const given = await service.vote(second, id, yes);
    const before = service.store.seqno;
    assert.deepEqual((await service.vote(second, id, yes)).body, given.body);
    assert.deepEqual(refusalOf(await service.vote(second, id, no)), [
      400,
      'VoteAlreadyExists',
      `Different ballot already submitted by m[${second.id}] for ${id}.`,
    ]);
    assert.equal(service.store.seqno, before);
    const shown = service.get(`/members/proposals/${id}/ballots/${second.id}`);
    assert.equal(shown.text, yes);
    assert.equal(shown.headers['content-type'], 'text/javascript');
  });

  test('a ballot for another member, another proposal or without text is refused', async () => {
    const service = await activeService();
    const id = await proposed(service);
    const unknown = 'ab'.repeat(32);
    const submit = (by: TestMember, of: TestMember, json: JsonValue, at = id): Promise<Answer> =>
      service.post(by, `/members/proposals/${at}/ballots/${of.id}:submit`, {
        type: 'ballot',
        json,
        proposalId: at,
      });
    const { status, error } = recorded['ballot is no text'];
    const noText = await submit(second, second, { ballot: 3 });
    assert.deepEqual(refusalOf(noText), [status, error.code, error.message]);
    const foreign = await submit(second, first, { ballot: yes });
    assert.equal(foreign.field('error.code'), 'InvalidAuthenticationInfo');
    assert.deepEqual(refusalOf(await submit(second, second, { ballot: yes }, unknown)), [
      404,
      'ProposalNotFound',
      `Could not find proposal ${unknown}.`,
    ]);
    const other = await service.post(
      second,
      `/members/proposals/${id}/ballots/${second.id}:submit`,
      {
        type: 'ballot',
        json: { ballot: yes },
        proposalId: unknown,
      },
    );
    assert.equal(other.field('error.code'), 'InvalidResourceName');
    assert.deepEqual(refusalOf(service.get(`/members/proposals/${id}/ballots/${second.id}`)), [
      404,
      'VoteNotFound',
      `Member m[${second.id}] has not voted for proposal ${id}.`,
    ]);
    assert.equal(service.get(`/members/proposals/${unknown}/actions`).status, 404);
    assert.deepEqual(refusalOf(service.get(`/members/proposals/${unknown}/ballots/${second.id}`)), [
      404,
      'ProposalNotFound',
      `Proposal ${unknown} does not exist.`,
    ]);
  });

  test('ballots at the same time are all counted', async () => {
    const service = await activeService();
    const id = await proposed(service);
    const ballots = members.map((one) => service.vote(one, id, yes));
    const states = (await Promise.all(ballots)).map((answer) =>
      answer.status === 200 ? answer.field('proposalState') : answer.field('error.code'),
    );
    assert.deepEqual(states.sort(), ['Accepted', 'Open', 'ProposalNotOpen']);
    assert.ok(service.attempts > 4, 'some ran again');
    assert.equal(Object.keys(rowOf(service, id).ballots).length, 2);
  });

  test('a member who is removed while the ballot runs has no vote', async () => {
    const service = await activeService();
    const id = await proposed(service);
    const ballot = service.vote(second, id, yes);
    service.write((transaction) => memberInfos.delete(transaction, second.id));
    assert.deepEqual(refusalOf(await ballot), [
      401,
      'InvalidAuthenticationInfo',
      'Invalid authentication credentials.',
    ]);
    assert.equal(service.get(`/members/proposals/${id}`).field('ballotCount'), 0);
  });

  test('a new constitution drops what is open, and decides what comes', async () => {
    const service = await activeService();
    const open = await proposed(service);
    const always = testConstitution.replace('accepting * 2 > active', 'true');
    const changed = await service.decide([first, second], {
      name: 'set_constitution',
      args: { constitution: always },
    });
    assert.equal(changed.field('proposalState'), 'Accepted');
    const state = service.store.begin();
    assert.equal(constitution.get(state), always);
    assert.equal(rowOf(service, open).state, 'Dropped');
    assert.deepEqual(
      [...decidedProposals.keys(state)].sort(),
      [open, String(changed.field('proposalId'))].sort(),
    );
    const next = await service.propose(third, setUser);
    assert.equal(next.field('proposalState'), 'Accepted');
    assert.deepEqual(proposalInfos.keys(service.store.begin()), [next.field('proposalId')]);
  });
});
