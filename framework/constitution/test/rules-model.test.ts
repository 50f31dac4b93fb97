import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { initialRules, type RulesDocument } from '@coco/constitution';
import fc from 'fast-check';
import { apply, nextResolution, resolve, validate } from '../src/constitution.ts';
import { certificate, idOf, type MemoryCcf } from './memory-ccf.ts';
import { allows, type Voting } from './naive-rules.ts';
import { likelySafe, mildRules } from './random-rules.ts';
import { coco, gov, id, openService, proposal } from './service-tables.ts';

const hourMs = 3_600_000;

interface OpenProposal {
  readonly body: string;
  readonly actions: readonly string[];
  readonly proposerId: string;
  readonly submittedAtMs: number;
  readonly votes: Map<string, boolean>;
}

/** A service that does with proposals what a node does; everything else is the constitution. */
class Service {
  readonly ccf: MemoryCcf;
  readonly open: Map<string, OpenProposal> = new Map();
  nowMs = 1_000_000_000;
  carried = 0;
  #count = 0;

  constructor() {
    this.ccf = openService(['a', 'b', 'c', 'd'].map((digit) => ({ id: id(digit), data: {} })));
    this.ccf.putJson(`${coco}.clock`, this.nowMs);
  }

  members(isIncluded: (status: string) => boolean = (status) => status === 'Active') {
    const rows = Object.entries(this.ccf.json(`${gov}.members.info`));
    return new Map(
      rows.flatMap(([member, row]) => {
        const { status, member_data: data } = Object(row);
        return isIncluded(status) ? [[member, data ?? {}] as const] : [];
      }),
    );
  }

  rules(): RulesDocument {
    return (this.ccf.json(`${coco}.rules`)[''] ?? initialRules) as RulesDocument;
  }

  propose(proposerId: string, actions: readonly (readonly [name: string, args?: unknown])[]): void {
    const body = proposal(...actions);
    if (!this.members().has(proposerId) || !validate(body).valid) return;
    const proposalId = String(this.#count++).padStart(64, '0');
    const names = actions.map(([name]) => name);
    const submittedAtMs = this.nowMs;
    this.open.set(proposalId, {
      body,
      actions: names,
      proposerId,
      submittedAtMs,
      votes: new Map(),
    });
    this.ccf.putJson(`${gov}.proposals_info`, { state: 'Open' }, proposalId);
    this.ccf.putJson(`${coco}.proposal_times`, { submitted_at_ms: submittedAtMs }, proposalId);
    this.#resolve(proposalId);
  }

  vote(proposalId: string, memberId: string, vote: boolean): void {
    const found = this.open.get(proposalId);
    if (!found || found.votes.has(memberId) || !this.members().has(memberId)) return;
    found.votes.set(memberId, vote);
    if (!this.#resolve(proposalId)) found.votes.delete(memberId);
  }

  /** Time goes on; whatever is due on the way is resolved when it is due. */
  advance(hours: number): void {
    const endMs = this.nowMs + hours * hourMs;
    for (;;) {
      const due = [...this.open].flatMap(([proposalId, { body, proposerId }]) => {
        const atMs = nextResolution(body, proposerId, [], proposalId);
        return atMs !== undefined && atMs <= endMs ? [{ proposalId, atMs }] : [];
      });
      const [next] = due.sort((left, right) => left.atMs - right.atMs);
      if (next === undefined) break;
      this.#setTime(next.atMs);
      this.#resolve(next.proposalId);
    }
    this.#setTime(endMs);
  }

  #setTime(nowMs: number): void {
    this.nowMs = nowMs;
    this.ccf.putJson(`${coco}.clock`, nowMs);
  }

  voting(found: OpenProposal): Voting {
    const { proposerId: proposer, votes, submittedAtMs } = found;
    const hours = (this.nowMs - submittedAtMs) / hourMs;
    return { document: this.rules(), members: this.members(), proposer, votes, hours };
  }

  /** @returns false when the actions failed, and then nothing has happened */
  #resolve(proposalId: string): boolean {
    const found = this.open.get(proposalId);
    if (!found) return true;
    const votes = [...found.votes].map(([member_id, vote]) => ({ member_id, vote }));
    const decision = resolve(found.body, found.proposerId, votes, proposalId);
    const voting = this.voting(found);
    const isAllowed = found.actions.every((action) => allows(voting, action));
    assert.equal(decision === 'Accepted', isAllowed, `${decision}: ${JSON.stringify(found)}`);
    if (decision === 'Open') return true;
    if (decision === 'Accepted' && !this.#apply(proposalId, found)) return false;
    this.open.delete(proposalId);
    this.ccf.putJson(`${gov}.proposals_info`, { state: decision }, proposalId);
    return true;
  }

  #apply(proposalId: string, found: OpenProposal): boolean {
    const before = structuredClone(this.ccf.tables);
    try {
      apply(found.body, proposalId);
    } catch {
      this.ccf.tables.clear();
      for (const [name, rows] of before) this.ccf.tables.set(name, rows);
      return false;
    }
    this.carried++;
    for (const [other, info] of Object.entries(this.ccf.json(`${gov}.proposals_info`))) {
      if (Object(info).state === 'Dropped') this.open.delete(other);
    }
    return true;
  }

