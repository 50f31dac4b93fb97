import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { apply, nextResolution, resolve, validate } from '../src/constitution.ts';
import { consortia, readExample } from './consortia.ts';
import { certificate, idOf, type MemoryCcf } from './memory-ccf.ts';
import { coco, gov, id, openService, proposal, type TestMember } from './service-tables.ts';

const own = id('1');
const hourMs = 3_600_000;
const twoThirds = { ...readExample('two-thirds'), version: 2 };
const operator = { ...readExample('operator-with-audit'), version: 2 };
const vote = (digit: string, given = true) => ({ member_id: id(digit), vote: given });

const membersWithAudit: readonly TestMember[] = consortia['operator-with-audit'].map((member) => ({
  id: member.id,
  data: { ...member },
}));

function atTime(ccf: MemoryCcf, elapsedHours: number): void {
  ccf.putJson(`${coco}.proposal_times`, { submitted_at_ms: 1_000_000 }, own);
  ccf.putJson(`${coco}.clock`, 1_000_000 + elapsedHours * hourMs);
}

suite('rules in force', () => {
  test('set_rules puts a document in force, and it decides from then on', () => {
    const ccf = openService();
    const body = proposal(['trigger_snapshot']);
    assert.equal(resolve(body, id('a'), [vote('a'), vote('b')], own), 'Accepted');
    apply(proposal(['set_rules', { rules: { ...twoThirds, rules: [unanimous] } }]), own);
    assert.equal(Object(ccf.json(`${coco}.rules`)['']).version, 2);
    assert.equal(resolve(body, id('a'), [vote('a'), vote('b')], own), 'Open');
    assert.equal(resolve(body, id('a'), [vote('a'), vote('b'), vote('c')], own), 'Accepted');
  });

  test('the first proposal that is carried writes the rules that the constitution begins with', () => {
    const ccf = openService(undefined, 'Opening');
    apply(proposal(['transition_service_to_open', { next_service_identity: pem }]), own);
    assert.equal(Object(ccf.json(`${coco}.rules`)['']).title, 'Simple majority');
  });

  test('a document that is malformed, old or unsafe is refused, with every reason', () => {
    openService();
    const refusals: readonly (readonly [rules: unknown, reason: RegExp])[] = [
      [undefined, /rules has not the right form: it must be a JSON object/],
      [{ ...twoThirds, title: '', extra: 1 }, /no field "extra" here; title: it must be a text/],
      [{ ...twoThirds, version: 1 }, /rules.version must be higher than 1, which is in force/],
      [
        { ...twoThirds, rules: [{ ...unanimous, thresholds: [{ at_least: 1 }] }] },
        /A minority could take over by the rule "All" \(it is for set_rules, .*\): it needs a threshold of more than half of the active members/,
      ],
      [
        { ...twoThirds, rules: [{ ...unanimous, approvals: [{ from: { role: 'x' } }] }] },
        /locked out: not even all 3 members together could carry set_rules by the rule "All"/,
      ],
    ];
    for (const [rules, reason] of refusals) {
      const { valid, description } = validate(proposal(['set_rules', { rules }]));
      assert.equal(valid, false);
      assert.match(description, reason);
      assert.throws(() => apply(proposal(['set_rules', { rules }]), own), reason);
    }
  });

  test('set_rules is judged by the rules in force, not by its own', () => {
    const ccf = openService();
    ccf.putJson(`${coco}.rules`, { ...twoThirds, rules: [unanimous] });
    const easier = proposal(['set_rules', { rules: { ...twoThirds, version: 3 } }]);
    assert.equal(resolve(easier, id('a'), [vote('a'), vote('b')], own), 'Open');
    assert.equal(resolve(easier, id('a'), [vote('a'), vote('b'), vote('c')], own), 'Accepted');
  });

  test('standing permissions come and go with the document', () => {
    const ccf = openService(membersWithAudit);
    apply(proposal(['set_rules', { rules: operator }]), own);
    assert.deepEqual(ccf.json(`${coco}.standing_permissions`), operator.standing_permissions);
    const { standing_permissions: _gone, ...without } = operator;
    apply(proposal(['set_rules', { rules: { ...without, version: 3 } }]), own);
    assert.deepEqual(ccf.json(`${coco}.standing_permissions`), {});
  });

  test('new rules drop the open proposals: their votes were given under other ones', () => {
    const ccf = openService();
    ccf.putJson(`${gov}.proposals_info`, { state: 'Open' }, id('2'));
    apply(proposal(['set_rules', { rules: twoThirds }]), own);
    assert.deepEqual(ccf.json(`${gov}.proposals_info`)[id('2')], { state: 'Dropped' });
  });

  test('a new constitution begins with its own rules and permissions', () => {
    const ccf = openService(membersWithAudit);
    apply(proposal(['set_rules', { rules: operator }]), own);
    apply(proposal(['set_constitution', { constitution: 'export ...' }]), own);
    assert.deepEqual(ccf.json(`${coco}.rules`), {});
    assert.deepEqual(ccf.json(`${coco}.standing_permissions`), {});
  });

  test('a row that is no rules document does not count', () => {
    const ccf = openService();
    ccf.putJson(`${coco}.rules`, { anything: true });
    const body = proposal(['trigger_snapshot']);
    assert.equal(resolve(body, id('a'), [vote('a'), vote('b')], own), 'Accepted');
  });

  test('a failure to read the rules never makes weaker ones count', () => {
    const ccf = openService();
    const outOfMemory = new RangeError('out of memory');
    const kv = new Proxy(ccf.global.kv, {
      get: (target, name) => {
        if (name === `${coco}.rules`) throw outOfMemory;
        return target[String(name)];
      },
    });
    Object.assign(ccf.global, { kv });
    const body = proposal(['trigger_snapshot']);
    assert.throws(() => resolve(body, id('a'), [vote('a'), vote('b')], own), outOfMemory);
  });

  test('on a CCF service the initial rules count, and set_rules says why it cannot', () => {
    const ccf = openService();
    for (const table of ['rules', 'clock', 'proposal_times', 'standing_permissions']) {
      ccf.forbidden.add(`${coco}.${table}`);
    }
    const body = proposal(['trigger_snapshot']);
    assert.equal(resolve(body, id('a'), [vote('a'), vote('b')], own), 'Accepted');
    assert.equal(nextResolution(body, id('a'), [], own), undefined);
    apply(body, own);
    apply(proposal(['set_constitution', { constitution: 'export ...' }]), own);
    const { description } = validate(proposal(['set_rules', { rules: twoThirds }]));
    assert.match(description, /rules documents need a Coco service/);
  });
});

