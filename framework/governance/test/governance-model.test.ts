/** Random members' requests against a naive model of the consortium; and requests of nonsense. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isJsonObject, type JsonValue, utf8Encode } from '@coco/base';
import fc from 'fast-check';
import { memberInfos, recoveryShares } from '../src/tables.ts';
import { createMember, type TestMember, TestService } from './service-fixture.ts';

const members = [await createMember(), await createMember('Owner'), await createMember()] as const;
const memberIndex = fc.nat({ max: members.length - 1 });

const command = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), by: memberIndex }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('propose' as const), by: memberIndex }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('open' as const), by: memberIndex }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('withdraw' as const),
      by: memberIndex,
      which: fc.nat({ max: 4 }),
    }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;

type ModelState = 'Open' | 'Accepted' | 'Withdrawn';

/** The consortium as a few plain collections. */
class Model {
  readonly active = new Set<string>();
  readonly proposals = new Map<string, { readonly proposer: string; state: ModelState }>();
  /** Every id that was ever given, those forgotten included. */
  readonly ids: string[] = [];
  isOpen = false;
  holders: ReadonlySet<string> = new Set();

  decide(id: string, state: ModelState): void {
    for (const [other, proposal] of this.proposals) {
      if (other !== id && proposal.state !== 'Open') this.proposals.delete(other);
    }
    const own = this.proposals.get(id);
    if (own) own.state = state;
  }
}

function memberAt(index: number): TestMember {
  const member = members[index];
  assert.ok(member);
  return member;
}

function run(service: TestService, model: Model, one: Command): void {
  const member = memberAt(one.by);
  const isActive = model.active.has(member.id);
  service.clock.advance(1000);
  if (one.kind === 'acknowledge') {
    assert.equal(service.acknowledge(member).status, 204);
    model.active.add(member.id);
    if (!isActive && model.isOpen) model.holders = new Set(model.active);
    return;
  }
  if (one.kind === 'withdraw') {
    const proposalId = model.ids.at(-1 - one.which) ?? 'ab'.repeat(32);
    const path = `/members/proposals/${proposalId}:withdraw`;
    const { status } = service.post(member, path, { type: 'withdrawal', proposalId });
    assert.equal(status, withdrawStatus(model, member.id, proposalId));
    const isFresh = status === 200 && model.proposals.get(proposalId)?.state === 'Open';
    if (isFresh) model.decide(proposalId, 'Withdrawn');
    return;
  }
  const isOpening = one.kind === 'open';
  const answer = isOpening
    ? service.proposeOpening(member)
    : service.post(member, '/members/proposals:create', {
        type: 'proposal',
        json: { actions: [] },
      });
  assert.equal(answer.status, isActive ? 200 : 401, answer.text);
  if (!isActive) return;
  const id = String(answer.field('proposalId'));
  model.ids.push(id);
  model.proposals.set(id, { proposer: member.id, state: 'Open' });
  if (model.active.size > 1) return;
  model.decide(id, 'Accepted');
  if (!isOpening || model.isOpen) return;
  model.isOpen = true;
  model.holders = new Set(model.active);
}

function withdrawStatus(model: Model, memberId: string, proposalId: string): number {
  if (!model.active.has(memberId)) return 401;
  const proposal = model.proposals.get(proposalId);
  if (!proposal) return 204;
  if (proposal.proposer !== memberId) return 403;
  return proposal.state === 'Accepted' ? 400 : 200;
}

function compare(service: TestService, model: Model): void {
  const { body } = service.get('/members/proposals');
  const listed = isJsonObject(body) && Array.isArray(body.value) ? body.value : [];
  const shown = listed.map((item: JsonValue) => {
    assert.ok(isJsonObject(item));
    return [item.proposalId, item.proposalState, item.proposerId];
  });
  const expected = [...model.proposals]
    .map(([id, { state, proposer }]) => [id, state, proposer])
    .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1));
  assert.deepEqual(shown, expected);
  assert.equal(service.get('/service/info').field('status'), model.isOpen ? 'Open' : 'Opening');
  const state = service.store.begin();
  for (const { id } of members) {
    const status = memberInfos.get(state, id)?.status;
    assert.equal(status, model.active.has(id) ? 'Active' : 'Accepted');
  }
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
          run(service, model, one);
          compare(service, model);
        }
      }),
      { numRuns: 10 },
    );
  });

  test('nonsense that is signed well is refused with a code of ours', async () => {
    const [member] = members;
    const service = await TestService.start([member]);
    service.sign();
    service.acknowledge(member);
    service.proposeOpening(member);
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
    fc.assert(
      fc.property(anywhere, payload, ([path, type], content) => {
        service.clock.advance(1000);
        const before = service.store.seqno;
        const message = { type, payload: content, proposalId: id };
        const answer = service.post(member, path, message);
        if (answer.status >= 300) {
          assert.notEqual(answer.field('error.code'), 'InternalError', answer.text);
          assert.equal(service.store.seqno, before);
        }
      }),
      { numRuns: 200 },
    );
  });
});
