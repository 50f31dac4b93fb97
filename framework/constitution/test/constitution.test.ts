import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createConstitution } from '@coco/constitution';
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
