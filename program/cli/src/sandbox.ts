/**
 * A sandbox from its folder to an open network: a new service, or the one that was there before,
 * recovered by its members (sandbox-recovery.ts). Each node is a process of its own.
 */
import { resolve } from 'node:path';
import { present } from '@coco/base';
import type { Client } from '@coco/sdk';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { NodeVisits } from './node-visits.ts';
import { connectToSandbox } from './sandbox-client.ts';
import { SandboxFolder } from './sandbox-folder.ts';
import { type Joining, joinOpeningService } from './sandbox-joining.ts';
import { prepareKeys } from './sandbox-keys.ts';
import { SandboxNetwork } from './sandbox-network.ts';
import { openService } from './sandbox-opening.ts';
import { namesOf, recoverSandbox } from './sandbox-recovery.ts';
import { step, type Terminal } from './steps.ts';

export interface SandboxOptions {
  readonly folder: string;
  /** The first node's; 0 for any. */
  readonly httpsPort: number;
  readonly rpcPort: number;
  readonly chainId: number;
  /** 1 to 7. */
  readonly nodeCount: number;
}

export interface Sandbox {
  readonly folder: SandboxFolder;
  readonly network: SandboxNetwork;
  /** Verified, one for each node. */
  readonly visits: NodeVisits;
  /** Verified, with a memory in members/. */
  readonly client: Client;
}

/** Starts a new service in the folder, or recovers the one that is there. */
export async function openSandbox(options: SandboxOptions, terminal: Terminal): Promise<Sandbox> {
  const folder = new SandboxFolder(resolve(options.folder));
  await step(terminal, 'keys of three members and of two accounts', () =>
    prepareKeys(folder, () => [newAccount(), newAccount()]),
  );
  const { httpsPort: https, rpcPort: rpc, chainId, nodeCount } = options;
  const network = new SandboxNetwork(folder, { ports: { https, rpc }, chainId });
  const visits = new NodeVisits(folder);
  const { signal } = new AbortController();
  const joining: Joining = { network, visits, tell: () => {}, signal };
  try {
    return await guarded(network, async () => {
      const isRecovered = await recoverSandbox(joining, nodeCount, terminal);
      if (!isRecovered) await startSandbox(joining, nodeCount, terminal);
      await network.prune();
      return { folder, network, visits, client: await verifyAsClient(network, terminal) };
    });
  } catch (error) {
    visits.close();
    throw error;
  }
}

function newAccount() {
  const privateKey = generatePrivateKey();
  return { privateKey, address: privateKeyToAccount(privateKey).address };
}

async function startSandbox(joining: Joining, count: number, terminal: Terminal): Promise<void> {
  const { network } = joining;
  // What a service that never opened has left is of no use to anybody.
  await network.recount([]);
  await network.prune();
  const places = await network.prepare(Array.from({ length: count }, (_, place) => place));
  await network.recount(places.map(({ folder }) => folder));
  const [first, ...others] = places;
  const name = present(first, 'a network has a node').folder.name;
  // They load their code while the first node begins the service.
  const launched = await Promise.all(others.map((place) => network.launch(place)));
  const node = await step(terminal, `${name}: keys, evidence, genesis, first signature`, () =>
    network.start(present(first, 'a network has a node')),
  );
  if (launched.length > 0) {
    await step(terminal, `${namesOf(launched)}: join by evidence, catch up`, () =>
      joinOpeningService(joining, launched),
    );
  }
  await step(terminal, 'members: verify the node, acknowledge, open the service', () =>
    openService(network.folder, node, undefined),
  );
}

/** As any client would, with a memory: evidence, identity, and that nothing seen was lost. */
async function verifyAsClient(network: SandboxNetwork, terminal: Terminal): Promise<Client> {
  return step(terminal, 'client: verify evidence, identity and history', () =>
    connectToSandbox(network.folder, network.nodes),
  );
}

/** A sandbox that does not open leaves no node behind. */
export async function guarded<Result>(
  network: SandboxNetwork,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    await network.stop();
    throw error;
  }
}
