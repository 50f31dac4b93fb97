/** A verified client of a sandbox, pinned to its development root, with a memory in members/. */
import { type Client, connect, fileMemory, type MemoryStore } from '@coco/sdk';
import type { SandboxFolder } from './sandbox-folder.ts';

/** @throws what connect of @coco/sdk throws: the service is not the one, is behind, or forked. */
export async function connectToSandbox(folder: SandboxFolder, url: string): Promise<Client> {
  const root = await folder.readDevelopmentRoot();
  return connect({
    url,
    pin: { developmentRoot: root.publicPem },
    memory: clientMemory(folder),
  });
}

/** What clients of this sandbox have seen of it. */
export function clientMemory(folder: SandboxFolder): MemoryStore {
  return fileMemory(folder.member('client_memory.json'));
}
