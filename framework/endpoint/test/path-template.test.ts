import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BugError } from '@coco/base';
import fc from 'fast-check';
import { matchPathTemplate, parsePathTemplate, templatesOverlap } from '../src/path-template.ts';

suite('path templates', () => {
  test('a name takes one segment, or the part of it before a verb', () => {
    const template = parsePathTemplate('/gov/proposals/{proposalId}/ballots/{memberId}:submit');
    const values = matchPathTemplate(template, '/gov/proposals/aa/ballots/bb:submit');
    assert.deepEqual(
      values,
      new Map([
        ['proposalId', 'aa'],
        ['memberId', 'bb'],
      ]),
    );
    for (const path of [
      '/gov/proposals/aa/ballots/bb',
      '/gov/proposals/aa/ballots/:submit',
      '/gov/proposals//ballots/bb:submit',
      '/gov/proposals/aa/bb/ballots/cc:submit',
      '/gov/proposals/aa/ballots/b:b:submit',
    ]) {
      assert.equal(matchPathTemplate(template, path), undefined, path);
    }
  });

  test('a template that does not parse is a bug of its room', () => {
    for (const text of ['x', '/{a}{b}', '/{a', '/{}', '/{a}/{a}', '/a}b']) {
      assert.throws(() => parsePathTemplate(text), BugError, text);
    }
  });

  test('two templates overlap exactly when some path matches both', () => {
    // A small alphabet makes collisions common and the search for a common path complete.
    const segment = fc.oneof(
      fc.constantFrom('a', 'b', 'a:b', ''),
      fc
        .tuple(fc.constantFrom('', 'a', 'ab', 'b:'), fc.constantFrom('', ':a', 'b', 'ab', 'b:a'))
        .map(([prefix, suffix]) => `${prefix}{x}${suffix}`),
    );
    const parts = allTexts(['a', 'b', ':'], 6);
    fc.assert(
      fc.property(segment, segment, (left, right) => {
        const one = parsePathTemplate(`/${left}`);
        const other = parsePathTemplate(`/${right}`);
        const isShared = parts.some(
          (part) => matchPathTemplate(one, `/${part}`) && matchPathTemplate(other, `/${part}`),
        );
        assert.equal(templatesOverlap(one, other), isShared, `${left} and ${right}`);
      }),
      // Found once: a value of one template lies within the other's prefix.
      { numRuns: 300, examples: [['{x}:a', 'b:{x}']] },
    );
  });
});

function allTexts(alphabet: readonly string[], lengthMax: number): readonly string[] {
  let last = [''];
  const all = [''];
  for (let length = 1; length <= lengthMax; length++) {
    last = last.flatMap((text) => alphabet.map((character) => text + character));
    all.push(...last);
  }
  return all;
}