  /** Members that were accepted can still acknowledge, and then they vote. */
  isLockedOut(): boolean {
    const members = this.members(() => true);
    const document = this.rules();
    const votes = new Map([...members.keys()].map((member) => [member, true] as const));
    const [rule] = document.rules.filter(({ actions }) => actions.includes('*'));
    const hours = rule?.lock_hours ?? 0;
    return ![...members.keys()].some((proposer) =>
      allows({ document, members, proposer, votes, hours }, 'set_rules'),
    );
  }
}

const data = fc.record(
  {
    organisation: fc.constantFrom('X', 'Y'),
    roles: fc.subarray(['r', 's']),
    weight: fc.nat(2),
  },
  { requiredKeys: [] },
);
const who = fc.nat(7);
const action = fc.oneof(
  fc.record({ kind: fc.constantFrom('set_user_data', 'trigger_snapshot') }),
  fc.record({ kind: fc.constant('set_rules'), rules: fc.oneof(likelySafe, mildRules, mildRules) }),
  fc.record({ kind: fc.constant('remove_member'), who }),
  fc.record({ kind: fc.constant('set_member_data'), who, data }),
  fc.record({ kind: fc.constant('set_member'), name: fc.nat(3), data }),
);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('propose' as const),
      who,
      actions: fc.array(action, { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('vote' as const),
      proposal: fc.nat(3),
      who,
      // Mostly yes, or nothing would ever change.
      vote: fc.integer({ min: 0, max: 4 }).map((number) => number > 0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('withdraw' as const), proposal: fc.nat(3) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('vote-all' as const), proposal: fc.nat(3) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), hours: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'acknowledge' as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;
type SomeAction = typeof action extends fc.Arbitrary<infer Value> ? Value : never;

const pick = <Item>(items: readonly Item[], at: number): Item | undefined =>
  items.length === 0 ? undefined : items[at % items.length];

function actionOf(service: Service, chosen: SomeAction): readonly [name: string, args?: unknown] {
  const members = [...service.members(() => true).keys()];
  const member_id = 'who' in chosen ? pick(members, chosen.who) : undefined;
  if (chosen.kind === 'set_user_data') return [chosen.kind, { user_id: id('9') }];
  if ('rules' in chosen) {
    const version = service.rules().version + 1;
    return [chosen.kind, { rules: { ...chosen.rules, version } }];
  }
  if ('name' in chosen) {
    const cert = certificate(`member ${chosen.name}`);
    return [chosen.kind, { cert, member_data: chosen.data }];
  }
  if ('data' in chosen) return [chosen.kind, { member_id, member_data: chosen.data }];
  return 'who' in chosen ? [chosen.kind, { member_id }] : [chosen.kind];
}

function take(service: Service, chosen: Step): void {
  const members = [...service.members().keys()];
  const { kind } = chosen;
  const proposalId = 'proposal' in chosen ? pick([...service.open.keys()], chosen.proposal) : '';
  if (kind === 'propose') {
    const actions = chosen.actions.map((one) => actionOf(service, one));
    service.propose(pick(members, chosen.who) ?? '', actions);
  } else if (kind === 'vote') {
    service.vote(proposalId ?? '', pick(members, chosen.who) ?? '', chosen.vote);
  } else if (kind === 'vote-all') {
    for (const member of members) service.vote(proposalId ?? '', member, true);
  } else if (kind === 'withdraw') {
    service.open.delete(proposalId ?? '');
  } else if (kind === 'advance') {
    service.advance(chosen.hours);
  } else {
    for (const [member, row] of Object.entries(service.ccf.json(`${gov}.members.info`))) {
      service.ccf.putJson(`${gov}.members.info`, { ...Object(row), status: 'Active' }, member);
    }
  }
}

suite('proposals under rules', () => {
  test('no sequence of proposals and ballots carries an action that its rule does not allow', () => {
    const count = { carried: 0, rules: 0, members: new Set<number>() };
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 80 }), (steps) => {
        const service = new Service();
        for (const chosen of steps) {
          const { version } = service.rules();
          take(service, chosen);
          assert.ok(service.rules().version >= version, 'a version never goes back');
          assert.ok(!service.isLockedOut(), 'the consortium can always change its rules');
        }
        count.carried += service.carried;
        count.rules += service.rules().version - 1;
        count.members.add(service.members().size);
      }),
      { numRuns: 60 },
    );
    assert.ok(count.carried > 100 && count.rules > 10, JSON.stringify(count));
    assert.ok(count.members.size > 2, 'members came and went');
    assert.notEqual(idOf(certificate('member 0')), idOf(certificate('member 1')));
  });
});
