/**
 * A sandbox that ran before: a node reads the ledger in its folder, the members judge that it lacks
 * nothing that was seen, and open the service again. An opening that was cut short, and a service
 * that never opened, are told apart here.
 */
import { formatTransactionId, LedgerError } from '@coco/base';
import { parseMemory } from '@coco/sdk';
import { cliError } from './errors.ts';
import { clientMemory } from './sandbox-client.ts';
import type { SandboxFolder } from './sandbox-folder.ts';
import { sandboxMembers } from './sandbox-keys.ts';
import type { Place, SandboxNetwork } from './sandbox-network.ts';
import type { SandboxNode } from './sandbox-node.ts';
import { openService } from './sandbox-opening.ts';
import { type Progress, step, type Terminal } from './steps.ts';

/** False when there is nothing to recover: then the sandbox starts anew. */
export async function recoverSandbox(
  network: SandboxNetwork,
  terminal: Terminal,
): Promise<boolean> {
  const { folder } = network;
  const [from] = await folder.nodes();
  if (!(await from.hasLedger())) {
    if (await folder.hasOpened()) throw setBack('The ledger of this sandbox is gone');
    return false;
  }
  // The node reads twice: the public part in this step, everything while its members wait.
  let show: Progress = () => {};
  const onProgress = (seqno: number) => show(`${seqno.toLocaleString('en-US')} entries`);
  const found = await step(terminal, 'node: read and verify the ledger', (progress) => {
    show = progress;
    return recoverNode(network, { place: 0, folder: from }, onProgress);
  });
  if (!found) return false;
  const { node, previous } = found;
  await assertNothingLost(folder, node);
  await step(terminal, 'members: bring back the ledger secret, open the service', (progress) => {
    show = progress;
    return openService(folder, node, previous);
  });
  return true;
}

/**
 * The members never open a service on a ledger that ends before what was seen committed: whoever
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
    `${what}, which was seen committed: restore the folders of its nodes (node0 ...), or start a new sandbox with --fresh.`,
  );
}

/**
 * The members know one or two identities of their service: the opening of the newer one may have
 * been cut short. The ledger is of one of them. Members that know none have proposed no opening:
 * that the service never opened is then for the node to say, which looks before it compares
 * identities. Undefined when the service never opened.
 */
async function recoverNode(
  network: SandboxNetwork,
  from: Place,
  onProgress: (seqno: number) => void,
): Promise<{ node: SandboxNode; previous: string } | undefined> {
  const { folder } = network;
  const known = await folder.knownIdentities();
  const [first] = await sandboxMembers(folder);
  const none = first ? [(await first.readCertificate()).pem] : [];
  for (const previous of known.length > 0 ? known : none) {
    try {
      return { node: await network.recover(from, previous, onProgress), previous };
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
