/**
 * Watches the nodes of an open sandbox: one that ends is replaced by a new one in its place, as
 * long as a majority is left to decide it. Replacements happen one after another.
 */
import { LedgerError, present } from '@coco/base';
import { isGoneInTime, type Joining, joinOpenService } from './sandbox-joining.ts';
import type { SandboxNode } from './sandbox-node.ts';

export interface NodeWatch {
  /** Resolves with a sentence when no majority of the nodes is left. */
  readonly lost: Promise<string>;
  /** Nodes that end from here on are no matter. */
  stop(): void;
}

export function watchNodes(
  watched: Omit<Joining, 'signal'>,
  options: { readonly isReplacing: boolean },
): NodeWatch {
  const { network, tell } = watched;
  const end = new AbortController();
  const joining: Joining = { ...watched, signal: end.signal };
  const lost = Promise.withResolvers<string>();
  const ended = new Set<SandboxNode>();
  /** Invariant: settles when every replacement so far has. */
  let replaced: Promise<void> = Promise.resolve();

  const watch = (place: number, node: SandboxNode): void => {
    void node.ended.then(({ reason }) => {
      if (end.signal.aborted) return;
      ended.add(node);
      const count = network.nodes.length;
      const left = network.nodes.filter((one) => !ended.has(one)).length;
      tell(`${node.folder.name} ended (${reason}): ${left} of ${count} nodes left`);
      if (2 * left <= count) return lost.resolve(lossText(node, left, count));
      if (!options.isReplacing) return;
      replaced = replaced.then(() => (end.signal.aborted ? undefined : replace(place, node)));
    });
  };

  const replace = async (place: number, node: SandboxNode): Promise<void> => {
    try {
      watch(place, await replaceNode(joining, place, node));
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      if (!end.signal.aborted)
        tell(`${node.folder.name} was not replaced: ${error.message} (${error.code})`);
    }
  };

  for (const [place, node] of network.nodes.entries()) watch(place, node);
  return {
    lost: lost.promise,
    stop: () => end.abort(),
  };
}

function lossText(node: SandboxNode, left: number, count: number): string {
  if (count === 1) return `The node ended by itself; see ${node.folder.file('node.log')}.`;
  return (
    `${left} of ${count} nodes are left, which is no majority: nothing can be written any more. ` +
    'Nothing that was committed is lost: "npm start" recovers it.'
  );
}

/** A new node in a new folder takes the place, and the ports, of one that ended. */
async function replaceNode(
  joining: Joining,
  place: number,
  former: SandboxNode,
): Promise<SandboxNode> {
  const { network, tell } = joining;
  const [prepared] = await network.prepare([place]);
  const launched = await network.launch(present(prepared, 'a folder was prepared'));
  const { folder } = launched;
  try {
    tell(`${folder.name} starts in place of ${former.folder.name}`);
    await network.count(folder);
    const [node] = await joinOpenService(joining, [launched], [former]);
    const joined = present(node, 'one node was launched');
    tell(`${folder.name} is part of the network, ${former.folder.name} is not any more`);
    // Its ledger counts as long as it may have had a vote in what was committed last.
    if (await isGoneInTime(joining, former)) await network.discount(former.folder, joined);
    return joined;
  } catch (error) {
    await launched.launched.stop();
    throw error;
  }
}
