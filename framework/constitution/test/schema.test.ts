import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { readRules } from '@coco/constitution';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { exampleNames, readExample } from './consortia.ts';
import { malformed } from './malformed-rules.ts';
import { likelySafe, mildRules, someRules } from './random-rules.ts';

const file = join(import.meta.dirname, '..', 'rules-document.schema.json');
const schema = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(file, 'utf8')));

/** What a schema cannot say: names of actions, an order between fields, shares of more than all. */
const beyondSchema =
  /no action is called|stands in rules|belongs to the last rule|must be for every other action|must be less than|a share|a name is missing/;

suite('the JSON Schema of rules documents', () => {
  test('it takes what is read, and every document that it refuses is refused', () => {
    for (const name of exampleNames) assert.ok(schema(readExample(name)), name);
    fc.assert(
      fc.property(fc.oneof(someRules, likelySafe, mildRules), (rules) => {
        assert.equal(readRules(rules).kind, 'rules');
        assert.ok(schema(rules), JSON.stringify(schema.errors));
      }),
    );
  });

  test('it refuses what is malformed, but for what a schema cannot say', () => {
    let refused = 0;
    for (const [value, problem] of malformed) {
      // Absent is what JSON has for undefined.
      const isTaken = schema(JSON.parse(JSON.stringify(value)));
      if (isTaken) assert.match(problem, beyondSchema, JSON.stringify(value));
      else refused++;
    }
    assert.ok(refused > 40, `${refused} were refused`);
  });
});
