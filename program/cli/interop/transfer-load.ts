/** A load of signed transfers that remembers what the node acknowledged as committed. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { callRpc } from '../src/json-rpc-client.ts';
import type { SandboxAccount } from '../src/sandbox-folder.ts';

export interface Acknowledged {
  readonly hash: string;
  readonly blockHash: string;
}

/** Transfers that wait for their commit at once, per account. */
const windowMax = 8;
const gas = 100_000n;

export class TransferLoad {
  /** Every transfer that was ever acknowledged, over all runs. */
  readonly acknowledged: Acknowledged[] = [];
  readonly #accounts: readonly PrivateKeyAccount[];
  readonly #chainId: number;
  /** What stands in each transfer's data. */
  readonly #data: () => `0x${string}`;

  private constructor(
    accounts: readonly PrivateKeyAccount[],
    chainId: number,
    data: () => `0x${string}`,
  ) {
    this.#accounts = accounts;
    this.#chainId = chainId;
    this.#data = data;
  }

  static async create(
    folder: string,
    chainId: number,
    data: () => `0x${string}` = () => '0x',
  ): Promise<TransferLoad> {
    const text = await readFile(join(folder, 'members', 'accounts.json'), 'utf8');
    const accounts = (JSON.parse(text) as SandboxAccount[]).map((one) =>
      privateKeyToAccount(one.privateKey),
    );
    return new TransferLoad(accounts, chainId, data);
  }

  /** Sends until `isOver` or until the node is gone. */
  async run(rpcUrl: string, isOver: () => boolean): Promise<void> {
    await Promise.all(this.#accounts.map((account) => this.#lane(account, rpcUrl, isOver)));
  }

  async #lane(account: PrivateKeyAccount, rpcUrl: string, isOver: () => boolean): Promise<void> {
    const params = [account.address, 'pending'];
    const waiting = new Set<Promise<void>>();
    let isGone = false;
    const count = await callRpc(rpcUrl, 'eth_getTransactionCount', params).catch(() => {
      // A node may be killed before it has answered at all.
      isGone = true;
    });
    let nonce = Number(count);
    while (!isOver() && !isGone) {
      const sent = this.#send(account, nonce++, rpcUrl).catch(() => {
        isGone = true;
      });
      waiting.add(sent);
      void sent.then(() => waiting.delete(sent));
      if (waiting.size >= windowMax) await Promise.race(waiting);
    }
    await Promise.all(waiting);
  }

  async #send(account: PrivateKeyAccount, nonce: number, rpcUrl: string): Promise<void> {
    const raw = await account.signTransaction({
      chainId: this.#chainId,
      nonce,
      gas,
      maxFeePerGas: 0n,
      maxPriorityFeePerGas: 0n,
      to: `0x${(0x100000 + nonce).toString(16).padStart(40, '0')}`,
      value: 1n,
      data: this.#data(),
      type: 'eip1559',
    });
    const receipt = await callRpc(rpcUrl, 'eth_sendRawTransactionSync', [raw]);
    const { transactionHash, blockHash, status } = receipt as Record<string, string>;
    if (status !== '0x1') throw new RangeError(`transfer ${nonce} ended with status ${status}`);
    this.acknowledged.push({ hash: String(transactionHash), blockHash: String(blockHash) });
  }
}

/** Those of the acknowledged that the node does not have, or has elsewhere. */
export async function missing(
  rpcUrl: string,
  acknowledged: readonly Acknowledged[],
): Promise<readonly string[]> {
  const lost: string[] = [];
  for (const { hash, blockHash } of acknowledged) {
    const receipt = await callRpc(rpcUrl, 'eth_getTransactionReceipt', [hash]);
    if ((receipt as { blockHash?: string } | null)?.blockHash !== blockHash) lost.push(hash);
  }
  return lost;
}
