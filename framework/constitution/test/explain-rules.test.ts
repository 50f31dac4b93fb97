import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { compareWithBruteForce } from './brute-force.ts';
import { consortia, exampleNames, readExample } from './consortia.ts';
import { someMembers, someRules } from './random-rules.ts';

suite('the explanation of rules', () => {
  for (const [min, max, numRuns] of [
    [1, 3, 25],
    [4, 4, 2],
  ] as const) {
    test(`random rules with ${min} to ${max} members: its conditions equal every vote`, () => {
      fc.assert(
        fc.property(someRules, someMembers({ min, max }), (rules, members) => {
          assert.ok(compareWithBruteForce(rules, members) > 0);
        }),
        { numRuns },
      );
    });
  }

  // Its larger brother, for up to 6 members: interop/brute-force.test.ts.
  test('the examples: its conditions equal every vote', () => {
    for (const name of exampleNames) {
      const members = consortia[name].slice(-3);
      assert.ok(compareWithBruteForce(readExample(name), members) >= 81, name);
    }
  });
});
