/**
 * A load that goes on when nodes die: each lane signs a transfer, sends it through a library to one
 * node after another until its receipt is there, and only then signs the next.
 */
import { ethers } from 'ethers';
import { createPublicClient, fallback, http } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { rpcUrlsOf, type SandboxFolder } from '../src/sandbox-folder.ts';
import { pause } from './sandbox-process.ts';
import type { Acknowledged } from './transfer-load.ts';

const gas = 100_000n;
/** How long one transfer may take, elections and slow machines included. */
const transferMsMax = 60_000;
const tryMs = 3_000;

type Send = (raw: `0x${string}`, urls: readonly string[]) => Promise<Acknowledged>;

export class FailoverLoad {
  readonly acknowledged: Acknowledged[] = [];
  /** The longest that one transfer took. */
  slowestMs = 0;
  readonly #folder: SandboxFolder;
  readonly #chainId: number;

  constructor(folder: SandboxFolder, chainId: number) {
    this.#folder = folder;
    this.#chainId = chainId;
  }

  /** A lane sends by viem, another by ethers, until `isOver`; each with an account of its own. */
  async run(isOver: () => boolean): Promise<void> {
    await Promise.all([this.#lane(sendByViem, isOver), this.#lane(sendByEthers, isOver)]);
  }

  async #lane(send: Send, isOver: () => boolean): Promise<void> {
    const signer = privateKeyToAccount(generatePrivateKey());
    for (let nonce = 0; !isOver(); nonce++) {
      const raw = await signer.signTransaction({
        chainId: this.#chainId,
        nonce,
        gas,
        maxFeePerGas: 0n,
        maxPriorityFeePerGas: 0n,
        to: `0x${(0x100000 + nonce).toString(16).padStart(40, '0')}`,
        type: 'eip1559',
      });
      const startedMs = performance.now();
      this.acknowledged.push(await this.#untilAcknowledged(raw, send));
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedMs);
    }
  }

  async #untilAcknowledged(raw: `0x${string}`, send: Send): Promise<Acknowledged> {
    const untilMs = performance.now() + transferMsMax;
    for (;;) {
      try {
        // Read anew: a node that took the place of another has the same ports, or new ones.
        return await send(raw, rpcUrlsOf(await this.#folder.addresses()));
      } catch (error) {
        if (performance.now() > untilMs) throw error;
        await pause(100);
      }
    }
  }
}

const sendByViem: Send = async (raw, urls) => {
  const transport = fallback(urls.map((url) => http(url, { timeout: tryMs, retryCount: 0 })));
  const client = createPublicClient({ transport, pollingInterval: 50 });
  const hash = ethers.keccak256(raw) as `0x${string}`;
  // Who has it already refuses it; the receipt decides.
  await client.sendRawTransaction({ serializedTransaction: raw }).catch(() => undefined);
  const receipt = await client.waitForTransactionReceipt({ hash, timeout: tryMs });
  if (receipt.status !== 'success') throw new RangeError(`${hash}: ${receipt.status}`);
  return { hash, blockHash: receipt.blockHash };
};

const sendByEthers: Send = async (raw, urls) => {
  const hash = ethers.keccak256(raw);
  for (const url of urls) {
    const request = new ethers.FetchRequest(url);
    request.timeout = tryMs;
    const provider = new ethers.JsonRpcProvider(request, undefined, { pollingInterval: 50 });
    try {
      if ((await within(provider.getBlockNumber(), tryMs)) === undefined) continue;
      await within(
        provider.broadcastTransaction(raw).catch(() => undefined),
        tryMs,
      );
      const receipt = await within(provider.waitForTransaction(hash, 1, tryMs), 2 * tryMs);
      if (receipt?.status === 1) return { hash, blockHash: receipt.blockHash };
    } catch {
      // The next node may know more.
    } finally {
      provider.destroy();
    }
  }
  throw new RangeError(`${hash}: no node has a receipt yet`);
};

/** ethers asks a node that is gone for ever. */
async function within<Result>(work: Promise<Result>, limitMs: number): Promise<Result | undefined> {
  work.catch(() => undefined);
  return Promise.race([work, pause(limitMs).then(() => undefined)]);
}
