import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type MapPermission, mapPermission, type ScriptContext } from '@coco/isolate';

/** Facts on CCF, section 2: privacy by namespace by context. */
const table: readonly (readonly [string, Readonly<Record<ScriptContext, MapPermission>>])[] = [
  [
    'public:ccf.gov.members.info',
    {
      'governance-read': 'read',
      'governance-write': 'read-write',
      'app-read': 'read',
      'app-write': 'read',
    },
  ],
  [
    'public:ccf.internal.tree',
    {
      'governance-read': 'read',
      'governance-write': 'read',
      'app-read': 'read',
      'app-write': 'read',
    },
  ],
  [
    'public:shop.prices',
    {
      'governance-read': 'none',
      'governance-write': 'write',
      'app-read': 'read',
      'app-write': 'read-write',
    },
  ],
  [
    'shop.orders',
    {
      'governance-read': 'none',
      'governance-write': 'none',
      'app-read': 'read',
      'app-write': 'read-write',
    },
  ],
];
const forbidden = ['ccf.gov.members.info', 'ccf.internal.x', 'public:ccf.other', 'coco.x', 'ccf.y'];

suite('map permission', () => {
  test('a script gets what its context allows, by privacy and namespace', () => {
    for (const [name, permissions] of table) {
      for (const [context, permission] of Object.entries(permissions)) {
        assert.equal(
          mapPermission(name, context as ScriptContext),
          permission,
          `${name} ${context}`,
        );
      }
    }
  });

  test('private governance and reserved names are nobody’s', () => {
    for (const name of forbidden) {
      for (const context of Object.keys(table[0]?.[1] ?? {})) {
        assert.equal(mapPermission(name, context as ScriptContext), 'none', `${name} ${context}`);
      }
    }
  });

  test('Coco’s own governance maps are the consortium’s, as CCF’s are', () => {
    assert.equal(mapPermission('public:coco.gov.rules', 'governance-write'), 'read-write');
    assert.equal(mapPermission('public:coco.gov.rules', 'app-write'), 'read');
  });
});
