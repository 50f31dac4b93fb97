/** ethers 6 at a real node. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { ContractFactory, isError, JsonRpcProvider, NonceManager, Wallet } from 'ethers';
import { type ClientPlace, tokenPath } from './client-place.ts';

const other = `0x${'67'.repeat(20)}`;
const token = JSON.parse(readFileSync(tokenPath, 'utf8'));

export async function useEthers(place: ClientPlace): Promise<void> {
  // Blocks come faster than ethers forgets what it was told.
  const options = { pollingInterval: 50, cacheTimeout: -1 };
  const provider = new JsonRpcProvider(place.url, undefined, options);
  try {
    await deployAndTransfer(provider, new Wallet(await place.fundedKey(), provider));
  } finally {
    provider.destroy();
  }
}

async function deployAndTransfer(provider: JsonRpcProvider, wallet: Wallet): Promise<void> {
  const signer = new NonceManager(wallet);
  const contract = await new ContractFactory(token.abi, token.bytecode, signer).deploy(1000n);
  await contract.waitForDeployment();
  const sent = await contract.getFunction('transfer')(other, 7n);
  const receipt = await sent.wait();
  assert.equal(receipt.status, 1);
  assert.equal(await contract.getFunction('balanceOf')(other), 7n);
  const events = await contract.queryFilter('Transfer', receipt.blockNumber);
  assert.equal(events.length, 1);
  const reason = await failure(contract.getFunction('failWithReason').staticCall());
  assert.ok(isError(reason, 'CALL_EXCEPTION'));
  assert.equal(reason.reason, 'not today');
  const custom = await failure(contract.getFunction('failWithError').staticCall(9n));
  assert.ok(isError(custom, 'CALL_EXCEPTION'));
  assert.equal(custom.revert?.name, 'Refused');
  const { gasPrice } = await provider.getFeeData();
  assert.equal(gasPrice, 0n);
  const nonce = await provider.getTransactionCount(wallet.address);
  const fields = { to: other, value: 1n, gasLimit: 21_000n };
  const many = [2, 0, 1, 3].map((step) =>
    wallet.sendTransaction({ ...fields, nonce: nonce + step }),
  );
  for (const one of await Promise.all(many)) assert.equal((await one.wait())?.status, 1);
  const late = await failure(wallet.sendTransaction({ ...fields, nonce }));
  assert.ok(isError(late, 'NONCE_EXPIRED'), String(late));
  const value = 10n ** 20n;
  const poor = await failure(wallet.sendTransaction({ ...fields, value, nonce: nonce + 4 }));
  assert.ok(isError(poor, 'INSUFFICIENT_FUNDS'), String(poor));
}

async function failure(doing: Promise<unknown>): Promise<unknown> {
  return await doing.then(
    () => assert.fail('it is refused'),
    (reason: unknown) => reason,
  );
}
