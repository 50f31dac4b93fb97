/** What the consortium may change of a running chain, and when it takes effect. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestHost } from '@coco/adapter';
import { type JsonValue, LedgerError, utf8Decode, utf8Encode } from '@coco/base';
import { governedSettings } from '../src/governed-settings.ts';
import {
  alice,
  bob,
  chainId,
  createAdapter,
  createNetwork,
  type Network,
  requestOf,
  respond,
} from './network.ts';

const manual = { isAutomatic: false };
const member = {
  policy: 'member_cert',
  id: 'ab'.repeat(32),
  data: undefined,
  certificatePem: '',
} as const;

async function transfer({ rpc }: Network, nonce: number): Promise<void> {
  const fees = { gas: 30_000n, maxFeePerGas: 100n, maxPriorityFeePerGas: 0n };
  const fields = { type: 'eip1559', chainId, to: bob.address, nonce, ...fees } as const;
  const { error } = await rpc('eth_sendRawTransaction', await alice.signTransaction(fields));
  assert.equal(error, undefined);
}

/** As an accepted proposal does it: one write among the others. */
function govern(host: TestHost, settings: JsonValue): void {
  governedSettings.check(settings);
  host.execute((transaction) => {
    governedSettings.apply(transaction, settings);
    return { result: undefined };
  });
}

test('a change is for the next block: the open one keeps the rules it was opened with', async () => {
  const network = createNetwork({}, manual);
  const { host, rpc } = network;
  await transfer(network, 0);
  govern(host, { block_gas_limit: 2_000_000, base_fee: '7', beneficiary: bob.address });
  await transfer(network, 1);
  host.settle();
  await transfer(network, 2);
  host.settle();
  const [first, second] = await Promise.all(
    ['0x1', '0x2'].map(async (at) => (await rpc('eth_getBlockByNumber', at, false)).result),
  );
  assert.equal(first.transactions.length, 2);
  assert.equal(first.gasLimit, '0x3b9aca00');
  assert.equal(first.baseFeePerGas, '0x0');
  assert.equal(second.gasLimit, '0x1e8480');
  assert.equal(second.baseFeePerGas, '0x7');
  assert.equal(second.miner, bob.address.toLowerCase());
  assert.equal((await rpc('eth_gasPrice')).result, '0x7');
  const { result: history } = await rpc('eth_feeHistory', '0x1', 'latest', []);
  assert.equal(history.baseFeePerGas.at(-1), '0x7');
});

test('a change that is rolled back never was', async () => {
  const network = createNetwork({}, manual);
  const { host, rpc } = network;
  await transfer(network, 0);
  host.settle();
  govern(host, { base_fee: 9, visibility: 'consortium' });
  host.rollback(host.committedSeqno);
  await transfer(network, 1);
  host.settle();
  assert.equal((await rpc('eth_gasPrice')).result, '0x0');
  assert.equal((await rpc('eth_getBlockByNumber', '0x2', false)).result.baseFeePerGas, '0x0');
});

test('a restart finds what was set', async () => {
  const { host } = createNetwork({}, manual);
  govern(host, { base_fee: 3 });
  host.settle();
  const again = host.restart(createAdapter());
  const body = utf8Encode('{"jsonrpc":"2.0","id":1,"method":"eth_gasPrice"}');
  const request = requestOf('POST', body, [['content-type', 'application/json']]);
  assert.match(utf8Decode((await respond(again, request)).body), /"result":"0x3"/);
});

test('a chain of the consortium shows strangers nothing, and its members everything', async () => {
  const network = createNetwork({}, manual);
  const { host, rpc } = network;
  govern(host, { visibility: 'consortium' });
  host.settle();
  assert.match((await rpc('eth_getBalance', alice.address)).error?.message ?? '', /not visible/);
  const body = utf8Encode(
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_getBalance', params: [alice.address] }),
  );
  const request = requestOf('POST', body, [['content-type', 'application/json']]);
  const { body: seen } = await respond(host, request, member);
  assert.match(utf8Decode(seen), /"result":"0xd3c21bcecceda1000000"/);
  govern(host, { visibility: 'public' });
  host.settle();
  assert.equal((await rpc('eth_getBalance', alice.address)).result, '0xd3c21bcecceda1000000');
});

test('what is no setting, or has no such value, is refused in a sentence for members', () => {
  const wrong: readonly (readonly [JsonValue, RegExp])[] = [
    [null, /must be an object/],
    [{}, /one or more of block_gas_limit/],
    [{ chain_id: 5 }, /chain_id is fixed/],
    [{ gas: 5 }, /gas is no setting/],
    [{ toString: 5 }, /toString is no setting/],
    [{ block_gas_limit: 21_000 }, /from 1000000 to 9007199254740991/],
    [{ block_gas_limit: 1e300 }, /whole number/],
    [{ base_fee: -1 }, /whole number/],
    [{ base_fee: '1.5' }, /whole number/],
    [{ beneficiary: '0x12' }, /must be an address/],
    [{ spec: 'london' }, /one of prague, osaka/],
    [{ visibility: 'private' }, /one of public, consortium/],
  ];
  for (const [settings, text] of wrong) {
    assert.throws(
      () => governedSettings.check(settings),
      (error: unknown) =>
        error instanceof LedgerError &&
        error.code === 'SettingsInvalid' &&
        text.test(error.message),
      JSON.stringify(settings),
    );
  }
});

test('the rules of execution go forward only', () => {
  const { host } = createNetwork({}, manual);
  assert.throws(() => govern(host, { spec: 'prague' }), /cannot go back from osaka to prague/);
  const { host: older } = createNetwork({ spec: 'prague' }, manual);
  govern(older, { spec: 'osaka' });
});
