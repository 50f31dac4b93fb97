import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonValue } from '@coco/base';
import { createConfiguredEthereum } from '../src/ethereum-factory.ts';

const address = `0x${'ab'.repeat(20)}`;

function refused(value: JsonValue, message: RegExp): Promise<void> {
  return assert.rejects(createConfiguredEthereum(value), { code: 'WrongUsage', message });
}

describe('the configuration of Ethereum', () => {
  test('makes the adapter', async () => {
    const adapter = await createConfiguredEthereum({
      chain_id: 2017,
      visibility: 'public',
      prefunded: { [address]: '10000000000000000000000' },
      base_fee: '7',
    });
    assert.equal(adapter.name, 'ethereum');
    assert.ok(adapter.endpoints.length > 0);
    await adapter.stop();
  });

  test('is refused with the name of what is wrong', async () => {
    await refused(null, /ethereum must be an object/);
    await refused([], /ethereum must be an object/);
    await refused({}, /chain_id must be a whole number/);
    for (const chainId of [-1, 1.5, '0x1', '', null, true, '9223372036854775809', 1e21]) {
      await refused({ chain_id: chainId }, /chain_id must be a whole number of at most/);
    }
    await refused({ chain_id: 1, chainId: 1 }, /does not know coco\.adapters\.ethereum\.chainId/);
    await refused(
      { chain_id: 1, visibility: 'private' },
      /visibility must be "public" or "consortium"/,
    );
    await refused({ chain_id: 1, base_fee: 'x' }, /base_fee must be/);
    await refused({ chain_id: 1, prefunded: [] }, /prefunded must be an object/);
    await refused({ chain_id: 1, prefunded: { '0x12': '1' } }, /"0x12" is not an address/);
    await refused({ chain_id: 1, prefunded: { [address]: '-1' } }, /prefunded must be a whole/);
    await refused({ chain_id: 1, prefunded: { [address]: '9'.repeat(79) } }, /prefunded must be/);
  });
});
