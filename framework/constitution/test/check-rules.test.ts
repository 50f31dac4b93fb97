import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkRules, decide, type Member, type RulesDocument, warnRules } from '@coco/constitution';
import fc from 'fast-check';
import { allVotes } from './brute-force.ts';
import { consortia, readExample } from './consortia.ts';
import { likelySafe, someMembers, someRules } from './random-rules.ts';

const hourMs = 3_600_000;
const members = consortia['bank-consortium'];

const kindsOf = (rules: RulesDocument, of: readonly Member[]): readonly string[] =>
  checkRules(rules, of).map(({ kind }) => kind);

/** A document with one rule for everything. */
function withRule(rule: object, others: object = {}): RulesDocument {
  const rules = [{ name: 'All', actions: ['*'], ...rule }];
  return { format: 'coco-rules/1', version: 1, title: 'T', rules, ...others } as RulesDocument;
}

/** What some members are of the whole, counted here anew: a part of 1. */
function partOf(rules: RulesDocument, all: readonly Member[], some: ReadonlySet<string>): number {
  const unit = rules.majority_of ?? 'member';
  const sum = (list: readonly number[]): number => list.reduce((one, other) => one + other, 0);
  if (unit === 'member') return some.size / all.length;
  if (unit === 'member_weight') {
    const inSome = all.filter(({ id }) => some.has(id)).map(({ weight }) => weight);
    return sum(inSome) / sum(all.map(({ weight }) => weight));
  }
  const names = [...new Set(all.map(({ id, organisation }) => organisation ?? id))];
  const weightOf = (name: string): number =>
    unit === 'organisation' ? 1 : (rules.organisation_weights?.[name] ?? 1);
  const agreeing = names.filter((name) => {
    const own = all.filter(({ id, organisation }) => (organisation ?? id) === name);
    return own.filter(({ id }) => some.has(id)).length > own.length / 2;
  });
  return sum(agreeing.map(weightOf)) / sum(names.map(weightOf));
}

suite('rules that let a minority take over', () => {
  test('what is judged safe, no vote of proposer and approvers in a minority carries', () => {
    let safe = 0;
    fc.assert(
      fc.property(likelySafe, someMembers({ min: 1, max: 4 }), (rules, some) => {
        const kinds = kindsOf(rules, some);
        if (kinds.includes('takeover') || kinds.includes('overweight')) return;
        safe++;
        for (const { id: proposerId } of some) {
          for (const votes of allVotes(some)) {
            const elapsedMs = 4 * hourMs;
            const situation = { rules, members: some, proposerId, votes, elapsedMs };
            if (decide(situation, ['set_rules']) !== 'Accepted') continue;
            const agreeing = new Set([proposerId]);
            for (const [id, vote] of votes) if (vote) agreeing.add(id);
            const part = partOf(rules, some, agreeing);
            assert.ok(part > 0.5, `${[...agreeing].map((id) => id[0])} are ${part}`);
          }
        }
      }),
      { numRuns: 100 },
    );
    assert.ok(safe > 15, `only ${safe} documents were safe: the test says little`);
  });

  test('one weight must not be more than all others together, unless it is alone', () => {
    const rule = { thresholds: [{ by: 'member_weight', more_than: '1/2' }] };
    const rules = withRule(rule, { majority_of: 'member_weight' });
    const weighing = (...weights: readonly number[]): readonly Member[] =>
      weights.map((weight, at) => ({ ...consortia['two-thirds'][at], weight }) as Member);
    assert.deepEqual(kindsOf(rules, weighing(2, 1, 1)), []);
    assert.deepEqual(kindsOf(rules, weighing(3, 1, 1)), ['overweight']);
    assert.deepEqual(kindsOf(rules, weighing(3)), []);
    const byOrganisation = withRule(
      { thresholds: [{ by: 'organisation_weight', more_than: '1/2' }] },
      { majority_of: 'organisation_weight', organisation_weights: { 'Alpha Bank': 4 } },
    );
    const [problem] = checkRules(byOrganisation, members);
    assert.equal(
      problem?.sentence,
      'A minority could take over: Alpha Bank alone has 4 of 7 of the weight of the organisations.',
    );
  });

  const refused: readonly (readonly [rule: object, others: object, reason: RegExp])[] = [
    [{ thresholds: [{ at_least: 3 }] }, {}, /more than half of the active members\.$/],
    [{ thresholds: [{ at_least: '1/2' }] }, {}, /more than half of the active members/],
    [{ thresholds: [{ more_than: '49%' }] }, {}, /more than half of the active members/],
    [{ proposers: [{ role: 'regulator' }] }, {}, /more than half of the active members/],
    [{ approvals: [{ from: { role: 'regulator' } }] }, {}, /more than half of the active/],
    [
      { thresholds: [{ more_than: '1/2' }] },
      { majority_of: 'organisation' },
      /more than half of the organisations/,
    ],
    [
      { thresholds: [{ at_least: 'all' }], separation: 'organisation' },
      {},
      /leaves a whole organisation uncounted/,
    ],
  ];
  test('a count, a small share, a role alone and another unit are no majority', () => {
    for (const [rule, others, reason] of refused) {
      const [problem] = checkRules(withRule(rule, others), members);
      assert.equal(problem?.kind, 'takeover', JSON.stringify(rule));
      assert.match(problem?.sentence ?? '', reason);
    }
  });

  test('other actions may be carried by fewer', () => {
    assert.deepEqual(
      kindsOf(readExample('operator-with-audit'), consortia['operator-with-audit']),
      [],
    );
  });
});

