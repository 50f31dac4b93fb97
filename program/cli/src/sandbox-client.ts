/** Verified clients of a sandbox, pinned to its development root. */
import { LedgerError } from '@coco/base';
import { type Client, connect, fileMemory, type MemoryStore } from '@coco/sdk';
import { cliError } from './errors.ts';
import type { SandboxFolder } from './sandbox-folder.ts';

/**
 * Connects to the first of the nodes that answers, with a memory in members/.
 * @throws what connect of @coco/sdk throws: the service is not the one, is behind, or forked.
 */
export async function connectToSandbox(
  folder: SandboxFolder,
  nodes: readonly { readonly httpsUrl: string }[],
): Promise<Client> {
  const root = await folder.readDevelopmentRoot();
  const pin = { developmentRoot: root.publicPem };
  const memory = clientMemory(folder);
  return firstThatAnswers(nodes, ({ httpsUrl }) => connect({ url: httpsUrl, pin, memory }));
}

/** What clients of this sandbox have seen of it. */
export function clientMemory(folder: SandboxFolder): MemoryStore {
  return fileMemory(folder.member('client_memory.json'));
}

const silent: ReadonlySet<string> = new Set(['ServiceUnreachable', 'ServiceTimeout']);

/**
 * Tries the nodes one after another, as long as they are silent. What a node that answers has to
 * say counts: a service that is not the one is no reason to ask elsewhere.
 */
export async function firstThatAnswers<Node, Result>(
  nodes: readonly Node[],
  ask: (node: Node) => Promise<Result>,
): Promise<Result> {
  let last: unknown;
  for (const node of nodes) {
    try {
      return await ask(node);
    } catch (error) {
      if (!(error instanceof LedgerError) || !silent.has(error.code)) throw error;
      last = error;
    }
  }
  throw last ?? cliError('SandboxUnreachable', 'The sandbox has no node that runs.');
}
