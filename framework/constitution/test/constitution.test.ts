import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createConstitution } from '@coco/constitution';
import type { CcfMap } from '../src/ccf-global.ts';
import { resolve } from '../src/constitution.ts';
import { id, openService, proposal } from './service-tables.ts';

const vote = (digit: string, given = true) => ({ member_id: id(digit), vote: given });
const body = proposal(['trigger_snapshot']);

suite('the default constitution', () => {
  test('more than half of the active members carry a proposal', () => {
    openService([...['a', 'b', 'c'].map((digit) => ({ id: id(digit) }))]);
    assert.equal(resolve(body, id('a'), []), 'Open');
    assert.equal(resolve(body, id('a'), [vote('a')]), 'Open');
    assert.equal(resolve(body, id('a'), [vote('a'), vote('b')]), 'Accepted');
  });

  test('it is rejected as soon as it cannot be carried any more', () => {
    openService();
    assert.equal(resolve(body, id('a'), [vote('b', false)]), 'Open');
    assert.equal(resolve(body, id('a'), [vote('b', false), vote('c', false)]), 'Rejected');
  });

  test('only active members count', () => {
    openService([
      { id: id('a') },
      { id: id('b') },
      { id: id('c'), status: 'Accepted' },
      { id: id('d'), status: 'Accepted' },
    ]);
    assert.equal(resolve(body, id('a'), [vote('a'), vote('c'), vote('d'), vote('e')]), 'Open');
    assert.equal(resolve(body, id('a'), [vote('a'), vote('b')]), 'Accepted');
  });

  test('the text runs as a module of its own', async () => {
    openService();
    const text = createConstitution();
    const module = await import(`data:text/javascript,${encodeURIComponent(text)}`);
    assert.deepEqual(Object.keys(module).sort(), [
      'apply',
      'nextResolution',
      'resolve',
      'validate',
    ]);
    assert.equal(module.resolve(body, id('a'), [vote('a'), vote('b')]), 'Accepted');
    assert.doesNotMatch(text, /\bimport\b.*from|\brequire\(|globalThis|process\./);
  });
});

suite('a node that counts members', () => {
  const rulesOf = (rule: object): object => ({
    format: 'coco-rules/1',
    version: 2,
    title: 'T',
    rules: [{ name: 'All', actions: ['*'], ...rule }],
  });
  const heads = [
    { thresholds: [{ more_than: '1/2' }] },
    { thresholds: [{ at_least: '2/3' }], quorum: { at_least: 'all' } },
    { thresholds: [{ at_least: 1 }], lock_hours: 1, emergency: { thresholds: [{ at_least: 3 }] } },
  ];
  const others = [
    { thresholds: [{ by: 'organisation', more_than: '1/2' }] },
    { thresholds: [{ more_than: '1/2' }], approvals: [{ from: { role: 'r' } }] },
    { thresholds: [{ more_than: '1/2' }], vetoes: [{ role: 'r' }] },
    { thresholds: [{ more_than: '1/2' }], separation: 'member' },
    { thresholds: [{ more_than: '1/2' }], proposers: [{ role: 'r' }] },
    {
      thresholds: [{ at_least: 1 }],
      lock_hours: 1,
      emergency: { approvals: [{ from: { role: 'r' } }] },
    },
  ];

  test('where heads alone count, it decides the same, and reads the voters’ rows only', () => {
    const digits = ['a', 'b', 'c', 'd'];
    for (const rule of [...heads, ...others]) {
      for (let ways = 0; ways < 3 ** 4; ways++) {
        const votes = digits.flatMap((digit, at) => {
          const way = Math.floor(ways / 3 ** at) % 3;
          return way === 2 ? [] : [vote(digit, way === 1)];
        });
        const decide = (isCounting: boolean): { decision: string; hasReadAll: boolean } => {
          const ccf = openService([
            ...['a', 'b', 'c'].map((digit) => ({ id: id(digit), data: { roles: ['r'] } })),
            { id: id('d'), status: 'Accepted' as const },
          ]);
          ccf.putJson('public:coco.gov.rules', rulesOf(rule));
          let hasReadAll = false;
          const members = ccf.global.kv['public:ccf.gov.members.info'];
          const kv = new Proxy(ccf.global.kv, {
            get: (target, name) => {
              if (name !== 'public:ccf.gov.members.info') return target[String(name)];
              const forEach: CcfMap['forEach'] = (visit) => {
                hasReadAll = true;
                members?.forEach(visit);
              };
              return { ...members, forEach };
            },
          });
          for (const digit of isCounting ? ['a', 'b', 'c'] : []) {
            ccf.putText('public:coco.gov.active_members', id(digit), '');
          }
          Object.assign(ccf.global, { kv });
          return { decision: resolve(body, id('a'), votes), hasReadAll };
        };
        const counted = decide(true);
        assert.equal(counted.decision, decide(false).decision, JSON.stringify([rule, votes]));
        assert.equal(counted.hasReadAll, !heads.includes(rule as (typeof heads)[number]));
      }
    }
  });
});
