/** Settings of an adapter by a proposal: checked before anybody votes, applied in its transaction. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { utf8Decode, utf8Encode } from '@coco/base';
import { createMember, refusalOf, TestService } from './service-fixture.ts';
import { shopMap } from './shop-settings.ts';
import { yes } from './test-constitution.ts';

const members = await Promise.all([createMember(), createMember()]);
const [first, second] = members;

function settingsOf(service: TestService): string | undefined {
  const row = service.store.readAt(service.store.seqno).map(shopMap).get(utf8Encode('shop'));
  return row && utf8Decode(row);
}

async function openService(): Promise<TestService> {
  const service = await TestService.start(members);
  service.sign();
  for (const member of members) await service.acknowledge(member);
  return service;
}

const setPrice = (price: number | string, adapter = 'shop') => ({
  name: 'set_adapter_settings',
  args: { adapter, settings: { price } },
});

suite('settings of adapters', () => {
  test('reach the adapter with the ballot that decides, and not before', async () => {
    const service = await openService();
    const proposed = await service.propose(first, setPrice(5));
    const id = String(proposed.field('proposalId'));
    await service.vote(first, id, yes);
    assert.equal(settingsOf(service), undefined);
    await service.vote(second, id, yes);
    assert.equal(settingsOf(service), '{"price":5}');
  });

  test('that the adapter does not have are refused before anybody votes', async () => {
    const service = await openService();
    const seqno = service.store.seqno;
    for (const [action, text] of [
      [setPrice(0), 'shop: price must be a number above 0.'],
      [setPrice('5'), 'shop: price must be a number above 0.'],
      [setPrice(1, 'bazaar'), 'bazaar is no adapter.'],
      [{ name: 'set_adapter_settings', args: {} }, 'The name of an adapter is a text.'],
      [
        { name: 'set_adapter_settings', args: { adapter: 'shop' } },
        'Settings of an adapter are JSON.',
      ],
    ] as const) {
      assert.deepEqual(refusalOf(await service.propose(first, action)), [
        400,
        'ProposalFailedToValidate',
        `Proposal failed to validate: ${text}`,
      ]);
    }
    assert.equal(service.store.seqno, seqno);
  });
});
