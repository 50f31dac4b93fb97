/** Random members' requests against a naive model of the consortium; and requests of nonsense. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isJsonObject, type JsonValue, utf8Encode } from '@coco/base';
import fc from 'fast-check';
import { activeMembers, decidedProposals } from '../src/coco-tables.ts';
import { memberInfos, recoveryShares, userCertificates } from '../src/tables.ts';
import { createMember, type TestAction, type TestMember, TestService } from './service-fixture.ts';
import { no, yes } from './test-constitution.ts';

const members = [await createMember(), await createMember('Owner'), await createMember()] as const;
const user = await createMember('NonParticipant');
const memberIndex = fc.nat({ max: members.length - 1 });

const command = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), by: memberIndex }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('propose' as const),
      by: memberIndex,
      action: fc.constantFrom('nothing', 'open', 'user', 'fail'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('vote' as const),
      by: memberIndex,
      which: fc.nat({ max: 4 }),
      ballot: fc.constantFrom('yes', 'yes', 'yes', 'no', 'throws'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('withdraw' as const),
      by: memberIndex,
      which: fc.nat({ max: 4 }),
    }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;
type ActionName = Extract<Command, { kind: 'propose' }>['action'];
type BallotName = Extract<Command, { kind: 'vote' }>['ballot'];

const ballots: Readonly<Record<BallotName, string>> = {
  yes,
  no,
  throws: 'export function vote() { throw new Error("undecided"); }',
};

type ModelState = 'Open' | 'Accepted' | 'Rejected' | 'Withdrawn';

interface ModelProposal {
  readonly proposer: string;
  readonly action: ActionName;
  readonly ballots: Map<string, BallotName>;
  state: ModelState;
}

/** The consortium as a few plain collections. */
class Model {
  readonly active = new Set<string>();
  readonly proposals = new Map<string, ModelProposal>();
  /** Every id that was ever given, those forgotten included. */
  readonly ids: string[] = [];
  isOpen = false;
  hasUser = false;
  holders: ReadonlySet<string> = new Set();

  decide(id: string, state: ModelState): void {
    for (const [other, proposal] of this.proposals) {
      if (other !== id && proposal.state !== 'Open') this.proposals.delete(other);
    }
    const own = this.proposals.get(id);
    if (own) own.state = state;
  }

  /** What a strict majority of those says who are active now. */
  majority({ ballots: given }: ModelProposal): ModelState {
    const count = (wanted: BallotName): number =>
      [...given].filter(([id, ballot]) => ballot === wanted && this.active.has(id)).length;
    if (count('yes') * 2 > this.active.size) return 'Accepted';
    return count('no') * 2 > this.active.size ? 'Rejected' : 'Open';
  }

  carryOut(action: ActionName): void {
    if (action === 'user') this.hasUser = true;
    if (action !== 'open' || this.isOpen) return;
    this.isOpen = true;
    this.holders = new Set(this.active);
  }
}

function memberAt(index: number): TestMember {
  const member = members[index];
  assert.ok(member);
  return member;
}

function actionsOf(service: TestService, action: ActionName): readonly TestAction[] {
  const next_service_identity = service.identity.serviceCertificate;
  switch (action) {
    case 'nothing':
      return [];
    case 'open':
      return [{ name: 'transition_service_to_open', args: { next_service_identity } }];
    case 'user':
      return [{ name: 'set_user', args: { id: user.id, cert: user.certificatePem } }];
    case 'fail':
      // What was written before the failure must go with it.
      return [...actionsOf(service, 'user'), { name: 'throw_error', args: { message: 'no' } }];
  }
}

async function run(service: TestService, model: Model, one: Command): Promise<void> {
  const member = memberAt(one.by);
  const isActive = model.active.has(member.id);
  service.clock.advance(1000);
  if (one.kind === 'acknowledge') {
    assert.equal((await service.acknowledge(member)).status, 204);
    model.active.add(member.id);
    if (!isActive && model.isOpen) model.holders = new Set(model.active);
    return;
  }
  if (one.kind === 'propose') {
    const answer = await service.propose(member, ...actionsOf(service, one.action));
    assert.equal(answer.status, isActive ? 200 : 401, answer.text);
    if (!isActive) return;
    const id = String(answer.field('proposalId'));
    model.ids.push(id);
    const { action } = one;
    model.proposals.set(id, { proposer: member.id, action, state: 'Open', ballots: new Map() });
    return;
  }
  const id = model.ids.at(-1 - one.which) ?? 'ab'.repeat(32);
  if (one.kind === 'vote') {
    await vote(service, model, { member, id, ballot: one.ballot });
    return;
  }
  const { status } = await service.withdraw(member, id);
  assert.equal(status, withdrawStatus(model, member.id, id));
  const isFresh = status === 200 && model.proposals.get(id)?.state === 'Open';
  if (isFresh) model.decide(id, 'Withdrawn');
}

