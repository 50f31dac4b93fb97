/** `coco transfer`: the first transaction of a newcomer, through viem like any Ethereum program. */
import { resolve } from 'node:path';
import { present } from '@coco/base';
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  formatEther,
  http,
  parseEther,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { Command } from './command-line.ts';
import { cliError } from './errors.ts';
import { callRpc } from './json-rpc-client.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { SandboxFolder } from './sandbox-folder.ts';

const pollingMs = 50;

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
    const [{ rpcUrl }] = await folder.addresses();
    const [from, to] = await folder.readAccounts();
    const account = privateKeyToAccount(present(from, 'a sandbox has two accounts').privateKey);
    const recipient = present(to, 'a sandbox has two accounts').address;
    const id = Number(await callRpc(rpcUrl, 'eth_chainId', []));
    const chain = defineChain({
      id,
      name: 'Coco sandbox',
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [rpcUrl] } },
    });
    const wallet = createWalletClient({ account, chain, transport: http(rpcUrl) });
    const reader = createPublicClient({
      chain,
      transport: http(rpcUrl),
      pollingInterval: pollingMs,
    });
    const hash = await wallet.sendTransaction({ to: recipient, value: parseEther(amount) });
    const receipt = await reader.waitForTransactionReceipt({ hash });
    const balance = formatEther(await reader.getBalance({ address: recipient }));
    console.log(
      [
        `Sent ${amount} ETH to ${recipient}: ${receipt.status}, block ${receipt.blockNumber}.`,
        `  account 2 now holds ${balance} ETH`,
        `  npm run coco -- receipt verify ${hash}`,
      ].join('\n'),
    );
  },
};
