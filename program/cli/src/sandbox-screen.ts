/** What `npm start` shows once the network is open: the summary, and the nodes as they are now. */
import { formatTransactionId, LedgerError } from '@coco/base';
import { callRpc } from './json-rpc-client.ts';
import { LiveBlock } from './live-block.ts';
import type { NodeReading } from './node-reading.ts';
import type { Sandbox } from './sandbox.ts';
import type { SandboxNode } from './sandbox-node.ts';
import { table } from './status-report.ts';
import type { Terminal } from './steps.ts';

const refreshMs = 1000;

export async function showSummary(
  terminal: Terminal,
  shown: { readonly sandbox: Sandbox; readonly startedMs: number },
): Promise<void> {
  const { folder, network } = shown.sandbox;
  const node = network.first;
  const [first, second] = await folder.readAccounts();
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
    ...othersOf(network.nodes),
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
    '  npm run coco -- status              # how the network stands',
    ...inviteToKill(network.nodes),
    '',
  ];
  terminal.write(`${lines.join('\n')}\n`);
}

function othersOf([, ...others]: readonly SandboxNode[]): readonly string[] {
  return others.map(
    ({ rpcUrl, httpsUrl }, at) =>
      `  ${at === 0 ? 'as well at' : '          '}  ${rpcUrl}   ${httpsUrl}`,
  );
}

function inviteToKill(nodes: readonly SandboxNode[]): readonly string[] {
  const [first] = nodes;
  if (!first || nodes.length < 3) return [];
  return [`${`  kill -9 ${first.pid}`.padEnd(38)}# the primary: and look here what happens`];
}

export interface Screen {
  /** Says in a line what happened. */
  tell(line: string): void;
  stop(): void;
}

/** Shows the nodes anew each second; where nobody looks, only what changes, line by line. */
export function showNodes(terminal: Terminal, sandbox: Sandbox): Screen {
  const block = new LiveBlock(terminal);
  const tell = (line: string) => block.print(`  ${timeText()}  ${line}`);
  if (!terminal.isInteractive) terminal.write('Running; Ctrl-C stops it.\n');
  const watched = new WatchedNodes(sandbox, tell);
  const refresh = async () => {
    const rows = await watched.look();
    if (terminal.isInteractive && !isOver) block.draw([...drawNodes(rows), watched.lastLine(rows)]);
  };
  let isOver = false;
  let isDrawing = false;
  const timer = setInterval(() => {
    if (isDrawing) return;
    isDrawing = true;
    void refresh().finally(() => {
      isDrawing = false;
    });
  }, refreshMs);
  return {
    tell,
    stop: () => {
      isOver = true;
      clearInterval(timer);
    },
  };
}

function timeText(): string {
  return new Date().toTimeString().slice(0, 8);
}

/** A node and what it said; undefined when it did not answer. */
export interface NodeRow {
  readonly node: Pick<SandboxNode, 'folder' | 'nodeId' | 'pid' | 'httpsUrl' | 'rpcUrl'>;
  readonly reading: NodeReading | undefined;
}

/** One line a node, under a line of titles. */
export function drawNodes(rows: readonly NodeRow[]): readonly string[] {
  const newest = Math.max(0, ...rows.map(({ reading }) => reading?.commit?.seqno ?? 0));
  const cells = rows.map(({ node, reading }) => {
    const ports = [new URL(node.rpcUrl).port, new URL(node.httpsUrl).port, String(node.pid)];
    if (!reading) return [node.folder.name, 'silent', '', '', '', ...ports];
    const { commit, view } = reading;
    return [
      node.folder.name,
      reading.primaryId === node.nodeId ? 'primary' : 'backup',
      String(view),
      commit ? formatTransactionId(commit) : '-',
      String(newest - (commit?.seqno ?? 0)),
      ...ports,
    ];
  });
  const titles = ['node', 'role', 'view', 'commit', 'lag', 'json-rpc', 'https', 'pid'];
  return table([titles, ...cells]);
}

/** The node that leads, by what all say; an old primary's word counts less than a newer view. */
export function leaderOf(rows: readonly NodeRow[]): NodeRow | undefined {
  return rows
    .filter(({ node, reading }) => reading?.primaryId === node.nodeId)
    .sort((left, right) => (right.reading?.view ?? 0) - (left.reading?.view ?? 0))[0];
}

class WatchedNodes {
  readonly #sandbox: Sandbox;
  readonly #tell: (line: string) => void;
  #leader: string;
  #before: { readonly seqno: number; readonly atMs: number } | undefined;

  constructor(sandbox: Sandbox, tell: (line: string) => void) {
    this.#sandbox = sandbox;
    this.#tell = tell;
    this.#leader = sandbox.network.first.folder.name;
  }

  async look(): Promise<readonly NodeRow[]> {
    const { network, visits } = this.#sandbox;
    const rows = await Promise.all(
      network.nodes.map(async (node): Promise<NodeRow> => {
        const reading = await visits.read(node).catch((error: unknown) => {
          if (error instanceof LedgerError) return undefined;
          throw error;
        });
        return { node, reading };
      }),
    );
    const leader = leaderOf(rows);
    const name = leader?.node.folder.name;
    if (name !== undefined && name !== this.#leader) {
      this.#leader = name;
      this.#tell(`${name} is primary now (view ${leader?.reading?.view})`);
    }
    return rows;
  }

  lastLine(rows: readonly NodeRow[]): string {
    const leader = leaderOf(rows);
    if (!leader?.reading) return '  no primary: an election is under way   Ctrl-C stops';
    const { metrics, commit } = leader.reading;
    const now = { seqno: commit?.seqno ?? 0, atMs: performance.now() };
    const before = this.#before;
    this.#before = now;
    const rate = before ? ((now.seqno - before.seqno) / (now.atMs - before.atMs)) * 1000 : 0;
    const latency = (Number(metrics.last_commit_seconds) * 1000).toFixed(1);
    const kill = rows.length < 3 ? '' : `   try kill -9 ${leader.node.pid}`;
    return `  ${Math.max(0, rate).toFixed(0)} tx/s   last commit ${latency} ms${kill}   Ctrl-C stops`;
  }
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