const pem = certificate('service');
const unanimous = { name: 'All', actions: ['*'], thresholds: [{ at_least: 'all' }] };

suite('times of rules', () => {
  test('locks and limits end by the ledger’s time', () => {
    const ccf = openService(membersWithAudit);
    ccf.putJson(`${coco}.rules`, operator);
    const body = proposal(['remove_node', { node_id: id('e') }]);
    const at = (hours: number, ...votes: readonly ReturnType<typeof vote>[]): string => {
      atTime(ccf, hours);
      return resolve(body, id('a'), votes, own);
    };
    assert.equal(at(0), 'Open');
    assert.equal(at(24 - 1 / 3600), 'Open');
    assert.equal(at(24), 'Accepted');
    assert.equal(at(1, vote('b')), 'Accepted', 'an auditor’s yes skips the lock');
    assert.equal(at(1, vote('b', false)), 'Rejected');
    assert.equal(at(168), 'Rejected');
  });

  test('without a time of the proposal no lock opens and no limit ends', () => {
    const ccf = openService(membersWithAudit);
    ccf.putJson(`${coco}.rules`, operator);
    const body = proposal(['remove_node', { node_id: id('e') }]);
    assert.equal(resolve(body, id('a'), [], own), 'Open');
    ccf.putJson(`${coco}.clock`, 10 ** 12);
    assert.equal(resolve(body, id('a'), [], own), 'Open');
    ccf.putJson(`${coco}.proposal_times`, { submitted_at_ms: 'never' }, own);
    assert.equal(resolve(body, id('a'), [], own), 'Open');
    assert.equal(resolve(body, id('a'), []), 'Open', 'nor without an id');
    assert.equal(nextResolution(body, id('a'), [], own), undefined);
  });

  test('an open proposal is to be resolved again when the next lock or limit ends', () => {
    const ccf = openService(membersWithAudit);
    ccf.putJson(`${coco}.rules`, operator);
    const next = (hours: number, ...actions: readonly string[]): number | undefined => {
      atTime(ccf, hours);
      const body = proposal(...actions.map((name) => [name] as const));
      const time = nextResolution(body, id('a'), [], own);
      return time === undefined ? undefined : (time - 1_000_000) / hourMs;
    };
    assert.equal(next(0, 'remove_node'), 24);
    assert.equal(next(24, 'remove_node'), 168);
    assert.equal(next(168, 'remove_node'), undefined);
    assert.equal(next(0, 'trigger_snapshot'), undefined);
    assert.equal(next(0, 'trigger_snapshot', 'remove_node'), 24);
  });
});

