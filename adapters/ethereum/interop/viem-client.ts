/** viem at a real node. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  type Abi,
  type Account,
  BaseError,
  type Chain,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  InsufficientFundsError,
  NonceTooLowError,
  type PublicClient,
  parseEventLogs,
  TransactionReceiptNotFoundError,
  type Transport,
  type WalletClient,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { type ClientPlace, tokenPath } from './client-place.ts';
import { sandboxChainId } from './sandbox-node.ts';

const other = `0x${'66'.repeat(20)}` as const;
const token: { readonly abi: Abi; readonly bytecode: Hex } = JSON.parse(
  readFileSync(tokenPath, 'utf8'),
);

export interface ViemClients {
  readonly reader: PublicClient<Transport, Chain>;
  readonly writer: WalletClient<Transport, Chain, Account>;
}

export function viemAt(url: string, key: Hex): ViemClients {
  const chain = defineChain({
    id: sandboxChainId,
    name: 'Coco',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const options = { chain, transport: http(url), pollingInterval: 50 };
  return {
    reader: createPublicClient(options),
    writer: createWalletClient({ ...options, account: privateKeyToAccount(key) }),
  };
}

export async function useViem(place: ClientPlace): Promise<void> {
  const { reader, writer } = viemAt(place.url, await place.fundedKey());
  const receiptOf = async (hash: Hex) => await reader.waitForTransactionReceipt({ hash });
  const { contractAddress: address } = await receiptOf(
    await writer.deployContract({ ...token, args: [1000n] }),
  );
  assert.ok(address);
  const call = { address, abi: token.abi };
  const transfer = { ...call, functionName: 'transfer', args: [other, 7n] } as const;
  const receipt = await receiptOf(await writer.writeContract(transfer));
  assert.equal(receipt.status, 'success');
  assert.equal(parseEventLogs({ abi: token.abi, logs: receipt.logs }).length, 1);
  assert.equal(
    await reader.readContract({ ...call, functionName: 'balanceOf', args: [other] }),
    7n,
  );
  const fromBlock = receipt.blockNumber;
  const events = await reader.getContractEvents({ ...call, eventName: 'Transfer', fromBlock });
  assert.equal(events.length, 1);
  const reverted = async (functionName: string, args: readonly unknown[]) => {
    const error = await failure(reader.readContract({ ...call, functionName, args }));
    const cause = error.walk((one) => one instanceof ContractFunctionRevertedError);
    assert.ok(cause instanceof ContractFunctionRevertedError);
    return cause;
  };
  assert.equal((await reverted('failWithReason', [])).reason, 'not today');
  assert.equal((await reverted('failWithError', [9n])).data?.errorName, 'Refused');
  const account = writer.account.address;
  const fees = await reader.estimateFeesPerGas();
  assert.ok(fees.maxFeePerGas >= 0n && fees.maxPriorityFeePerGas >= 0n);
  const nonce = await reader.getTransactionCount({ address: account });
  const many = [2, 0, 1, 3].map((step) =>
    writer.sendTransaction({ to: other, value: 1n, nonce: nonce + step, gas: 21_000n }),
  );
  for (const hash of await Promise.all(many)) {
    assert.equal((await receiptOf(hash)).status, 'success');
  }
  const late = await failure(writer.sendTransaction({ to: other, nonce, gas: 21_000n }));
  assert.ok(
    late.walk((one) => one instanceof NonceTooLowError),
    late.message,
  );
  const value = 10n ** 20n;
  const poor = await failure(writer.sendTransaction({ to: other, value, gas: 21_000n }));
  assert.ok(
    poor.walk((one) => one instanceof InsufficientFundsError),
    poor.message,
  );
  const none = await failure(reader.getTransactionReceipt({ hash: `0x${'77'.repeat(32)}` }));
  assert.ok(none instanceof TransactionReceiptNotFoundError);
}

async function failure(doing: Promise<unknown>): Promise<BaseError> {
  const error = await doing.then(
    () => assert.fail('it is refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BaseError);
  return error;
}
