/** Random consortia and rules documents, small enough to try every vote. */
import { type Member, type RulesDocument, readMember, type Unit } from '@coco/constitution';
import fc from 'fast-check';
import { units } from '../src/rules-document.ts';

const letters = 'abcdef';
const memberId = (at: number): string => letters.charAt(at).repeat(64);

const roles = ['r', 's'];
const organisations = ['X', 'Y'];

export function someMembers(size: {
  readonly min: number;
  readonly max: number;
}): fc.Arbitrary<readonly Member[]> {
  const data = fc.record(
    {
      organisation: fc.constantFrom(...organisations),
      roles: fc.subarray(roles),
      weight: fc.nat(3),
    },
    { requiredKeys: [] },
  );
  return fc
    .array(data, { minLength: size.min, maxLength: size.max })
    .map((rows): readonly Member[] => rows.map((row, at) => readMember(memberId(at), row)));
}

/** Some name somebody who is not there. */
const party = fc.oneof(
  fc.record({ role: fc.constantFrom(...roles, 'nobody') }),
  fc.record({ organisation: fc.constantFrom(...organisations, 'nowhere') }),
  fc.record({ member: fc.constantFrom(...[0, 1, 2, 3].map(memberId), '0'.repeat(64)) }),
);
const parties = fc.array(party, { minLength: 1, maxLength: 2 });
const unit: fc.Arbitrary<Unit> = fc.constantFrom(...units);
const share = fc.constantFrom('1/3', '1/2', '2/3', '60%', '3/4', '99/100');
const amount = fc.oneof(fc.integer({ min: 1, max: 4 }), share, fc.constantFrom('all', '1/1'));
const threshold = fc.oneof(
  fc.record({ by: unit, at_least: amount }, { requiredKeys: ['at_least'] }),
  fc.record({ by: unit, more_than: share }, { requiredKeys: ['more_than'] }),
);
const thresholds = fc.array(threshold, { minLength: 1, maxLength: 2 });
const approval = fc.record({ from: party, at_least: amount }, { requiredKeys: ['from'] });
const approvals = fc.array(approval, { minLength: 1, maxLength: 2 });

const emergency = fc.oneof(fc.record({ thresholds }), fc.record({ approvals }));
const times = fc.oneof(
  fc.constant({}),
  fc.record({ open_hours: fc.constant(9) }),
  fc.record({ lock_hours: fc.constant(4) }),
  fc.record({ lock_hours: fc.constant(4), open_hours: fc.constant(9), emergency }),
  fc.record({ lock_hours: fc.constant(4), emergency }),
);
const requirements = fc.record(
  {
    thresholds,
    quorum: threshold,
    approvals,
    proposers: parties,
    vetoes: parties,
    separation: fc.constantFrom('member', 'organisation'),
  },
  { requiredKeys: ['thresholds'] },
);
/** Mostly by thresholds, sometimes by approvals or proposers alone. */
const needs = fc.oneof(
  { weight: 4, arbitrary: requirements },
  { weight: 1, arbitrary: fc.record({ approvals }) },
  { weight: 1, arbitrary: fc.record({ proposers: parties }) },
);

export const someRules: fc.Arbitrary<RulesDocument> = fc
  .record({
    first: fc.tuple(needs, times),
    last: fc.tuple(needs, times),
    weights: fc.option(fc.record({ X: fc.nat(3), Y: fc.nat(3) }), { nil: undefined }),
  })
  .map(({ first, last, weights }) => {
    const rule = (name: string, actions: string[], parts: readonly object[]): object =>
      Object.assign({ name, actions }, ...parts);
    const document = {
      format: 'coco-rules/1',
      version: 1,
      title: 'Random',
      ...(weights === undefined ? {} : { organisation_weights: weights }),
      rules: [rule('First', ['set_u*'], first), rule('Last', ['*'], last)],
    };
    return document as unknown as RulesDocument;
  });

const majorities = fc.oneof(
  fc.record({ more_than: fc.constantFrom('1/2', '2/3') }),
  fc.record({ at_least: fc.constantFrom('51%', '2/3', 'all') }),
);
/** Rules of which many are safe. */
export const likelySafe: fc.Arbitrary<RulesDocument> = fc
  .tuple(someRules, unit, majorities)
  .map(([rules, by, majority]): RulesDocument => {
    const changed = rules.rules.map((rule) => ({
      ...rule,
      thresholds: [...(rule.thresholds ?? []), { by, ...majority }],
    }));
    return { ...rules, majority_of: by, rules: changed };
  });

/** Rules that most consortia can live with, so that a long story has many of them. */
export const mildRules: fc.Arbitrary<RulesDocument> = fc
  .record({
    first: fc.tuple(needs, times),
    extras: fc.record(
      {
        quorum: fc.record({ at_least: fc.constantFrom('1/3', '1/2') }),
        vetoes: parties,
        separation: fc.constant('member'),
      },
      { requiredKeys: [] },
    ),
    majority: majorities,
    times,
  })
  .map(({ first, extras, majority, times: limits }) => {
    const rules = [
      Object.assign({ name: 'First', actions: ['set_u*', 'trigger_*'] }, ...first),
      { name: 'Last', actions: ['*'], thresholds: [majority], ...extras, ...limits },
    ];
    return { format: 'coco-rules/1', version: 1, title: 'Mild', rules } as RulesDocument;
  });
