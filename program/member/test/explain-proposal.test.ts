import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonValue } from '@coco/base';
import { createConstitution, initialRules } from '@coco/constitution';
import {
  explainOpen,
  explainRulesInForce,
  firstRulesOf,
  readProposalTimes,
  readRulesInForce,
} from '../src/explain-proposal.ts';
import type { Voter } from '../src/votes.ts';
import { ScriptedService } from './scripted-service.ts';

const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(64));
const members = ids.map((memberId, place) => ({
  memberId,
  status: 'Active',
  memberData: { name: `bank ${place}` },
}));
const voter = (place: number, ballot: Voter['ballot']): Voter => ({
  memberId: ids[place] ?? '',
  name: `bank ${place}`,
  ballot,
});

describe('the rules in force', () => {
  test('are those of the ledger, or those that the constitution begins with', async () => {
    const service = new ScriptedService();
    assert.equal(await readRulesInForce(service.governance), undefined, 'no constitution');
    const strict = {
      ...initialRules,
      version: 3,
      rules: [{ name: 'All', actions: ['*'], thresholds: [{ at_least: 'all' }] }],
    };
    const text = createConstitution({ rules: strict });
    service.answer('GET /gov/service/constitution', { text });
    assert.equal((await readRulesInForce(service.governance))?.rules.version, 3);
    const rules = { ...strict, version: 9 } as unknown as JsonValue;
    service.answer('GET /gov/service/rules', { json: { rules, timeMs: 1000 } });
    const inForce = await readRulesInForce(service.governance);
    assert.deepEqual([inForce?.rules.version, inForce?.timeMs], [9, 1000]);
    const words = inForce ? explainRulesInForce(inForce, members).join('\n') : '';
    assert.match(words, /all 3 active members say yes/);
  });

  test('of another constitution are not guessed', () => {
    const ours = createConstitution();
    assert.equal(firstRulesOf(ours)?.title, 'Simple majority');
    for (const text of ['', 'export function resolve() {}', `${ours} `, ours.replace('*', '+')]) {
      assert.equal(firstRulesOf(text), undefined);
    }
    const literal = JSON.stringify(initialRules, undefined, 2);
    for (const other of ['', '{', '{}', `${literal}, evil = 1`]) {
      assert.equal(firstRulesOf(ours.replace(literal, other)), undefined, other);
    }
  });
});

describe('why a proposal is open', () => {
  const inForce = { rules: initialRules, timeMs: undefined };
  const proposal = { actions: [{ name: 'set_user', args: {} }], proposerId: ids[0] ?? '' };

  test('is told by what each rule needs and what the ballots show', () => {
    const open = { ...proposal, submittedAtMs: undefined };
    const needs = (...given: readonly Voter[]) =>
      explainOpen(inForce, members, { ...open, votes: { given, missing: [] } });
    const sentence = 'at least 2 of the 3 active members say yes';
    const rule = 'Every action';
    assert.deepEqual(needs(voter(0, 'approve'), voter(1, 'reject')), [
      { rule, sentence, isMet: false },
    ]);
    assert.deepEqual(needs(voter(0, 'approve'), voter(1, 'approve')), [
      { rule, sentence, isMet: true },
    ]);
    // What a script will say is for the service to find out.
    assert.equal(needs(voter(0, 'approve'), voter(1, 'script'))[0]?.isMet, false);
  });

  test('counts time by the ledger', () => {
    const [first] = initialRules.rules;
    const rules = {
      ...initialRules,
      rules: [{ name: 'Slow', actions: ['*'], thresholds: first?.thresholds ?? [], lock_hours: 2 }],
    };
    const hourMs = 3_600_000;
    const votes = { given: [voter(0, 'approve'), voter(1, 'approve')], missing: [] };
    const isMet = (timeMs: number | undefined) =>
      explainOpen({ rules, timeMs }, members, { ...proposal, votes, submittedAtMs: hourMs }).map(
        (need) => need.isMet,
      );
    assert.deepEqual(isMet(2 * hourMs), [true, false]);
    assert.deepEqual(isMet(3 * hourMs), [true, true]);
    assert.deepEqual(isMet(undefined), [true, false]);
  });

  test('times are read where the service tells them', async () => {
    const service = new ScriptedService();
    const id = 'ab'.repeat(32);
    const unknown = { submittedAtMs: undefined, nextResolutionAtMs: undefined };
    assert.deepEqual(await readProposalTimes(service.governance, id), unknown);
    const json = { submittedAtMs: 5, nextResolutionAtMs: 7 };
    service.answer(`GET /gov/members/proposals/${id}/times`, { json });
    assert.deepEqual(await readProposalTimes(service.governance, id), json);
  });
});
