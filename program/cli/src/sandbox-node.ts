/** The sandbox's node: its configuration file, its process, and what the process reports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { present } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { cliError } from './errors.ts';
import type { NodeReport } from './node-command.ts';
import { launcherPath } from './program.ts';
import type { SandboxAccount, SandboxFolder } from './sandbox-folder.ts';

/** For whom the sandbox's members stand; it is public, and rules may count by it. */
const organisations = ['bank-a', 'bank-b', 'bank-c'];

/** 10,000 ether in wei. */
const prefundedWei = '10000000000000000000000';
/** JSON-RPC bodies carry contracts' code. */
const rpcBodyMax = '5MB';
const logBytesMax = 10 * 1024 * 1024;

export interface SandboxPorts {
  readonly https: number;
  readonly rpc: number;
}

export interface SandboxNode {
  readonly httpsUrl: string;
  readonly rpcUrl: string;
  /** The last ledger entry that a recovery brought back; undefined in a new service. */
  readonly recoveredSeqno: number | undefined;
  /** Resolves with the exit code when the process ends. */
  readonly ended: Promise<number>;
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Writes the node's configuration for a start, or for a recovery under `previousIdentity`. */
export async function writeConfiguration(
  folder: SandboxFolder,
  options: {
    readonly ports: SandboxPorts;
    readonly chainId: number;
    readonly accounts: readonly SandboxAccount[];
    readonly previousIdentity: string | undefined;
  },
): Promise<void> {
  const { ports, chainId, accounts, previousIdentity } = options;
  if (previousIdentity !== undefined) {
    await writeFile(folder.node('previous_service_cert.pem'), previousIdentity);
  }
  await writeFile(folder.node('constitution.js'), createConstitution());
  const members = (await folder.members()).map(({ name }) => name);
  for (const [at, name] of members.entries()) {
    const data = { name, organisation: organisations[at] ?? `bank-${at}` };
    await writeFile(folder.node(`${name}_data.json`), JSON.stringify(data));
  }
  const prefunded = Object.fromEntries(accounts.map(({ address }) => [address, prefundedWei]));
  const configuration = {
    network: {
      rpc_interfaces: {
        https: { bind_address: `127.0.0.1:${ports.https}` },
        ethereum: {
          bind_address: `127.0.0.1:${ports.rpc}`,
          endorsement: { authority: 'Unsecured' },
          accepted_endpoints: ['^/$', '^/ethereum$'],
          http_configuration: { max_body_size: rpcBodyMax },
        },
      },
    },
    node_certificate: { subject_alt_names: ['dNSName:localhost'] },
    command: {
      type: previousIdentity === undefined ? 'Start' : 'Recover',
      start: {
        constitution_files: ['constitution.js'],
        members: members.map((name) => ({
          certificate_file: `../members/${name}_cert.pem`,
          encryption_public_key_file: `../members/${name}_enc_pubk.pem`,
          data_json_file: `${name}_data.json`,
        })),
        service_configuration: { recovery_threshold: Math.floor(members.length / 2) + 1 },
      },
      recover: { previous_service_identity_file: 'previous_service_cert.pem' },
    },
    coco: {
      virtual_root_key_file: '../members/development_root_privk.pem',
      adapters: { ethereum: { chain_id: chainId, visibility: 'public', prefunded } },
    },
  };
  await writeFile(folder.node('config.json'), `${JSON.stringify(configuration, undefined, 2)}\n`);
}

/**
 * Starts the node's process and waits until it listens.
 * @throws NodeDidNotStart with the code that the node reported, in its metadata
 */
export async function spawnNode(
  folder: SandboxFolder,
  onProgress: (seqno: number) => void,
): Promise<SandboxNode> {
  const log = await openLog(folder.node('node.log'));
  const child = spawn(process.execPath, [launcherPath, 'node', '--config', 'config.json'], {
    cwd: folder.nodePath,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
    // Ctrl-C goes to the whole group of a terminal; the sandbox decides when its node stops.
    detached: true,
  });
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? 1));
  });
  void ended.then(() => log.close());
  child.on('message', (message: NodeReport) => {
    if (message.kind === 'progress') onProgress(message.seqno);
  });
  const report = await startReport(child, ended, folder);
  if (report.kind === 'failed') {
    await ended;
    throw cliError('NodeDidNotStart', report.message, { nodeCode: report.code });
  }
  return {
    httpsUrl: `https://${present(report.addresses.https, 'the node has an HTTPS interface')}`,
    rpcUrl: `http://${present(report.addresses.ethereum, 'the node has an RPC interface')}`,
    recoveredSeqno: report.recoveredSeqno,
    ended,
    kill: (signal) => {
      child.kill(signal);
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Lines of many starts, but not without end: a long log begins anew. */
async function openLog(path: string): Promise<FileHandle> {
  const log = await open(path, 'a', 0o600);
  const { size } = await log.stat();
  if (size > logBytesMax) await log.truncate(0);
  return log;
}

function startReport(
  child: ChildProcess,
  ended: Promise<number>,
  folder: SandboxFolder,
): Promise<Exclude<NodeReport, { kind: 'progress' }>> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: NodeReport) => {
      if (message.kind !== 'progress') resolve(message);
    });
    void ended.then((code) => {
      const message = `The node ended with code ${code} before it served; see ${folder.node('node.log')}.`;
      reject(cliError('NodeDidNotStart', message, { code }));
    });
  });
}
