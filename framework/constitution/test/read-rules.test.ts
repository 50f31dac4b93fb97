import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LedgerError } from '@coco/base';
import { createConstitution, parseRulesDocument, readRules } from '@coco/constitution';
import fc from 'fast-check';
import { exampleNames, readExample } from './consortia.ts';

const rule = { name: 'All', actions: ['*'], thresholds: [{ more_than: '1/2' }] };
const document = { format: 'coco-rules/1', version: 1, title: 'T', rules: [rule] };
const withRule = (changes: object) => ({ ...document, rules: [{ ...rule, ...changes }] });
const withThreshold = (threshold: unknown) => withRule({ thresholds: [threshold] });

const malformed: readonly (readonly [document: unknown, problem: string])[] = [
  [null, 'it must be a JSON object'],
  [[], 'it must be a JSON object'],
  [{}, '"format" is missing'],
  [{ ...document, format: 'coco-rules/2' }, 'format: it must be "coco-rules/1"'],
  [{ ...document, version: 0 }, 'version: it must be a whole number of 1 to 1000000000'],
  [{ ...document, title: 7 }, 'title: it must be a text of 1 to 1000 characters'],
  [{ ...document, description: '' }, 'description: it must be a text of 1 to 1000 characters'],
  [{ ...document, author: 'x' }, 'there is no field "author" here'],
  [{ ...document, majority_of: 'shares' }, 'majority_of: it must be one of member, organisation'],
  [{ ...document, organisation_weights: [] }, 'organisation_weights: it must be an object of'],
  [{ ...document, organisation_weights: { A: -1 } }, 'organisation_weights.A: it must be a whole'],
  [
    { ...document, organisation_weights: JSON.parse('{"__proto__":1}') },
    'organisation_weights: a name is missing',
  ],
  [{ ...document, rules: [] }, 'rules: it must be a list of at least one rule'],
  [{ ...document, rules: 'x' }, 'rules: it must be a list of at least one rule'],
  [{ ...document, rules: Array(101).fill(rule) }, 'rules: it may have at most 100 rules'],
  [{ ...document, rules: [7] }, 'rules[0]: it must be a JSON object'],
  [withRule({ name: '' }), 'rules[0].name: it must be a text'],
  [withRule({ why: 1 }), 'rules[0].why: it must be a text'],
  [withRule({ treshold: [] }), 'rules[0]: there is no field "treshold" here'],
  [withRule({ thresholds: undefined }), 'it needs thresholds, approvals or proposers'],
  [withRule({ thresholds: [] }), 'rules[0].thresholds: it must be a list of 1 to 100 items'],
  [withRule({ actions: [] }), 'rules[0].actions: it must be a list of 1 to 100 items'],
  [withRule({ actions: ['set_membr', '*'] }), 'rules[0].actions[0]: no action is called set_membr'],
  [withRule({ actions: ['remove_m*x', '*'] }), 'no action is called remove_m*x'],
  [withRule({ actions: ['set_*_*', '*'] }), 'in which one * may stand for any letters'],
  [withRule({ actions: ['*', '*'] }), '* stands in rules[0].actions already'],
  [withRule({ actions: ['set_*'] }), 'rules: the last rule must be for every other action'],
  [
    { ...document, rules: [rule, { ...rule, actions: ['set_user'] }] },
    'rules[0].actions: "*" belongs to the last rule',
  ],
  [withThreshold({}), 'rules[0].thresholds[0]: it needs either at_least or more_than'],
  [withThreshold({ at_least: 1, more_than: '1/2' }), 'it needs either at_least or more_than'],
  [withThreshold({ by: 'head', at_least: 1 }), 'rules[0].thresholds[0].by: it must be one of'],
  [withThreshold({ at_least: 0 }), 'it must be a whole number, a share such as 2/3 or 75%'],
  [withThreshold({ at_least: 1.5 }), 'it must be a whole number, a share such as 2/3 or 75%'],
  [withThreshold({ at_least: '3/2' }), 'it must be a whole number, a share such as 2/3 or 75%'],
  [withThreshold({ at_least: '1/1001' }), 'it must be a whole number, a share such as 2/3'],
  [withThreshold({ at_least: '101%' }), 'it must be a whole number, a share such as 2/3 or 75%'],
  [withThreshold({ more_than: '1/1' }), 'it must be a share of less than the whole: 1/2 or 66%'],
  [withThreshold({ more_than: 1 }), 'it must be a share of less than the whole: 1/2 or 66%'],
  [withRule({ quorum: 7 }), 'rules[0].quorum: it must be a JSON object'],
  [withRule({ approvals: [{}] }), 'rules[0].approvals[0]: "from" is missing'],
  [withRule({ approvals: [{ from: {} }] }), 'it must have exactly one of role, organisation'],
  [
    withRule({ approvals: [{ from: { role: 'r' }, at_least: 'most' }] }),
    'rules[0].approvals[0].at_least: it must be a whole number',
  ],
  [withRule({ vetoes: [{ role: 'r', member: 'm' }] }), 'it must have exactly one of role'],
  [
    withRule({ vetoes: [{ role: 'x'.repeat(1001) }] }),
    'rules[0].vetoes[0].role: it must be a text',
  ],
  [withRule({ vetoes: [{ member: 'AB' }] }), 'it must be a member’s id: 64 hex digits'],
  [withRule({ proposers: {} }), 'rules[0].proposers: it must be a list'],
  [withRule({ separation: true }), 'rules[0].separation: it must be member or organisation'],
  [withRule({ lock_hours: -1 }), 'rules[0].lock_hours: it must be a whole number'],
  [withRule({ open_hours: 1e9 }), 'rules[0].open_hours: it must be a whole number'],
  [withRule({ lock_hours: 5, open_hours: 5 }), 'lock_hours must be less than open_hours'],
  [
    withRule({ emergency: {} }),
    'rules[0].emergency: it skips lock_hours, which this rule does not',
  ],
  [withRule({ lock_hours: 1, emergency: {} }), 'it would ask for nothing more'],
  [withRule({ lock_hours: 1, emergency: 7 }), 'rules[0].emergency: it must be a JSON object'],
  [withRule({ lock_hours: 1, emergency: { vetoes: [] } }), 'there is no field "vetoes" here'],
  [{ ...document, standing_permissions: { x: 1 } }, 'there is no field "x" here'],
  [
    { ...document, standing_permissions: { node_replacement: {} } },
    'standing_permissions.node_replacement: "silent_minutes" is missing',
  ],
  [
    {
      ...document,
      standing_permissions: { certificate_renewal: { validity_days: 9, renew_before_days: 9 } },
    },
    'standing_permissions.certificate_renewal.renew_before_days: it must be less than validity_days',
  ],
];