suite('members under rules', () => {
  const needsRegulator = {
    ...twoThirds,
    rules: [
      { ...unanimous, thresholds: [{ more_than: '1/2' }], approvals: [{ from: { role: 'r' } }] },
    ],
  };
  const members: readonly TestMember[] = [
    { id: id('a'), data: { roles: ['r'] } },
    { id: id('b') },
    { id: id('c') },
  ];

  test('a removal or new data that would lock the consortium out is refused', () => {
    const changes = [
      ['remove_member', { member_id: id('a') }],
      ['set_member_data', { member_id: id('a'), member_data: {} }],
    ] as const;
    for (const change of changes) {
      openService(members).putJson(`${coco}.rules`, needsRegulator);
      assert.throws(() => apply(proposal(change), own), /locked out/);
    }
    openService(members).putJson(`${coco}.rules`, needsRegulator);
    apply(proposal(['remove_member', { member_id: id('b') }]), own);
  });

  test('a regulator that is accepted and has yet to acknowledge can take over the role', () => {
    const ccf = openService(members);
    ccf.putJson(`${coco}.rules`, needsRegulator);
    const cert = certificate('new regulator');
    apply(
      proposal(
        ['set_member', { cert, member_data: { roles: ['r'] } }],
        ['remove_member', { member_id: id('a') }],
      ),
      own,
    );
    assert.deepEqual(Object.keys(ccf.json(`${gov}.members.info`)).sort(), [
      ...[idOf(cert), id('b'), id('c')].sort(),
    ]);
  });

  test('new data that would make one member the majority is refused', () => {
    const ccf = openService();
    const weighted = {
      ...twoThirds,
      majority_of: 'member_weight',
      rules: [{ ...unanimous, thresholds: [{ by: 'member_weight', more_than: '1/2' }] }],
    };
    ccf.putJson(`${coco}.rules`, weighted);
    const data = (weight: number) => ({ member_id: id('a'), member_data: { name: 'A', weight } });
    apply(proposal(['set_member_data', data(2)]), own);
    assert.throws(
      () => apply(proposal(['set_member_data', data(3)]), own),
      /A minority could take over: A alone has 3 of 5 of the weight of the active members/,
    );
  });

  test('the last member cannot be removed', () => {
    openService([{ id: id('a') }]);
    assert.throws(
      () => apply(proposal(['remove_member', { member_id: id('a') }]), own),
      /locked out/,
    );
  });

  test('members that were locked out before may still come and go', () => {
    const ccf = openService([{ id: id('b') }, { id: id('c') }]);
    ccf.putJson(`${coco}.rules`, needsRegulator);
    apply(proposal(['remove_member', { member_id: id('b') }]), own);
    assert.deepEqual(Object.keys(ccf.json(`${gov}.members.info`)), [id('c')]);
  });
});
