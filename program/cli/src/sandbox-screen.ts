/** What `npm start` shows once the network is open: the summary, and a line that lives. */
import { isJsonObject, LedgerError } from '@coco/base';
import { answerJson, type Client } from '@coco/sdk';
import { callRpc } from './json-rpc-client.ts';
import type { Sandbox, SandboxOptions } from './sandbox.ts';
import type { Terminal } from './steps.ts';

const refreshMs = 1000;

export async function showSummary(
  terminal: Terminal,
  shown: {
    readonly sandbox: Sandbox;
    readonly options: SandboxOptions;
    readonly startedMs: number;
  },
): Promise<void> {
  const { folder, network } = shown.sandbox;
  const node = network.first;
  const accounts = await folder.readAccounts();
  const [first, second] = accounts;
  const seconds = ((performance.now() - shown.startedMs) / 1000).toFixed(1);
  const height = await blockNumber(node.rpcUrl);
  const block = height === undefined ? 'shown to members and users, over HTTPS' : `block ${height}`;
  const chainId = Number(await callRpc(node.rpcUrl, 'eth_chainId', []));
  const blocks = height === undefined ? '' : `, ${height} blocks`;
  const status =
    node.recoveredSeqno === undefined
      ? 'new network'
      : `recovered: ${node.recoveredSeqno} ledger transactions${blocks}`;
  const lines = [
    '',
    `Coco is open (${seconds} s, ${status}).`,
    `  platform    virtual - not confidential: this machine's root can read memory`,
    `  Ethereum    ${node.rpcUrl}   chain id ${chainId}   ${block}`,
    `  HTTPS       ${node.httpsUrl}   (CA: ${node.folder.file('service_cert.pem')})`,
    `  account 1   ${first?.address}   development only`,
    `      key     ${first?.privateKey}`,
    `  account 2   ${second?.address}   development only`,
    `      key     ${second?.privateKey}`,
    `  files       ${folder.path}`,
    `              members/ has the keys; a real network has no such folder`,
    'Try, in another terminal:',
    '  npm run coco -- transfer            # send 1 ETH from account 1 to account 2',
    '  npm run coco -- receipt verify <hash>   # prove it without trusting the node',
    '  npm run coco -- operator-view       # what the host of the node can see',
    '  npm run coco -- governance show     # who governs this network, and by which rules',
    '',
  ];
  terminal.write(`${lines.join('\n')}\n`);
}

/** Redraws one line a second while the sandbox runs; the returned function ends it. */
export function showLiveLine(terminal: Terminal, sandbox: Sandbox): () => void {
  if (!terminal.isInteractive) {
    terminal.write('Running; Ctrl-C stops it.\n');
    return () => {};
  }
  let before: { readonly entries: number; readonly atMs: number } | undefined;
  const draw = async () => {
    const metrics = await readMetrics(sandbox.client);
    const block = (await blockNumber(sandbox.network.first.rpcUrl)) ?? 'hidden';
    const atMs = performance.now();
    const rate = before ? ((metrics.entries - before.entries) / (atMs - before.atMs)) * 1000 : 0;
    before = { entries: metrics.entries, atMs };
    const commit = metrics.lastCommitMs.toFixed(1);
    terminal.write(
      `\r  block ${block}   ${rate.toFixed(0)} tx/s   last commit ${commit} ms   Ctrl-C stops   `,
    );
  };
  const timer = setInterval(() => {
    // While the node stops there is nothing to show; whether it runs is watched elsewhere.
    draw().catch(() => undefined);
  }, refreshMs);
  return () => clearInterval(timer);
}

/** The last block; undefined where members have set that strangers see none. */
async function blockNumber(rpcUrl: string): Promise<number | undefined> {
  try {
    return Number(await callRpc(rpcUrl, 'eth_blockNumber', []));
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'WrongUsage') return undefined;
    throw error;
  }
}

async function readMetrics(client: Client): Promise<{ entries: number; lastCommitMs: number }> {
  const value = answerJson(await client.request({ path: '/node/metrics' }));
  const metrics = isJsonObject(value) ? value : {};
  return {
    entries: Number(metrics.entries_total),
    lastCommitMs: Number(metrics.last_commit_seconds) * 1000,
  };
}
