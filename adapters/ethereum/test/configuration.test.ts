/** What may be configured, and what is refused at the start. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestHost } from '@coco/adapter';
import { fromHex, LedgerError } from '@coco/base';
import { SameThreadAdmission } from '../src/admission.ts';
import { createEthereumAdapter } from '../src/create-adapter.ts';
import { alice, createAdapter, createNetwork, engine, networkOf, prefund } from './network.ts';

const hasCode = (code: string) => (error: unknown) =>
  error instanceof LedgerError && error.code === code;

test('the public factory builds an adapter that starts', async () => {
  const adapter = createEthereumAdapter({
    chainId: 4242n,
    prefunded: [{ address: fromHex(alice.address), balance: 5n }],
    admissionPool: new SameThreadAdmission(engine),
    accounts: [fromHex(alice.address)],
  });
  const { rpc } = networkOf(TestHost.create(adapter));
  assert.equal((await rpc('eth_chainId')).result, '0x1092');
  assert.equal((await rpc('net_version')).result, '4242');
  assert.equal((await rpc('eth_getBalance', alice.address)).result, '0x5');
  assert.deepEqual((await rpc('eth_accounts')).result, [alice.address.toLowerCase()]);
  await adapter.stop();
});

test('another chain id than the recovered ledger has is refused', () => {
  const { host } = createNetwork();
  assert.throws(() => host.restart(createAdapter({ chainId: 1n })), hasCode('ChainMismatch'));
});

test('genesis is a function of the configuration', async () => {
  const hashOf = async (options = {}, seed = 1): Promise<string> => {
    const { rpc } = createNetwork(options, { seed });
    return (await rpc('eth_getBlockByNumber', '0x0', false)).result.hash;
  };
  const hash = await hashOf();
  assert.equal(await hashOf({}, 2), hash);
  assert.notEqual(await hashOf({ chainId: 7n }), hash);
  assert.notEqual(await hashOf({ prefunded: [] }), hash);
  const { rpc } = createNetwork();
  assert.equal(BigInt((await rpc('eth_getBalance', alice.address)).result), prefund);
});
