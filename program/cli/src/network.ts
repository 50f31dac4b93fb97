/**
 * The network that a command talks to, verified before anything is sent: the sandbox, or one whose
 * address and pin are given. What its service showed is remembered between commands.
 */
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { LedgerError } from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { GovernanceService, readTextFile } from '@coco/member';
import {
  type Client,
  type ConnectOptions,
  connect,
  fileMemory,
  forgetfulMemory,
  type Memory,
  type MemoryStore,
  type Pin,
  parseMemory,
} from '@coco/sdk';
import type { Flag, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { firstThatAnswers } from './sandbox-client.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { SandboxFolder } from './sandbox-folder.ts';

export const networkFlags: Readonly<Record<string, Flag>> = {
  network: {
    type: 'string',
    value: 'URL',
    isRepeatable: true,
    meaning: 'a node, by https; several times: the next where one is silent; default the sandbox’s',
  },
  'service-certificate': {
    type: 'string',
    value: 'PEM',
    meaning: 'the service to trust; with --network',
  },
  'development-root': {
    type: 'string',
    value: 'PEM',
    meaning: 'the root of virtual nodes to trust; with --network',
  },
  memory: {
    type: 'string',
    value: 'FILE',
    meaning: 'what was seen of the network; default in ~/.coco, by address',
  },
  folder: {
    type: 'string',
    value: 'DIR',
    meaning: `the sandbox; default ${sandboxDefaults.folder}`,
  },
};

/** Where a network is, whom to trust there, and what was seen of it. */
export interface NetworkAddress {
  readonly nodes: readonly { readonly url: string; readonly name: string | undefined }[];
  readonly pin: Pin;
  readonly memory: MemoryStore;
}

export interface Network {
  readonly client: Client;
  readonly governance: GovernanceService;
  /** What was known of the network before this command. */
  readonly remembered: Memory;
}

/** The sandbox that a command means where no network is named. */
export function sandboxOf(given: Given): SandboxFolder {
  return new SandboxFolder(resolve(given.text('folder') ?? sandboxDefaults.folder));
}

/**
 * Connects, runs `act` and disconnects.
 * @throws what connect of @coco/sdk throws; WrongUsage, SandboxUnreachable
 */
export async function withNetwork<Result>(
  given: Given,
  act: (network: Network) => Promise<Result>,
): Promise<Result> {
  const address = await networkAddress(given);
  const remembered = parseMemory(await address.memory.load());
  const client = await connectToAny(address);
  try {
    return await act({ client, governance: new GovernanceService(client), remembered });
  } finally {
    client.close();
  }
}

/** Connects as members do to the first of the nodes that answers; it may not be open yet. */
export function connectToAny(
  { nodes, pin, memory }: NetworkAddress,
  timeoutMs?: number,
): Promise<Client> {
  const limits = timeoutMs === undefined ? {} : { limits: { timeoutMs } };
  const urls = nodes.map(({ url }) => url);
  return firstThatAnswers(urls, (url) => connectToGovern({ url, pin, memory, ...limits }));
}

/** @throws WrongUsage, SandboxUnreachable, SandboxBroken */
export async function networkAddress(given: Given): Promise<NetworkAddress> {
  const urls = given.inOrder(['network']).map(({ text }) => text);
  const [first] = urls;
  if (first === undefined) return sandboxAddress(given);
  const wrong = urls.find((url) => !URL.canParse(url) || !url.startsWith('https://'));
  if (wrong !== undefined) {
    throw cliError('WrongUsage', `"${wrong}" is not an address: write https://host:port.`);
  }
  const identity = given.text('service-certificate');
  const root = given.text('development-root');
  if (identity === undefined && root === undefined) {
    const message =
      'With --network comes whom to trust: --service-certificate, --development-root.';
    throw cliError('WrongUsage', message);
  }
  const path = given.text('memory') ?? join(homedir(), '.coco', memoryName(first));
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return {
    nodes: urls.map((url) => ({ url, name: undefined })),
    pin: {
      ...(identity !== undefined && { identities: [await readTextFile(identity)] }),
      ...(root !== undefined && { developmentRoot: publicPemIn(await readTextFile(root)) }),
    },
    memory: fileMemory(path),
  };
}

async function sandboxAddress(given: Given): Promise<NetworkAddress> {
  const folder = sandboxOf(given);
  const nodes = await folder.addresses();
  const root = await folder.readDevelopmentRoot();
  const name = given.text('as') ?? 'client';
  const path = given.text('memory') ?? folder.member(`${name}_memory.json`);
  return {
    nodes: nodes.map((node) => ({ url: node.httpsUrl, name: node.name })),
    pin: { developmentRoot: root.publicPem },
    memory: fileMemory(path),
  };
}

/** A sandbox keeps its root as a private key; what is trusted is the public one. */
function publicPemIn(text: string): string {
  return text.includes('PRIVATE KEY') ? SigningKey.fromPem(text).publicPem : text;
}

function memoryName(url: string): string {
  return `${new URL(url).host.replaceAll(/[^\w.-]/g, '_')}_memory.json`;
}

/**
 * Members reach a service before it is open, and one that recovers: it has a new identity that
 * nobody vouches for yet. Then nothing of it is remembered; what it recovered is for the member to
 * judge before it opens the service (see `recovered-point.ts`).
 */
async function connectToGovern(options: ConnectOptions): Promise<Client> {
  const governing: ConnectOptions = { ...options, isUnopenedAccepted: true };
  try {
    return await connect(governing);
  } catch (error) {
    const isStranger = error instanceof LedgerError && error.code === 'ServiceIdentityChanged';
    if (!isStranger) throw error;
    const { identities: _former, ...pin } = options.pin;
    const client = await connect({ ...governing, pin, memory: forgetfulMemory() });
    if (await isRecovering(client)) return client;
    client.close();
    throw error;
  }
}

async function isRecovering(client: Client): Promise<boolean> {
  const { status } = await new GovernanceService(client).info();
  return status === 'Recovering' || status === 'WaitingForRecoveryShares';
}
