/**
 * A sandbox from its folder to an open network: a new service, or the one that was there before,
 * recovered by its members. The node is a process of its own.
 */
import { resolve } from 'node:path';
import { formatTransactionId, LedgerError } from '@coco/base';
import { type Client, connect, forgetfulMemory, parseMemory } from '@coco/sdk';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { cliError } from './errors.ts';
import { clientMemory, connectToSandbox } from './sandbox-client.ts';
import { SandboxFolder } from './sandbox-folder.ts';
import { Consortium } from './sandbox-member.ts';
import { type SandboxNode, spawnNode, writeConfiguration } from './sandbox-node.ts';
import { type Progress, step, type Terminal } from './steps.ts';

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

/** Starts a new service in the folder, or recovers the one that is there. */
export async function openSandbox(options: SandboxOptions, terminal: Terminal): Promise<Sandbox> {
  const folder = new SandboxFolder(resolve(options.folder));
  await step(terminal, 'keys of three members and of two accounts', () =>
    folder.prepare(() => [newAccount(), newAccount()]),
  );
  if (await folder.hasLedger()) {
    const recovered = await recoverSandbox(folder, options, terminal);
    if (recovered) return recovered;
    await folder.removeLedger();
  } else if (await folder.hasOpened()) {
    throw setBack('The ledger of this sandbox is gone');
  }
  const node = await step(terminal, 'node: keys, evidence, genesis, first signature', () =>
    startNode(folder, { ...options, previousIdentity: undefined, onProgress: () => {} }),
  );
  return guarded(node, async () => {
    await step(terminal, 'members: verify the node, acknowledge, open the service', () =>
      openService(folder, node, undefined),
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
  options: SandboxOptions & {
    readonly previousIdentity: string | undefined;
    /** Entries that a recovery has read. */
    readonly onProgress: (seqno: number) => void;
  },
): Promise<SandboxNode> {
  await writeConfiguration(folder, {
    ports: { https: options.httpsPort, rpc: options.rpcPort },
    chainId: options.chainId,
    accounts: await folder.readAccounts(),
    previousIdentity: options.previousIdentity,
  });
  return spawnNode(folder, options.onProgress);
}

/** Undefined when the service in the folder never opened: then it starts anew. */
async function recoverSandbox(
  folder: SandboxFolder,
  options: SandboxOptions,
  terminal: Terminal,
): Promise<Sandbox | undefined> {
  // The node reads twice: the public part in this step, everything while its members wait.
  let show: Progress = () => {};
  const onProgress = (seqno: number) => show(`${seqno.toLocaleString('en-US')} entries`);
  const found = await step(terminal, 'node: read and verify the ledger', (progress) => {
    show = progress;
    return recoverNode(folder, { ...options, onProgress });
  });
  if (!found) return undefined;
  const { node, previous } = found;
  return guarded(node, async () => {
    await assertNothingLost(folder, node);
    await step(terminal, 'members: bring back the ledger secret, open the service', (progress) => {
      show = progress;
      return openService(folder, node, previous);
    });
    return { folder, node, client: await verifyAsClient(folder, node, terminal) };
  });
}

/**
 * The member never opens a service on a ledger that ends before what was seen committed: whoever
 * keeps the files could set everything back, and what is opened then goes on from there.
 */
async function assertNothingLost(folder: SandboxFolder, node: SandboxNode): Promise<void> {
  const { committed } = parseMemory(await clientMemory(folder).load());
  if (committed && committed.seqno > (node.recoveredSeqno ?? 0)) {
    throw setBack(`The ledger ends before transaction ${formatTransactionId(committed)}`);
  }
}

function setBack(what: string): LedgerError {
  return cliError(
    'SandboxBroken',
    `${what}, which was seen committed: restore the folder node0, or start a new sandbox with --fresh.`,
  );
}

/**
 * The member knows one or two identities of its service: the opening of the newer one may have been
 * cut short. The ledger is of one of them. A member that knows none has proposed no opening: that
 * the service never opened is then for the node to say, which looks before it compares identities.
 */
async function recoverNode(
  folder: SandboxFolder,
  options: SandboxOptions & { readonly onProgress: (seqno: number) => void },
): Promise<{ node: SandboxNode; previous: string } | undefined> {
  const known = await folder.knownIdentities();
  const [first] = await folder.members();
  const none = first ? [(await first.readCertificate()).pem] : [];
  for (const previous of known.length > 0 ? known : none) {
    try {
      const node = await startNode(folder, { ...options, previousIdentity: previous });
      return { node, previous };
    } catch (error) {
      const code = error instanceof LedgerError ? error.metadata.nodeCode : undefined;
      if (code === 'ServiceNeverOpened') {
        if (await folder.hasOpened()) throw setBack('The ledger ends before its opening');
        return undefined;
      }
      if (code !== 'PreviousIdentityMismatch') throw error;
    }
  }
  throw cliError(
    'SandboxBroken',
    'The ledger in the sandbox is of another service than the one its members opened: restore the ' +
      'folder, or start a new sandbox with --fresh.',
  );
}

/** `previous` is the identity that a recovered service had; undefined for a new service. */
async function openService(
  folder: SandboxFolder,
  node: SandboxNode,
  previous: string | undefined,
): Promise<void> {
  const root = await folder.readDevelopmentRoot();
  const client = await connect({
    url: node.httpsUrl,
    pin: { developmentRoot: root.publicPem },
    memory: forgetfulMemory(),
    isUnopenedAccepted: true,
  });
  try {
    const members = await Consortium.assemble(client, await folder.members());
    const next = client.serviceCertificate;
    await folder.rememberOpening({ previous, next });
    if (previous === undefined) await members.activate();
    await members.openService({ next, previous });
    if (previous !== undefined) await members.submitShares();
    await members.waitUntilOpen();
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
export async function guarded<Result>(
  node: SandboxNode,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    await node.stop();
    throw error;
  }
}
