/**
 * `coco transfer`: the first transaction of a newcomer, through viem like any Ethereum program. It
 * goes to any node that answers, and to another one again where that node dies with it.
 */
import { resolve } from 'node:path';
import { present } from '@coco/base';
import {
  BaseError,
  createPublicClient,
  createWalletClient,
  defineChain,
  fallback,
  formatEther,
  type Hex,
  http,
  keccak256,
  type PublicClient,
  parseEther,
  type TransactionReceipt,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { Command } from './command-line.ts';
import { cliError } from './errors.ts';
import { callRpc } from './json-rpc-client.ts';
import { eventually } from './patience.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { rpcUrlsOf, SandboxFolder } from './sandbox-folder.ts';

/** Elections take a second or two. */
const decisionMsMax = 30_000;
const resendMs = 2_000;
const pollingInterval = 50;

export const transferCommand: Command = {
  flags: {
    amount: { type: 'string', value: 'ETH', meaning: 'how much; default 1' },
    folder: {
      type: 'string',
      value: 'DIR',
      meaning: `the sandbox; default ${sandboxDefaults.folder}`,
    },
  },
  run: async (given) => {
    const amount = given.text('amount') ?? '1';
    if (!/^\d{1,12}(\.\d{1,18})?$/.test(amount)) {
      throw cliError('WrongUsage', `"${amount}" is not an amount of ETH.`);
    }
    const folder = new SandboxFolder(resolve(given.text('folder') ?? sandboxDefaults.folder));
    const rpcUrls = rpcUrlsOf(await folder.addresses());
    const [from, to] = await folder.readAccounts();
    const account = privateKeyToAccount(present(from, 'a sandbox has two accounts').privateKey);
    const recipient = present(to, 'a sandbox has two accounts').address;
    const id = Number(await callRpc(rpcUrls, 'eth_chainId', []));
    const chain = defineChain({
      id,
      name: 'Coco sandbox',
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [...rpcUrls] } },
    });
    const transport = fallback(rpcUrls.map((url) => http(url)));
    const wallet = createWalletClient({ account, chain, transport });
    const reader = createPublicClient({ chain, transport });
    const value = parseEther(amount);
    const request = await wallet.prepareTransactionRequest({ to: recipient, value });
    const raw = await wallet.signTransaction(request);
    const receipt = await sendUntilDecided(reader, raw);
    const balance = formatEther(await reader.getBalance({ address: recipient }));
    console.log(
      [
        `Sent ${amount} ETH to ${recipient}: ${receipt.status}, block ${receipt.blockNumber}.`,
        `  account 2 now holds ${balance} ETH`,
        `  npm run coco -- receipt verify ${receipt.transactionHash}`,
      ].join('\n'),
    );
  },
};

/**
 * Sends the same signed transaction until its receipt is there: a node that dies takes with it what
 * it had not handed on, and the same transaction can count only once.
 */
async function sendUntilDecided(client: PublicClient, raw: Hex): Promise<TransactionReceipt> {
  const hash = keccak256(raw);
  const send = () => client.sendRawTransaction({ serializedTransaction: raw });
  await send().catch((cause: unknown) => {
    if (!(cause instanceof BaseError)) throw cause;
    const reason = cause.details || cause.shortMessage;
    throw cliError('WrongUsage', `The transfer was refused: ${reason}`, {}, cause);
  });
  return eventually({ what: 'The receipt', limitMs: decisionMsMax }, async () => {
    const waited = client.waitForTransactionReceipt({ hash, timeout: resendMs, pollingInterval });
    const receipt = await waited.catch(unlessBug);
    // A node that has it already refuses it, which is as good.
    if (!receipt) await send().catch(unlessBug);
    return receipt;
  });
}

function unlessBug(error: unknown): undefined {
  if (!(error instanceof BaseError)) throw error;
}
