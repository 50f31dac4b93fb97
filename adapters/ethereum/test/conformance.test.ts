/** Ethereum keeps the rules of the adapter interface. */
import { test } from 'node:test';
import { type ConformanceSubject, conformanceChecks, type TestHost } from '@coco/adapter';
import { toHex } from '@coco/base';
import { encodeDeployData, encodeFunctionData, getContractAddress, type Hex } from 'viem';
import { alice, bob, chainId, createAdapter, networkOf, token } from './network.ts';

const contract = getContractAddress({ from: alice.address, nonce: 0n });

/** The first step deploys; later ones transfer the token, so that all maps change. */
async function load(host: TestHost): Promise<void> {
  const { rpc } = networkOf(host);
  const { result } = await rpc('eth_getTransactionCount', alice.address, 'pending');
  const nonce = Number(result);
  const data: Hex =
    nonce === 0
      ? encodeDeployData({ ...token, args: [1000n] })
      : encodeFunctionData({
          abi: token.abi,
          functionName: 'transfer',
          args: [bob.address, BigInt(nonce)],
        });
  const raw = await alice.signTransaction({
    type: 'eip1559',
    chainId,
    nonce,
    gas: 2_000_000n,
    maxFeePerGas: 3n,
    maxPriorityFeePerGas: 2n,
    data,
    ...(nonce === 0 ? {} : { to: contract }),
  });
  await rpc('eth_sendRawTransaction', raw);
}

/** Every block, receipt, log, balance and ledger entry, as clients see them. */
async function observe(host: TestHost): Promise<string> {
  const { rpc } = networkOf(host);
  const seen: unknown[] = [];
  const head = Number((await rpc('eth_blockNumber')).result);
  for (let number = 0; number <= head; number++) {
    const { result: block } = await rpc('eth_getBlockByNumber', `0x${number.toString(16)}`, true);
    seen.push(block);
    for (const { hash } of block.transactions) {
      seen.push((await rpc('eth_getTransactionReceipt', hash)).result);
      seen.push((await rpc('coco_getTransactionId', hash)).result);
    }
  }
  for (const { address } of [alice, bob]) {
    seen.push((await rpc('eth_getBalance', address, 'latest')).result);
    seen.push((await rpc('eth_getTransactionCount', address, 'latest')).result);
  }
  seen.push((await rpc('eth_getLogs', { fromBlock: '0x0' })).result);
  seen.push((await rpc('eth_getCode', contract, 'latest')).result);
  const rows = [...host.committed().map('ethereum.storage').range()];
  seen.push(rows.map(({ key, value }) => `${toHex(key)}=${toHex(value)}`));
  return JSON.stringify(seen, null, 1);
}

const subject: ConformanceSubject = {
  createAdapter: () => createAdapter(),
  load,
  observe,
  claimsEveryWrite: true,
};

for (const { name, run } of conformanceChecks(subject)) test(`ethereum: ${name}`, run);
