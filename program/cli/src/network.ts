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
  parseMemory,
} from '@coco/sdk';
import type { Flag, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { SandboxFolder } from './sandbox-folder.ts';

export const networkFlags: Readonly<Record<string, Flag>> = {
  network: { type: 'string', value: 'URL', meaning: 'any node, by https; default the sandbox’s' },
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

export interface Network {
  readonly url: string;
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
  const options = await connectOptions(given);
  const remembered = parseMemory(await options.memory.load());
  const client = await connectToGovern(options);
  try {
    const governance = new GovernanceService(client);
    return await act({ url: options.url, client, governance, remembered });
  } finally {
    client.close();
  }
}

async function connectOptions(given: Given): Promise<ConnectOptions> {
  const url = given.text('network');
  if (url === undefined) {
    const folder = sandboxOf(given);
    const [{ httpsUrl }] = await folder.addresses();
    const root = await folder.readDevelopmentRoot();
    const name = given.text('as') ?? 'client';
    const path = given.text('memory') ?? folder.member(`${name}_memory.json`);
    return { url: httpsUrl, pin: { developmentRoot: root.publicPem }, memory: fileMemory(path) };
  }
  if (!URL.canParse(url) || !url.startsWith('https://')) {
    throw cliError('WrongUsage', `"${url}" is not an address: write https://host:port.`);
  }
  const identity = given.text('service-certificate');
  const root = given.text('development-root');
  if (identity === undefined && root === undefined) {
    const message =
      'With --network comes whom to trust: --service-certificate, --development-root.';
    throw cliError('WrongUsage', message);
  }
  const path = given.text('memory') ?? join(homedir(), '.coco', memoryName(url));
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return {
    url,
    pin: {
      ...(identity !== undefined && { identities: [await readTextFile(identity)] }),
      ...(root !== undefined && { developmentRoot: publicPemIn(await readTextFile(root)) }),
    },
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
