import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import {
  checkRules,
  createConstitution,
  formatExplanation,
  initialRules,
  simulateVote,
} from '@coco/constitution';
import { consortia, type ExampleName, exampleNames, readExample } from './consortia.ts';

/** Letters of members: proposer, then yes, no; hours since the submission. */
type Case = readonly [
  action: string,
  votes: string,
  decision: 'Open' | 'Accepted' | 'Rejected',
  hours?: number,
];

/** `a: bc / d`: a proposes, b and c say yes, d says no. */
const cases: Readonly<Record<ExampleName, readonly Case[]>> = {
  'simple-majority': [
    ['set_member', 'a:', 'Open'],
    ['set_member', 'a: a', 'Open'],
    ['set_member', 'a: ab', 'Accepted'],
    ['set_rules', 'a: a / b', 'Open'],
    ['set_rules', 'a: a / bc', 'Rejected'],
  ],
  'two-thirds': [
    ['set_rules', 'a: ab', 'Open'],
    ['set_rules', 'a: abc', 'Accepted'],
    ['set_rules', 'a: ab / c', 'Open'],
    ['set_rules', 'a: ab / cd', 'Rejected'],
    ['set_rules', 'a: ab', 'Open', 719],
    ['set_rules', 'a: ab', 'Rejected', 720],
    ['set_rules', 'a: abc', 'Rejected', 720],
  ],
  'unanimity-for-membership': [
    ['set_member', 'a: ab', 'Open'],
    ['set_member', 'a: abc', 'Accepted'],
    ['remove_member', 'a: ab / c', 'Rejected'],
    ['set_rules', 'a: ab / c', 'Rejected'],
    ['set_user', 'a: ab / c', 'Accepted'],
  ],
  weighted: [
    ['set_member', 'a: ab', 'Accepted'],
    ['set_member', 'a: ac', 'Open'],
    ['set_member', 'a: ac / b', 'Rejected'],
    ['set_user', 'a: bc', 'Accepted'],
    ['set_user', 'a: ac', 'Accepted'],
    ['set_user', 'a: a', 'Open'],
    ['set_user', 'a: a / bc', 'Rejected'],
  ],
  'bank-consortium': [
    ['set_member', 'a: bd', 'Open', 71],
    ['set_member', 'a: bd', 'Open', 72],
    ['set_member', 'a: bd / c', 'Accepted', 72],
    ['set_member', 'a: bcd', 'Open', 71],
    ['set_member', 'a: bcd', 'Accepted', 72],
    ['set_member', 'a: abd', 'Accepted', 72],
    ['set_member', 'a: ad / bc', 'Rejected'],
    ['set_member', 'a: abc / d', 'Rejected'],
    ['set_member', 'd: abc', 'Rejected'],
    ['add_snp_measurement', 'a: bcd', 'Accepted', 0],
    ['add_snp_measurement', 'a: bd', 'Open', 23],
    ['add_snp_measurement', 'a: bd', 'Accepted', 24],
    ['set_user', 'a: abc', 'Accepted'],
    ['set_user', 'a: abc / d', 'Rejected'],
  ],
  'operator-with-audit': [
    ['trigger_snapshot', 'a:', 'Accepted'],
    ['trigger_snapshot', 'c: abc', 'Rejected'],
    ['transition_node_to_trusted', 'a:', 'Open', 23],
    ['transition_node_to_trusted', 'a:', 'Accepted', 24],
    ['transition_node_to_trusted', 'a: b', 'Accepted', 0],
    ['transition_node_to_trusted', 'a: ac / b', 'Rejected', 0],
    ['transition_node_to_trusted', 'c: abc', 'Rejected', 24],
    ['set_rules', 'a: ac', 'Open'],
    ['set_rules', 'a: ab', 'Accepted'],
    ['set_rules', 'c: ac / b', 'Rejected'],
  ],
};

const idsOf = (letters: string): string[] => [...letters.trim()].map((letter) => letter.repeat(64));

suite('examples of rules documents', () => {
  for (const name of exampleNames) {
    test(`${name}: what carries and what does not`, () => {
      const rules = readExample(name);
      for (const [action, votes, decision, hours = 0] of cases[name]) {
        const [proposer = '', ballots = ''] = votes.split(':');
        const [yes = '', no = ''] = ballots.split('/');
        const given = new Map<string, boolean>();
        for (const id of idsOf(yes)) given.set(id, true);
        for (const id of idsOf(no)) given.set(id, false);
        const outcome = simulateVote({
          rules,
          members: consortia[name],
          actions: [action],
          proposerId: proposer.repeat(64),
          votes: given,
          elapsedHours: hours,
        });
        assert.equal(outcome.decision, decision, `${action} ${votes} after ${hours} h`);
        const isMet = outcome.outcomes.every(({ needs }) => needs.every((need) => need.isMet));
        assert.equal(isMet, decision === 'Accepted', `${action} ${votes}: the sentences agree`);
      }
    });

    test(`${name}: it is safe, and its explanation is the one that people read`, () => {
      const rules = readExample(name);
      assert.deepEqual(checkRules(rules, consortia[name]), []);
      const text = `${formatExplanation(rules, consortia[name])}\n`;
      const file = join(import.meta.dirname, 'explanations', `${name}.txt`);
      if (process.env.COCO_WRITE_EXPLANATIONS === '1') writeFileSync(file, text);
      assert.equal(text, readFileSync(file, 'utf8'), 'COCO_WRITE_EXPLANATIONS=1 writes it anew');
    });

    test(`${name}: it compiles to a constitution that begins with it`, async () => {
      const rules = readExample(name);
      const text = createConstitution({ rules });
      assert.ok(text.includes(`const initialRules = ${JSON.stringify(rules, undefined, 2)};`));
      const module = await import(`data:text/javascript,${encodeURIComponent(text)}`);
      assert.deepEqual(Object.keys(module).sort(), [
        'apply',
        'nextResolution',
        'resolve',
        'validate',
      ]);
    });
  }

  test('the simple majority is what a constitution begins with by default', () => {
    assert.deepEqual(readExample('simple-majority'), initialRules);
    assert.equal(createConstitution(), createConstitution({ rules: initialRules }));
  });
});
