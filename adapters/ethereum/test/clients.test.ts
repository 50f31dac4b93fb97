/** Unmodified viem and ethers deploy, transfer, call, estimate, and read logs and receipts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContractFactory, JsonRpcProvider, NonceManager, parseEther, Wallet } from 'ethers';
import {
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  getAddress,
  http,
  parseEventLogs,
} from 'viem';
import { alice, aliceKey, bob, chainId, createNetwork, listen, prefund, token } from './network.ts';

const chainAt = (url: string) =>
  defineChain({
    id: chainId,
    name: 'Coco test',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });

function viemClients(url: string) {
  const options = { chain: chainAt(url), transport: http(url, { batch: true }) };
  return {
    reader: createPublicClient({ ...options, pollingInterval: 20 }),
    writer: createWalletClient({ ...options, account: alice, pollingInterval: 20 }),
  };
}

test('viem deploys an OpenZeppelin ERC-20, transfers it and reads its events', async (t) => {
  const server = await listen(createNetwork());
  t.after(() => server.stop());
  const { reader, writer } = viemClients(server.url);
  const deployment = await writer.deployContract({ ...token, args: [1000n] });
  const deployed = await reader.waitForTransactionReceipt({ hash: deployment });
  assert.equal(deployed.status, 'success');
  assert.ok(deployed.contractAddress);
  const contract = { address: deployed.contractAddress, abi: token.abi };
  const hash = await writer.writeContract({
    ...contract,
    functionName: 'transfer',
    args: [bob.address, 7n],
  });
  const receipt = await reader.waitForTransactionReceipt({ hash });
  const [event] = parseEventLogs({ abi: token.abi, logs: receipt.logs });
  assert.deepEqual((event as { args?: unknown }).args, {
    from: alice.address,
    to: bob.address,
    value: 7n,
  });
  const read = (functionName: string, args: readonly unknown[] = []): Promise<unknown> =>
    reader.readContract({ ...contract, functionName, args });
  assert.equal(await read('balanceOf', [bob.address]), 7n);
  assert.equal(await read('name'), 'Test Money');
  const logs = await reader.getContractEvents({
    ...contract,
    eventName: 'Transfer',
    fromBlock: 0n,
    args: { to: bob.address },
  });
  assert.deepEqual(
    logs.map(({ transactionHash }) => transactionHash),
    [hash],
  );
  assert.equal(getAddress(receipt.from), alice.address);
  assert.equal(await reader.getTransactionCount({ address: alice.address }), 2);
});

test('viem moves ether and tells why a call reverts', async (t) => {
  const server = await listen(createNetwork());
  t.after(() => server.stop());
  const { reader, writer } = viemClients(server.url);
  const hash = await writer.sendTransaction({ to: bob.address, value: 5n });
  const receipt = await reader.waitForTransactionReceipt({ hash });
  assert.equal(receipt.gasUsed, 21_000n);
  assert.equal(await reader.getBalance({ address: bob.address }), prefund + 5n);
  const deployment = await writer.deployContract({ ...token, args: [1n] });
  const { contractAddress } = await reader.waitForTransactionReceipt({ hash: deployment });
  assert.ok(contractAddress);
  const reverted = async (
    functionName: string,
    args: readonly unknown[] = [],
  ): Promise<unknown> => {
    const error = await reader
      .readContract({ address: contractAddress, abi: token.abi, functionName, args })
      .then(
        () => assert.fail('the call reverts'),
        (reason: unknown) => reason,
      );
    assert.ok(error instanceof BaseError);
    const cause = error.walk((one) => one instanceof ContractFunctionRevertedError);
    assert.ok(cause instanceof ContractFunctionRevertedError);
    return cause.data?.errorName === 'Refused' ? cause.data.args : cause.reason;
  };
  assert.equal(await reverted('failWithReason'), 'not today');
  const nobody = '0x0000000000000000000000000000000000000000';
  assert.deepEqual(await reverted('failWithError', [9n]), [nobody, 9n]);
  assert.match(String(await reverted('panic', [0n])), /zero/);
  await assert.rejects(
    writer.writeContract({
      address: contractAddress,
      abi: token.abi,
      functionName: 'transfer',
      args: [bob.address, 2n],
    }),
    /ERC20InsufficientBalance/,
  );
});

test('ethers deploys, sends three in a row, and waits for three confirmations', async (t) => {
  const server = await listen(createNetwork());
  const provider = new JsonRpcProvider(server.url, undefined, {
    pollingInterval: 20,
    cacheTimeout: -1,
  });
  t.after(async () => {
    provider.destroy();
    await server.stop();
  });
  const wallet = new NonceManager(new Wallet(aliceKey, provider));
  const factory = new ContractFactory(token.abi as never, token.bytecode, wallet);
  const contract = await factory.deploy(1000n);
  await contract.waitForDeployment();
  const sent = [];
  for (let amount = 1; amount <= 3; amount++) {
    sent.push(await contract.getFunction('transfer')(bob.address, amount));
  }
  const receipt = await sent[2].wait(3);
  assert.equal(receipt.status, 1);
  assert.ok((await receipt.confirmations()) >= 3);
  assert.equal(await contract.getFunction('balanceOf')(bob.address), 6n);
  const events = await contract.queryFilter(contract.filters.Transfer?.(alice.address) ?? '*');
  assert.equal(events.length, 3);
  const block = await provider.getBlock('latest', true);
  assert.ok(block);
  assert.equal((await provider.getFeeData()).gasPrice, 0n);
  const transfer = await wallet.sendTransaction({ to: bob.address, value: parseEther('1') });
  assert.equal((await transfer.wait())?.status, 1);
});
