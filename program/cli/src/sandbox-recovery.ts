/**
 * A sandbox that ran before: a node reads the ledger in its folder, the members judge that it lacks
 * nothing that was seen, and open the service again. An opening that was cut short, and a service
 * that never opened, are told apart here.
 */
import { formatTransactionId, LedgerError, present } from '@coco/base';
import { parseMemory } from '@coco/sdk';
import { cliError } from './errors.ts';
import { ledgerOf } from './node-configuration.ts';
import type { NodeFolder } from './node-folder.ts';
import { clientMemory } from './sandbox-client.ts';
import type { SandboxFolder } from './sandbox-folder.ts';
import { type Joining, joinOpenService } from './sandbox-joining.ts';
import { sandboxMembers } from './sandbox-keys.ts';
import type { Place, PlacedNode, SandboxNetwork } from './sandbox-network.ts';
import type { SandboxNode } from './sandbox-node.ts';
import { openService } from './sandbox-opening.ts';
import { type Progress, step, type Terminal } from './steps.ts';

/** False when there is nothing to recover: then the sandbox starts anew. */
export async function recoverSandbox(
  joining: Joining,
  count: number,
  terminal: Terminal,
): Promise<boolean> {
  const { network } = joining;
  const { folder } = network;
  const ledgers = await foldersWithLedger(folder);
  if (ledgers.length === 0) {
    if (await folder.hasOpened()) throw setBack('The ledger of this sandbox is gone');
    return false;
  }
  await network.dropEmpty();
  const places = await network.prepare(Array.from({ length: count - 1 }, (_, at) => at + 1));
  // They load their code while the first node reads the ledger.
  const launched = await Promise.all(places.map((place) => network.launch(place)));
  // The node reads twice: the public part in this step, everything while its members wait.
  let show: Progress = () => {};
  const onProgress = (seqno: number) => show(`${seqno.toLocaleString('en-US')} entries`);
  const what =
    ledgers.length > 1 ? `${ledgers.length} ledgers, go on from the longest` : 'the ledger';
  const found = await step(terminal, `node: read and verify ${what}`, (progress) => {
    show = progress;
    return recoverFromBest(network, ledgers, onProgress);
  });
  if (!found) return abandoned(launched);
  const { node, previous } = found;
  await assertNothingLost(folder, node);
  await step(terminal, 'members: bring back the ledger secret, open the service', (progress) => {
    show = progress;
    return openService(folder, node, previous);
  });
  await network.recount([node.folder, ...places.map((place) => place.folder)]);
  if (launched.length > 0) {
    await step(terminal, `${namesOf(launched)}: join by evidence and vote, catch up`, () =>
      joinOpenService(joining, launched),
    );
  }
  return true;
}

/** "node1 to node3" */
export function namesOf(placed: readonly Place[]): string {
  const names = placed.map(({ folder }) => folder.name);
  return names.length > 2 ? `${names[0]} to ${names.at(-1)}` : names.join(', ');
}

async function abandoned(launched: readonly PlacedNode[]): Promise<false> {
  await Promise.all(launched.map((one) => one.launched.stop()));
  return false;
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

interface RecoveredNode {
  readonly node: SandboxNode;
  readonly previous: string;
}

async function foldersWithLedger(folder: SandboxFolder): Promise<readonly NodeFolder[]> {
  const nodes = await folder.nodes();
  const found = await Promise.all(
    nodes.map(async (node) => ((await node.hasLedger()) ? [node] : [])),
  );
  return found.flat();
}

/**
 * Recovers from the ledger that goes furthest. The node that recovers judges that: it looks at all
 * of them, and names a better one than its own. A damaged one leaves it to the others.
 */
async function recoverFromBest(
  network: SandboxNetwork,
  ledgers: readonly NodeFolder[],
  onProgress: (seqno: number) => void,
): Promise<RecoveredNode | undefined> {
  const untried = [...ledgers];
  for (;;) {
    const from = present(untried.shift(), 'there is a ledger to try');
    const others = ledgers.filter((one) => one !== from);
    try {
      return await recoverNode(network, { from, others }, onProgress);
    } catch (error) {
      if (!(error instanceof LedgerError) || untried.length === 0) throw error;
      const { nodeCode, best } = error.metadata;
      if (nodeCode === 'BetterLedgerGiven') {
        untried.sort((left, right) => preference(right, best) - preference(left, best));
      } else if (nodeCode !== 'LedgerDamaged') {
        throw error;
      }
    }
  }
}

function preference({ name }: NodeFolder, best: unknown): number {
  return ledgerOf(name) === best ? 1 : 0;
}

/**
 * The members know one or two identities of their service: the opening of the newer one may have
 * been cut short. The ledger is of one of them. Members that know none have proposed no opening:
 * that the service never opened is then for the node to say, which looks before it compares
 * identities. Undefined when the service never opened.
 */
async function recoverNode(
  network: SandboxNetwork,
  { from, others }: { readonly from: NodeFolder; readonly others: readonly NodeFolder[] },
  onProgress: (seqno: number) => void,
): Promise<RecoveredNode | undefined> {
  const { folder } = network;
  const known = await folder.knownIdentities();
  const [first] = await sandboxMembers(folder);
  const none = first ? [(await first.readCertificate()).pem] : [];
  const place = { place: 0, folder: from };
  for (const previousIdentity of known.length > 0 ? known : none) {
    try {
      const node = await network.recover(place, { previousIdentity, others }, onProgress);
      return { node, previous: previousIdentity };
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
