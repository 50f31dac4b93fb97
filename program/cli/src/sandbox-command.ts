/**
 * `coco sandbox`, the main job of `npm start`: a network of one node on this machine, with a member
 * who opens it, Ethereum on it, and everything kept for the next start.
 */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LedgerError } from '@coco/base';
import { type Client, connect, forgetfulMemory } from '@coco/sdk';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { type Command, type Given, parsePort } from './command-line.ts';
import { cliError } from './errors.ts';
import { connectToSandbox } from './sandbox-client.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { SandboxFolder } from './sandbox-folder.ts';
import { MemberSession } from './sandbox-member.ts';
import { type SandboxNode, spawnNode, writeConfiguration } from './sandbox-node.ts';
import { showLiveLine, showSummary } from './sandbox-screen.ts';
import { standardTerminal, step, type Terminal } from './steps.ts';

const chainIdMax = 2 ** 53 - 1;

export interface SandboxOptions {
  readonly folder: string;
  readonly httpsPort: number;
  readonly rpcPort: number;
  readonly chainId: number;
}

export interface Sandbox {
  readonly folder: SandboxFolder;
  readonly node: SandboxNode;
  /** Verified, with a memory in members/. */
  readonly client: Client;
}

export const sandboxCommand: Command = {
  name: 'sandbox',
  positionals: [],
  summary: 'run a network of one node on this machine (the same as npm start)',
  flags: {
    folder: {
      type: 'string',
      value: 'DIR',
      meaning: `where its files are; default ${sandboxDefaults.folder}`,
    },
    port: {
      type: 'string',
      value: 'PORT',
      meaning: `HTTPS port; default ${sandboxDefaults.httpsPort}`,
    },
    'rpc-port': {
      type: 'string',
      value: 'PORT',
      meaning: `Ethereum JSON-RPC port, plain HTTP on loopback; default ${sandboxDefaults.rpcPort}`,
    },
    'chain-id': {
      type: 'string',
      value: 'ID',
      meaning: `chain id of a new sandbox; default ${sandboxDefaults.chainId}`,
    },
    fresh: { type: 'boolean', meaning: 'delete the old sandbox in the folder first' },
    once: { type: 'boolean', meaning: 'stop again when it is open (to measure or to check)' },
  },
  run: async (given) => {
    const options = parseOptions(given);
    if (given.isSet('fresh')) await rm(resolve(options.folder), { recursive: true, force: true });
    const startedMs = performance.now();
    const sandbox = await openSandbox(options, standardTerminal);
    await showSummary(standardTerminal, { sandbox, options, startedMs });
    if (given.isSet('once')) {
      sandbox.client.close();
      return sandbox.node.stop();
    }
    await runUntilAsked(sandbox, standardTerminal);
  },
};

function parseOptions(given: Given): SandboxOptions {
  const text = given.text('chain-id');
  const chainId = text === undefined ? sandboxDefaults.chainId : Number(text);
  if (!Number.isSafeInteger(chainId) || chainId < 1 || chainId > chainIdMax) {
    throw cliError('WrongUsage', `"${text}" is not a chain id: give a whole number from 1.`);
  }
  return {
    folder: given.text('folder') ?? sandboxDefaults.folder,
    httpsPort: parsePort(given.text('port'), sandboxDefaults.httpsPort),
    rpcPort: parsePort(given.text('rpc-port'), sandboxDefaults.rpcPort),
    chainId,
  };
}

/** Starts a new service in the folder, or recovers the one that is there. */
export async function openSandbox(options: SandboxOptions, terminal: Terminal): Promise<Sandbox> {
  const folder = new SandboxFolder(resolve(options.folder));
  await step(terminal, 'keys of the member and of two accounts', () =>
    folder.prepare(() => [newAccount(), newAccount()]),
  );
  if (await folder.hasLedger()) {
    const recovered = await recoverSandbox(folder, options, terminal);
    if (recovered) return recovered;
    await folder.removeLedger();
  }
  const node = await step(terminal, 'node: keys, evidence, genesis, first signature', () =>
    startNode(folder, options, undefined),
  );
  return guarded(node, async () => {
    await step(terminal, 'member: verify the node, acknowledge, open the service', () =>
      openService(folder, node, { isRecovery: false, previous: undefined }),
    );
    return { folder, node, client: await verifyAsClient(folder, node, terminal) };
  });
}