suite('rules that lock the consortium out', () => {
  test('it is said exactly when no vote at all carries other rules', () => {
    const counts = { open: 0, locked: 0 };
    fc.assert(
      fc.property(someRules, someMembers({ min: 1, max: 4 }), (rules, some) => {
        const votes = allVotes(some);
        const isCarried = some.some(({ id: proposerId }) =>
          votes.some((given) =>
            [0, 4].some((hours) => {
              const elapsedMs = hours * hourMs;
              const situation = { rules, members: some, proposerId, votes: given, elapsedMs };
              return decide(situation, ['set_rules']) === 'Accepted';
            }),
          ),
        );
        counts[isCarried ? 'open' : 'locked']++;
        assert.equal(kindsOf(rules, some).includes('lock-out'), !isCarried);
      }),
      { numRuns: 100 },
    );
    assert.ok(counts.open > 10 && counts.locked > 10, JSON.stringify(counts));
  });

  test('without members nothing can be changed', () => {
    assert.deepEqual(kindsOf(withRule({ thresholds: [{ more_than: '1/2' }] }), []), ['lock-out']);
  });
});

suite('warnings about rules', () => {
  const warn = (rules: RulesDocument, of: readonly Member[] = members): string =>
    warnRules(rules, of).join('\n');

  test('a simple majority deserves none', () => {
    assert.equal(warn(readExample('simple-majority'), consortia['simple-majority']), '');
  });

  test('one key whose loss locks the consortium out is named', () => {
    assert.match(
      warn(readExample('bank-consortium')),
      /^The rules can only be changed with Regina: if one such key is lost/,
    );
    assert.match(
      warn(readExample('unanimity-for-membership'), consortia['unanimity-for-membership']),
      /with each of Ada, Ben, Cid: if one such key is lost/,
    );
  });

  test('rules that never count, actions that nobody can carry, and ways around are told', () => {
    const majority = { thresholds: [{ more_than: '1/2' }] };
    const rules = withRule(majority, {
      rules: [
        { name: 'Users', actions: ['set_u*'], ...majority },
        { name: 'Shadow', actions: ['set_user'], ...majority },
        { name: 'Nobody', actions: ['remove_user'], approvals: [{ from: { role: 'none' } }] },
        { name: 'Entry', actions: ['set_member'], thresholds: [{ at_least: 'all' }] },
        { name: 'Text', actions: ['set_constitution'], thresholds: [{ at_least: 'all' }] },
        { name: 'Fixed', actions: ['trigger_*'], thresholds: [{ at_least: 2 }] },
        { name: 'Rest', actions: ['*'], ...majority },
      ],
    });
    const text = warn(rules);
    assert.match(text, /The rule "Shadow" never counts/);
    assert.match(text, /No vote of these members can carry remove_user\./);
    assert.match(text, /set_rules and set_constitution stand under different rules/);
    assert.match(
      text,
      /Another rule than that of set_rules counts for set_member, and set_rules can replace it/,
    );
    assert.match(text, /The rule "Fixed" counts a fixed number/);
  });
});
