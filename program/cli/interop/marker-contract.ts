/**
 * A contract that keeps what it is given: the second word of the calldata under the first in its
 * storage, and all of it in an event. For tests that look for planted values.
 */
import { present } from '@coco/base';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { callRpc } from '../src/json-rpc-client.ts';
import type { SandboxFolder } from '../src/sandbox-folder.ts';

/** SSTORE(word 0, word 1); CALLDATACOPY; LOG1(topic word 0, data all); STOP. */
const runtime = '60203560003555366000600037600035366000a100';
/** CODECOPY of the runtime (21 bytes behind these 12), RETURN. */
const creation = `6015600c60003960156000f3${runtime}`;
const gas = 1_000_000n;
const wordDigits = 64;

/**
 * Deploys the contract and calls it `count` times: with a planted recipient address in between.
 * `plant` gives a new marker in hex with 0x.
 */
export async function plantInContract(
  folder: SandboxFolder,
  at: { readonly rpcUrl: string; readonly chainId: number; readonly count: number },
  plant: () => `0x${string}`,
): Promise<void> {
  const { rpcUrl, chainId, count } = at;
  const [, second] = await folder.readAccounts();
  const account = privateKeyToAccount(present(second, 'a sandbox has two accounts').privateKey);
  const first = await callRpc(rpcUrl, 'eth_getTransactionCount', [account.address, 'latest']);
  let nonce = Number(first);
  const send = async (to: `0x${string}` | undefined, data: `0x${string}`) =>
    sent(rpcUrl, await sign(account, { chainId, nonce: nonce++, to, data }));
  const { contractAddress } = await send(undefined, `0x${creation}`);
  for (let call = 0; call < count; call++) {
    const words = [plant(), plant()].map((word) => word.slice(2).padEnd(wordDigits, '0'));
    const { logs } = await send(contractAddress as `0x${string}`, `0x${words.join('')}`);
    const stored = await callRpc(rpcUrl, 'eth_getStorageAt', [
      contractAddress ?? '',
      `0x${words[0]}`,
      'latest',
    ]);
    if (stored !== `0x${words[1]}` || logs.length !== 1) {
      throw new RangeError('the contract keeps what it is given');
    }
    await send(`0x${plant().slice(2, 42)}`, '0x');
  }
}

interface Sent {
  readonly contractAddress: string | null;
  readonly logs: readonly unknown[];
}

async function sent(rpcUrl: string, raw: string): Promise<Sent> {
  const receipt = await callRpc(rpcUrl, 'eth_sendRawTransactionSync', [raw]);
  return receipt as unknown as Sent;
}

function sign(
  account: PrivateKeyAccount,
  call: {
    readonly chainId: number;
    readonly nonce: number;
    readonly to: `0x${string}` | undefined;
    readonly data: `0x${string}`;
  },
): Promise<string> {
  const { to, ...rest } = call;
  return account.signTransaction({
    ...rest,
    ...(to && { to }),
    type: 'eip1559',
    gas,
    maxFeePerGas: 0n,
    maxPriorityFeePerGas: 0n,
    value: 0n,
  });
}
