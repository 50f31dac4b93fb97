/**
 * Nodes that join a sandbox's network. While the service opens they are trusted at once; later its
 * members vote for them, and for the removal of those whose place they take, in one proposal.
 */
import { isJsonObject, type JsonValue, LedgerError, present } from '@coco/base';
import { GovernanceService, objectOf } from '@coco/member';
import { answerJson, type Client } from '@coco/sdk';
import { cliError } from './errors.ts';
import type { NodeVisits } from './node-visits.ts';
import { eventually, type Patience } from './patience.ts';
import { sandboxMembers } from './sandbox-keys.ts';
import { Consortium, type ProposalDraft } from './sandbox-member.ts';
import type { PlacedNode, SandboxNetwork } from './sandbox-network.ts';
import type { SandboxNode } from './sandbox-node.ts';

/** An election, a request to join and a vote take seconds; a large ledger takes longer. */
const electionMsMax = 30_000;
const catchUpMsMax = 10 * 60_000;
/** Scripts decide in a process of their own, which a new primary starts first. */
const governanceMsMax = 20_000;

export interface Joining {
  readonly network: SandboxNetwork;
  readonly visits: NodeVisits;
  /** Says what happens, in a line. */
  readonly tell: (line: string) => void;
  /** The sandbox ends: nobody waits for a network any more. */
  readonly signal: AbortSignal;
}

function patience({ signal }: Joining, what: string): Patience {
  return { what, limitMs: electionMsMax, signal };
}

/** Resolves when the nodes are a part of a service that is opening. */
export async function joinOpeningService(
  joining: Joining,
  launched: readonly PlacedNode[],
): Promise<void> {
  const { network } = joining;
  await Promise.all(
    launched.map(async (placed) => {
      await network.invite(placed, network.first);
      await untilPart(joining, placed, await network.listening(placed));
    }),
  );
}

/**
 * Resolves when the nodes are a part of the open service, and `replaced` are not any more.
 * @throws NodeDidNotStart when the members' rules do not let them decide at once
 */
export async function joinOpenService(
  joining: Joining,
  launched: readonly PlacedNode[],
  replaced: readonly SandboxNode[] = [],
): Promise<readonly SandboxNode[]> {
  const { network, tell } = joining;
  const listening = await Promise.all(
    launched.map(async (placed) => {
      await network.invite(placed, await findPrimary(joining));
      return network.listening(placed);
    }),
  );
  const trust = listening.map(({ nodeId }) => nodeId);
  await eventually(patience(joining, 'The request to join'), () =>
    onPrimary(joining, (client) => arePending(client, trust)),
  );
  const names = launched.map(({ folder }) => folder.name).join(', ');
  tell(`${names}: evidence accepted, asks to join`);
  const remove = replaced.map(({ nodeId }) => nodeId);
  const draft: ProposalDraft = { proposalId: undefined };
  await eventually(patience(joining, 'A decision'), () =>
    onPrimary(joining, (client) => decide(joining, client, { trust, remove, draft })),
  );
  const gone = replaced.map(({ folder }) => folder.name).join(', ');
  tell(`members: voted to trust ${names}${gone === '' ? '' : ` and to remove ${gone}`}`);
  await Promise.all(
    launched.map((placed, at) =>
      untilPart(joining, placed, present(listening[at], 'one for each')),
    ),
  );
  return listening;
}

/**
 * Waits until the ledger says that a removed node has no vote any more, and has its row deleted;
 * false when that takes too long.
 */
export async function isGoneInTime(joining: Joining, { nodeId }: SandboxNode): Promise<boolean> {
  try {
    return await eventually(patience(joining, 'The end of its vote'), () =>
      onPrimary(joining, async (client) => {
        const path = `/gov/service/nodes/${nodeId}`;
        const row = await new GovernanceService(client).readIfThere(path);
        if (row === undefined) return true;
        if (objectOf(row).retiredCommitted !== true) return undefined;
        // Nobody asks for it any more: without this each replacement leaves a row for good.
        await client.request({ method: 'DELETE', path: `/node/network/nodes/${nodeId}` });
        return true;
      }),
    );
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return false;
  }
}

/** The node that leads now. @throws NodeDidNotStart when there is none for long */
function findPrimary(joining: Joining): Promise<SandboxNode> {
  const { network, visits } = joining;
  return eventually(patience(joining, 'A primary'), async () => {
    const readings = await Promise.allSettled(
      network.nodes.map(async (node) => ({ node, reading: await visits.read(node) })),
    );
    return readings
      .flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      .filter(({ node, reading }) => reading.primaryId === node.nodeId)
      .sort((left, right) => right.reading.view - left.reading.view)[0]?.node;
  });
}

async function onPrimary<Result>(
  joining: Joining,
  act: (client: Client) => Promise<Result>,
): Promise<Result> {
  return joining.visits.with(await findPrimary(joining), act, governanceMsMax);
}

/** True, or undefined while one of the nodes is unknown to the network. */
async function arePending(client: Client, ids: readonly string[]): Promise<true | undefined> {
  const listed = answerJson(await client.request({ path: '/node/network/nodes' }));
  const { nodes = [] } = isJsonObject(listed) ? listed : {};
  const known = new Set(Array.isArray(nodes) ? nodes.map(nodeIdOf) : []);
  return ids.every((id) => known.has(id)) ? true : undefined;
}

function nodeIdOf(row: JsonValue): JsonValue | undefined {
  return isJsonObject(row) ? row.node_id : undefined;
}

async function decide(
  { network }: Joining,
  client: Client,
  change: {
    readonly trust: readonly string[];
    readonly remove: readonly string[];
    readonly draft: ProposalDraft;
  },
): Promise<true> {
  const members = await Consortium.assemble(client, await sandboxMembers(network.folder));
  const state = await members.changeNodes(change, change.draft);
  if (state === 'Accepted') return true;
  const message = `The members' proposal on nodes is ${state}: see coco proposal list.`;
  throw cliError('NodeDidNotStart', message);
}

/**
 * Waits until the node serves, which it does when it has caught up, and has the whole ledger: from
 * less than that nobody recovers. Or until it has ended instead.
 */
async function untilPart(joining: Joining, placed: PlacedNode, node: SandboxNode): Promise<void> {
  const { visits, network } = joining;
  const ended = node.ended.then(({ reason }) => {
    throw cliError('NodeDidNotStart', `${node.folder.name} did not join: ${reason}`);
  });
  const what = `${node.folder.name}'s part in the network`;
  const part = eventually({ ...patience(joining, what), limitMs: catchUpMsMax }, async () => {
    const { state } = await visits.read(node);
    const isWhole = await node.folder.hasWholeLedger();
    return state === 'PartOfNetwork' && isWhole ? true : undefined;
  });
  await Promise.race([part, ended]);
  network.take(placed, node);
}
