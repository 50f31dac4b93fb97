import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LedgerError } from '@coco/base';
import { createConstitution, parseRulesDocument, readRules } from '@coco/constitution';
import fc from 'fast-check';
import { exampleNames, readExample } from './consortia.ts';
import { document, malformed, withThreshold } from './malformed-rules.ts';

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
      { numRuns: 300 },
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
