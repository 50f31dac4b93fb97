import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { actionNames, diffRules, formatDiff } from '@coco/constitution';
import { exampleNames, readExample } from './consortia.ts';

suite('the difference between rules documents', () => {
  test('between a document and itself there is none', () => {
    for (const name of exampleNames) {
      const rules = readExample(name);
      assert.deepEqual(diffRules(rules, rules), [], name);
      assert.match(
        formatDiff(rules, { ...rules, title: 'Other' }),
        /nothing changes for any action/,
      );
    }
  });

  test('it is told action by action, those that change alike together', () => {
    const text = formatDiff(
      readExample('simple-majority'),
      readExample('unanimity-for-membership'),
    );
    assert.equal(
      text,
      [
        'From "Simple majority" (version 1) to "Unanimity for membership" (version 1):',
        '',
        'set_member, remove_member, set_member_data, set_constitution, set_rules:',
        '  - no longer: more than 1/2 of the active members say yes',
        '  + now: all of the active members say yes',
        '  + now: rejected 30 days after submission at the latest',
      ].join('\n'),
    );
  });

  test('everything that a document says shows up', () => {
    const before = readExample('simple-majority');
    const text = formatDiff(before, readExample('bank-consortium'));
    for (const sentence of [
      'now: a majority of the consortium is more than half of the organisations',
      'now: certificates renew without a vote 30 days before they end, for 90 days',
      'now: at least 2/3 of the organisations say yes',
      'now: at least 3/4 of the active members vote at all',
      'now: one of the members with the role regulator says yes',
      'now: a no of members with the role regulator is a veto',
      'now: the yes of the proposer is not counted',
      'now: carried 3 days after submission at the earliest',
      'now: rejected 30 days after submission at the latest',
      'now: carried before that when in addition at least 9/10 of the organisations say yes, and one of the members with the role regulator says yes',
    ]) {
      assert.ok(text.includes(sentence), `${sentence}\n${text}`);
    }
    const weights = formatDiff(before, readExample('weighted'));
    assert.match(weights, /now: Alpine Rail weighs 40/);
    assert.match(weights, /now: at least 75% of the organisations’ weight say yes/);
    const operator = formatDiff(before, readExample('operator-with-audit'));
    assert.match(operator, /now: only members with the role operator may propose/);
    assert.match(operator, /now: a node silent for 30 minutes may be replaced without a vote/);
  });

  test('each action stands in one change at most', () => {
    const changes = diffRules(readExample('two-thirds'), readExample('bank-consortium'));
    const named = changes.flatMap(({ actions }) => actions);
    assert.equal(new Set(named).size, named.length);
    assert.equal(named.length, actionNames.length);
  });
});