const problemsOf = (value: unknown): string => {
  const read = readRules(value);
  return read.kind === 'malformed' ? read.problems.join('\n') : '';
};

suite('reading a rules document', () => {
  test('the examples have the right form', () => {
    for (const name of exampleNames) assert.equal(problemsOf(readExample(name)), '', name);
    assert.equal(problemsOf(document), '');
  });

  test('everything that is wrong is told with its place', () => {
    for (const [value, problem] of malformed) {
      const problems = problemsOf(value);
      assert.ok(problems.includes(problem), `${JSON.stringify(value)}\n${problems}\n  ${problem}`);
    }
  });

  test('a flood of problems is cut short', () => {
    const read = readRules({ ...document, rules: Array(100).fill({ x: 1 }) });
    assert.ok(read.kind === 'malformed' && read.problems.length === 20);
  });

  test('no value makes it throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.notEqual(problemsOf(value), '');
      }),
    );
  });

  test('an example with one thing replaced is read or refused, never half of both', () => {
    const path = fc.array(fc.nat(9), { minLength: 1, maxLength: 6 });
    const inputs = fc.tuple(fc.constantFrom(...exampleNames), path, fc.jsonValue());
    fc.assert(
      fc.property(inputs, ([name, steps, value]) => {
        const changed = JSON.parse(JSON.stringify(readExample(name)));
        let owner = changed;
        for (const step of steps.slice(0, -1)) {
          const keys = Object.keys(owner);
          const next = owner[keys[step % keys.length] ?? ''];
          if (typeof next !== 'object' || next === null) break;
          owner = next;
        }
        const keys = Object.keys(owner);
        owner[keys[(steps.at(-1) ?? 0) % keys.length] ?? ''] = value;
        const read = readRules(changed);
        if (read.kind === 'rules') assert.deepEqual(read.rules, changed);
        else assert.ok(read.problems.length > 0);
      }),
      { numRuns: 500 },
    );
  });

  test('from outside, a malformed or unsafe document is a refusal with a code', () => {
    const codeOf = (value: unknown): string => {
      try {
        parseRulesDocument(value);
        return 'none';
      } catch (error) {
        return error instanceof LedgerError ? error.code : 'another';
      }
    };
    assert.equal(codeOf(document), 'none');
    assert.equal(codeOf({}), 'RulesDocumentInvalid');
    assert.equal(codeOf(withThreshold({ at_least: 1 })), 'RulesDocumentUnsafe');
    assert.throws(() => createConstitution({ rules: {} }), /"format" is missing/);
  });
});
