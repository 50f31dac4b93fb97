/**
 * `coco demo`: a trade that a manager understands, on a sandbox of its own: bill of lading against
 * money, receipts verified offline, and the same trade as the operator of the node sees it.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from './command-line.ts';
import { parsePort } from './command-line.ts';
import { compileContracts } from './compile-contracts.ts';
import { cargo, demoContracts, playStory, type Story } from './demo-story.ts';
import { cliError } from './errors.ts';
import { findInFiles, seeFiles } from './operator-view.ts';
import { fetchBundle } from './receipt-bundle.ts';
import { describe } from './receipt-command.ts';
import { openSandbox, type Sandbox } from './sandbox.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { standardTerminal, step, type Terminal } from './steps.ts';

export const demoCommand: Command = {
  flags: {
    port: { type: 'string', value: 'PORT', meaning: 'HTTPS port; default any free one' },
    'rpc-port': { type: 'string', value: 'PORT', meaning: 'JSON-RPC port; default any free one' },
  },
  run: async (given) => {
    const terminal = standardTerminal;
    const httpsPort = parsePort(given.text('port'), 0);
    const rpcPort = parsePort(given.text('rpc-port'), 0);
    const folder = await mkdtemp(join(tmpdir(), 'coco-demo-'));
    terminal.write(`${introduction}\n`);
    try {
      const { chainId, nodeCount } = sandboxDefaults;
      const sandbox = await openSandbox(
        { folder, httpsPort, rpcPort, chainId, nodeCount },
        terminal,
      );
      try {
        await play(sandbox, terminal);
      } finally {
        sandbox.client.close();
        sandbox.visits.close();
        await sandbox.network.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

const introduction = `
A trade on Coco: ${cargo}.
A carrier issues the bill of lading, an exporter sells it, a buyer pays. Money (ERC-20), title
(ERC-721) and the exchange (escrow) are ordinary Ethereum contracts, used through viem unmodified.
`;

async function play(sandbox: Sandbox, terminal: Terminal): Promise<void> {
  const contracts = await step(terminal, 'compile three contracts with solc', () =>
    compileContracts(demoContracts),
  );
  terminal.write('\n1. The trade\n');
  const story = await playStory({
    rpcUrl: sandbox.network.first.rpcUrl,
    accounts: await sandbox.folder.readAccounts(),
    contracts,
    onStep: ({ title, receipt }) =>
      terminal.write(`   block ${String(receipt.blockNumber).padStart(2)}  ${title}\n`),
  });
  showOutcome(story, terminal);
  await showReceipts(sandbox, story, terminal);
  await showOperator(sandbox, story, terminal);
}

function showOutcome(story: Story, terminal: Terminal): void {
  const { parties, settled, titleOwner, exporterCents } = story;
  const isSettled = titleOwner === parties.buyer && exporterCents === settled.price;
  if (!isSettled) throw cliError('SandboxBroken', 'Title and money did not change hands together.');
  terminal.write(
    `   Event read back: bill ${settled.id} settled for ${money(settled.price)}.\n` +
      `   The buyer owns the bill; the exporter has ${money(exporterCents)}. One transaction did both.\n`,
  );
}

function money(cents: bigint): string {
  const euros = (cents / 100n).toLocaleString('en-US');
  return `${euros}.${String(cents % 100n).padStart(2, '0')} TEUR`;
}

async function showReceipts(sandbox: Sandbox, story: Story, terminal: Terminal): Promise<void> {
  terminal.write('\n2. The proof: receipts that hold without the network\n');
  const { client, network, folder } = sandbox;
  const trusted = await readFile(folder.member('service_identity.pem'), 'utf8');
  let verified = 0;
  for (const { hash } of story.steps) {
    const text = await describe(await fetchBundle(client, network.first.rpcUrl, hash), trusted);
    verified++;
    if (hash === story.settlement.hash) {
      terminal.write(`${text.replaceAll(/^/gm, '   ')}\n`);
    }
  }
  terminal.write(`   All ${verified} transactions of the trade verified in this way.\n`);
}

async function showOperator(sandbox: Sandbox, story: Story, terminal: Terminal): Promise<void> {
  terminal.write('\n3. The same trade as the operator of the node sees it\n');
  const { path } = sandbox.network.first.folder;
  for (const file of await seeFiles(path)) {
    if (!file.path.startsWith('ledger')) continue;
    terminal.write(`   ${file.path}  ${file.sizeBytes} bytes: ${file.glimpse}\n`);
  }
  for (const [what, bytes] of story.secrets) {
    const found = await findInFiles(path, bytes);
    if (found.length > 0) {
      throw cliError('SandboxBroken', `The node wrote ${what} in clear to ${found.join(', ')}.`);
    }
    terminal.write(`   ${what.padEnd(28)} found in no file of the node\n`);
  }
  terminal.write(
    '   (Searched raw, in hex, in base64 and in UTF-16. Platform: virtual, for development: on it\n' +
      '   root can still read memory. On real hardware memory is encrypted too.)\n',
  );
}
