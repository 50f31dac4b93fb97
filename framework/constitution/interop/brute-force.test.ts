/**
 * The explanation of rules against the constitution over all ballots, for up to six members: what
 * takes too long for the room's own tests.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { compareWithBruteForce } from '../test/brute-force.ts';
import { consortia, exampleNames, readExample } from '../test/consortia.ts';
import { someMembers, someRules } from '../test/random-rules.ts';

suite('the explanation of rules over all ballots', () => {
  for (const [size, numRuns] of [
    [3, 100],
    [4, 40],
    [5, 8],
    [6, 2],
  ] as const) {
    test(`random rules with ${size} members: its conditions equal every vote`, () => {
      fc.assert(
        fc.property(someRules, someMembers({ min: size, max: size }), (rules, members) => {
          assert.ok(compareWithBruteForce(rules, members) >= 3 ** size);
        }),
        { numRuns },
      );
    });
  }

  test('the examples with all of their members: its conditions equal every vote', () => {
    for (const name of exampleNames) {
      assert.ok(compareWithBruteForce(readExample(name), consortia[name]) >= 81, name);
    }
  });
});
