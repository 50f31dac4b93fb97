/** The sandbox's node: its configuration file, its process, and what the process reports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { open, writeFile } from 'node:fs/promises';
import { present } from '@coco/base';
import { cliError } from './errors.ts';
import type { NodeReport } from './node-command.ts';
import { launcherPath } from './program.ts';
import type { SandboxAccount, SandboxFolder } from './sandbox-folder.ts';

/** 10,000 ether in wei. */
const prefundedWei = '10000000000000000000000';
/** JSON-RPC bodies carry contracts' code. */
const rpcBodyMax = '5MB';

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
        members: [
          {
            certificate_file: '../members/member0_cert.pem',
            encryption_public_key_file: '../members/member0_enc_pubk.pem',
          },
        ],
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
export async function spawnNode(folder: SandboxFolder): Promise<SandboxNode> {
  const log = await open(folder.node('node.log'), 'a', 0o600);
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
  const report = await firstReport(child, ended, folder);
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

function firstReport(
  child: ChildProcess,
  ended: Promise<number>,
  folder: SandboxFolder,
): Promise<NodeReport> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as NodeReport));
    void ended.then((code) => {
      const message = `The node ended with code ${code} before it served; see ${folder.node('node.log')}.`;
      reject(cliError('NodeDidNotStart', message, { code }));
    });
  });
}
