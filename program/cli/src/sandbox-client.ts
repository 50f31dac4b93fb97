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
  const urls = nodes.map(({ httpsUrl }) => httpsUrl);
  return firstThatAnswers(urls, (url) => connect({ url, pin, memory }));
}

/** What clients of this sandbox have seen of it. */
export function clientMemory(folder: SandboxFolder): MemoryStore {
  return fileMemory(folder.member('client_memory.json'));
}

const silent: ReadonlySet<string> = new Set(['ServiceUnreachable', 'ServiceTimeout']);

/**
 * Connects to the first of the nodes that answers, with the others behind it: when it dies while a
 * command runs, the command goes on with them. They are tried as long as they are silent. What a
 * node that answers has to say counts: a service that is not the one is no reason to ask elsewhere.
 */
export async function firstThatAnswers<Result>(
  urls: readonly string[],
  ask: (urls: readonly string[]) => Promise<Result>,
): Promise<Result> {
  let last: unknown;
  for (const at of urls.keys()) {
    try {
      return await ask([...urls.slice(at), ...urls.slice(0, at)]);
    } catch (error) {
      if (!(error instanceof LedgerError) || !silent.has(error.code)) throw error;
      last = error;
    }
  }
  throw last ?? cliError('SandboxUnreachable', 'The sandbox has no node that runs.');
}