async function vote(
  service: TestService,
  model: Model,
  given: { readonly member: TestMember; readonly id: string; readonly ballot: BallotName },
): Promise<void> {
  const { member, id, ballot } = given;
  const answer = await service.vote(member, id, ballots[ballot]);
  const proposal = model.proposals.get(id);
  const expect = (status: number): void => assert.equal(answer.status, status, answer.text);
  if (!model.active.has(member.id)) return expect(401);
  if (!proposal) return expect(404);
  if (proposal.state !== 'Open') return expect(400);
  const earlier = proposal.ballots.get(member.id);
  if (earlier !== undefined) return expect(earlier === ballot ? 200 : 400);
  proposal.ballots.set(member.id, ballot);
  const state = model.majority(proposal);
  if (state === 'Accepted' && proposal.action === 'fail') {
    proposal.ballots.delete(member.id);
    return expect(500);
  }
  expect(200);
  assert.equal(answer.field('proposalState'), state);
  if (state === 'Open') return;
  model.decide(id, state);
  if (state === 'Accepted') model.carryOut(proposal.action);
}

function withdrawStatus(model: Model, memberId: string, proposalId: string): number {
  if (!model.active.has(memberId)) return 401;
  const proposal = model.proposals.get(proposalId);
  if (!proposal) return 204;
  if (proposal.proposer !== memberId) return 403;
  return proposal.state === 'Accepted' || proposal.state === 'Rejected' ? 400 : 200;
}

function compare(service: TestService, model: Model): void {
  const { body } = service.get('/members/proposals');
  const listed = isJsonObject(body) && Array.isArray(body.value) ? body.value : [];
  const shown = listed.map((item: JsonValue) => {
    assert.ok(isJsonObject(item));
    return [item.proposalId, item.proposalState, item.proposerId, item.ballotCount];
  });
  const expected = [...model.proposals]
    .map(([id, { state, proposer, ballots: given }]) => [id, state, proposer, given.size])
    .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1));
  assert.deepEqual(shown, expected);
  assert.equal(service.get('/service/info').field('status'), model.isOpen ? 'Open' : 'Opening');
  const state = service.store.begin();
  for (const { id } of members) {
    const status = memberInfos.get(state, id)?.status;
    assert.equal(status, model.active.has(id) ? 'Active' : 'Accepted');
  }
  assert.equal(userCertificates.has(state, user.id), model.hasUser);
  const decided = [...model.proposals].filter(([, proposal]) => proposal.state !== 'Open');
  const active = memberInfos.rows(state).filter(([, info]) => info.status === 'Active');
  assert.deepEqual(activeMembers.keys(state), active.map(([id]) => id).sort());
  assert.deepEqual(decidedProposals.keys(state), decided.map(([id]) => id).sort());
  const holders = Object.keys(recoveryShares.get(state)?.encrypted_shares ?? {});
  assert.deepEqual(holders.sort(), [...model.holders].sort());
}

suite('governance as a whole', () => {
  test('random requests do what the model says, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 20, maxLength: 30 }), async (commands) => {
        const service = await TestService.start(members, { recoveryThreshold: 1 });
        service.sign();
        const model = new Model();
        for (const one of commands) {
          await run(service, model, one);
          compare(service, model);
        }
      }),
      { numRuns: 6 },
    );
  });

  test('nonsense that is signed well is refused with a code of ours', async () => {
    const [member] = members;
    const service = await TestService.start([member]);
    service.sign();
    await service.acknowledge(member);
    await service.open([member]);
    const { id } = member;
    const digests = `/members/state-digests/${id}`;
    const targets = [
      [`${digests}:update`, 'state_digest'],
      [`${digests}:ack`, 'ack'],
      ['/members/proposals:create', 'proposal'],
      [`/members/proposals/${id}:withdraw`, 'withdrawal'],
      [`/members/proposals/${id}/ballots/${id}:submit`, 'ballot'],
      [`/recovery/members/${id}:recover`, 'recovery_share'],
    ] as const;
    const key = fc.constantFrom('actions', 'name', 'args', 'stateDigest', 'ballot', 'share', 'x');
    const { nonsense } = fc.letrec<{ nonsense: JsonValue }>((tie) => ({
      nonsense: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<JsonValue>(null, true, -1, 1e300, '', 'transition_service_to_open'),
        fc.string(),
        fc.array(tie('nonsense'), { maxLength: 4 }),
        fc.dictionary(key, tie('nonsense'), { maxKeys: 4 }),
      ),
    }));
    const payload = fc.oneof(
      nonsense.map((value) => utf8Encode(JSON.stringify(value))),
      fc.uint8Array({ maxLength: 40 }),
    );
    const anywhere = fc.constantFrom(...targets);
    await fc.assert(
      fc.asyncProperty(anywhere, payload, async ([path, type], content) => {
        service.clock.advance(1000);
        const before = service.store.seqno;
        const message = { type, payload: content, proposalId: id };
        const answer = await service.post(member, path, message);
        if (answer.status >= 300) {
          const isOfScript = answer.text.includes('Failed to execute validation: ');
          const isInternal = answer.field('error.code') === 'InternalError';
          assert.ok(!isInternal || isOfScript, answer.text);
          assert.equal(service.store.seqno, before);
        }
      }),
      { numRuns: 120 },
    );
  });
});