function newAccount() {
  const privateKey = generatePrivateKey();
  return { privateKey, address: privateKeyToAccount(privateKey).address };
}

async function startNode(
  folder: SandboxFolder,
  options: SandboxOptions,
  previousIdentity: string | undefined,
): Promise<SandboxNode> {
  await writeConfiguration(folder, {
    ports: { https: options.httpsPort, rpc: options.rpcPort },
    chainId: options.chainId,
    accounts: await folder.readAccounts(),
    previousIdentity,
  });
  return spawnNode(folder);
}

/** Undefined when the service in the folder never opened: then it starts anew. */
async function recoverSandbox(
  folder: SandboxFolder,
  options: SandboxOptions,
  terminal: Terminal,
): Promise<Sandbox | undefined> {
  const found = await step(terminal, 'node: read and verify the ledger', () =>
    recoverNode(folder, options),
  );
  if (!found) return undefined;
  const { node, previous } = found;
  return guarded(node, async () => {
    await step(terminal, 'member: bring back the ledger secret, open the service', () =>
      openService(folder, node, { isRecovery: true, previous }),
    );
    return { folder, node, client: await verifyAsClient(folder, node, terminal) };
  });
}

/**
 * The member knows one or two identities of its service: the opening of the newer one may have been
 * cut short. The ledger is of one of them.
 */
async function recoverNode(
  folder: SandboxFolder,
  options: SandboxOptions,
): Promise<{ node: SandboxNode; previous: string } | undefined> {
  for (const previous of await folder.knownIdentities()) {
    try {
      return { node: await startNode(folder, options, previous), previous };
    } catch (error) {
      const code = error instanceof LedgerError ? error.metadata.nodeCode : undefined;
      if (code === 'ServiceNeverOpened') return undefined;
      if (code !== 'PreviousIdentityMismatch') throw error;
    }
  }
  if ((await folder.knownIdentities()).length === 0) return undefined;
  throw cliError(
    'SandboxBroken',
    'The ledger in the sandbox is of another service than the one its member opened: restore the ' +
      'folder, or start a new sandbox with --fresh.',
  );
}

async function openService(
  folder: SandboxFolder,
  node: SandboxNode,
  how: { readonly isRecovery: boolean; readonly previous: string | undefined },
): Promise<void> {
  const root = await folder.readDevelopmentRoot();
  const client = await connect({
    url: node.httpsUrl,
    pin: { developmentRoot: root.publicPem },
    memory: forgetfulMemory(),
    isUnopenedAccepted: true,
  });
  try {
    const member = new MemberSession(client, await folder.readMember());
    await folder.rememberNextIdentity(client.serviceCertificate);
    if (!how.isRecovery) await member.activate();
    await member.proposeOpening({ next: client.serviceCertificate, previous: how.previous });
    if (how.isRecovery) await member.submitShare();
    await member.waitUntilOpen(() => {});
    await folder.confirmIdentity();
  } finally {
    client.close();
  }
}

/** As any client would, with a memory: evidence, identity, and that nothing seen was lost. */
async function verifyAsClient(
  folder: SandboxFolder,
  node: SandboxNode,
  terminal: Terminal,
): Promise<Client> {
  return step(terminal, 'client: verify evidence, identity and history', () =>
    connectToSandbox(folder, node.httpsUrl),
  );
}

/** A sandbox that does not open leaves no node behind. */
async function guarded<Result>(node: SandboxNode, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    await node.stop();
    throw error;
  }
}

async function runUntilAsked(sandbox: Sandbox, terminal: Terminal): Promise<void> {
  const { node, folder } = sandbox;
  const asked = Promise.withResolvers<'asked'>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => asked.resolve('asked'));
  }
  const stopLine = showLiveLine(terminal, sandbox);
  const end = await Promise.race([asked.promise, node.ended]);
  stopLine();
  sandbox.client.close();
  if (end !== 'asked') {
    throw cliError('NodeDidNotStart', `The node ended by itself; see ${folder.node('node.log')}.`);
  }
  await node.stop();
  terminal.write('\nStopped. "npm start" brings everything back.\n');
}
