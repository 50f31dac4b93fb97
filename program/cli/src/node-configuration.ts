/** The configuration of a sandbox's node, in CCF's form. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createConstitution } from '@coco/constitution';
import type { NodeFolder } from './node-folder.ts';
import type { SandboxAccount, SandboxFolder } from './sandbox-folder.ts';
import { sandboxMembers } from './sandbox-keys.ts';

/** For whom the sandbox's members stand; it is public, and rules may count by it. */
const organisations = ['bank-a', 'bank-b', 'bank-c'];

/** 10,000 ether in wei. */
const prefundedWei = '10000000000000000000000';
/** JSON-RPC bodies carry contracts' code. */
const rpcBodyMax = '5MB';
/** How often a node that joins asks whether it may. */
const joinRetry = '100ms';

/** Port 0 lets the system choose. */
export interface NodePorts {
  readonly https: number;
  readonly rpc: number;
}

/** What a node does first. */
export type NodeBeginning =
  | { readonly kind: 'start' }
  | {
      readonly kind: 'recover';
      /** PEM of the service that wrote the ledger in the node's folder. */
      readonly previousIdentity: string;
      /** Nodes whose ledgers are looked at as well: none of them may go further. */
      readonly others: readonly NodeFolder[];
    }
  /** `address`: host:port of a node; `serviceCertificate`: PEM of the service to join. */
  | { readonly kind: 'join'; readonly address: string; readonly serviceCertificate: string };

const commandTypes = { start: 'Start', recover: 'Recover', join: 'Join' } as const;

/** Writes what the node reads; its configuration last, and whole, because it may wait for it. */
export async function writeConfiguration(
  folder: SandboxFolder,
  node: NodeFolder,
  options: {
    readonly ports: NodePorts;
    readonly chainId: number;
    readonly accounts: readonly SandboxAccount[];
    readonly beginning: NodeBeginning;
  },
): Promise<void> {
  const { beginning } = options;
  await mkdir(node.path, { recursive: true, mode: 0o700 });
  if (beginning.kind === 'recover') {
    await writeFile(node.file('previous_service_cert.pem'), beginning.previousIdentity);
  }
  if (beginning.kind === 'join') {
    await writeFile(node.file('service_cert.pem'), beginning.serviceCertificate);
  }
  const start = beginning.kind === 'start' ? await describeStart(folder, node) : {};
  const configuration = {
    network: describeNetwork(options.ports),
    node_certificate: { subject_alt_names: ['dNSName:localhost'] },
    command: {
      type: commandTypes[beginning.kind],
      service_certificate_file: 'service_cert.pem',
      start,
      recover: { previous_service_identity_file: 'previous_service_cert.pem' },
      ...(beginning.kind === 'join' && {
        join: { target_rpc_address: beginning.address, retry_timeout: joinRetry },
      }),
    },
    coco: {
      virtual_root_key_file: '../members/development_root_privk.pem',
      adapters: { ethereum: describeEthereum(options) },
      ...(beginning.kind === 'recover' && {
        recovery: { ledger_directories: beginning.others.map(({ name }) => ledgerOf(name)) },
      }),
    },
  };
  await writeFile(node.file('config.json.new'), `${JSON.stringify(configuration, undefined, 2)}\n`);
  await rename(node.file('config.json.new'), node.file('config.json'));
}

/** The ledger of another node of the sandbox, as a node's configuration names it. */
export function ledgerOf(name: string): string {
  return `../${name}/ledger`;
}

async function describeStart(folder: SandboxFolder, node: NodeFolder): Promise<object> {
  await writeFile(node.file('constitution.js'), createConstitution());
  const members = (await sandboxMembers(folder)).map(({ name }) => name);
  for (const [at, name] of members.entries()) {
    const data = { name, organisation: organisations[at] ?? `bank-${at}` };
    await writeFile(node.file(`${name}_data.json`), JSON.stringify(data));
  }
  return {
    constitution_files: ['constitution.js'],
    members: members.map((name) => ({
      certificate_file: `../members/${name}_cert.pem`,
      encryption_public_key_file: `../members/${name}_enc_pubk.pem`,
      data_json_file: `${name}_data.json`,
    })),
    service_configuration: { recovery_threshold: Math.floor(members.length / 2) + 1 },
  };
}

function describeNetwork(ports: NodePorts): object {
  return {
    node_to_node_interface: { bind_address: '127.0.0.1:0' },
    rpc_interfaces: {
      https: { bind_address: `127.0.0.1:${ports.https}` },
      ethereum: {
        bind_address: `127.0.0.1:${ports.rpc}`,
        endorsement: { authority: 'Unsecured' },
        accepted_endpoints: ['^/$', '^/ethereum$'],
        http_configuration: { max_body_size: rpcBodyMax },
      },
    },
  };
}

function describeEthereum(options: {
  readonly chainId: number;
  readonly accounts: readonly SandboxAccount[];
}): object {
  const { chainId, accounts } = options;
  const prefunded = Object.fromEntries(accounts.map(({ address }) => [address, prefundedWei]));
  return { chain_id: chainId, visibility: 'public', prefunded };
}
