/** Verified clients of a sandbox's nodes, one each, kept for as long as their node answers. */
import { type Client, connect, forgetfulMemory } from '@coco/sdk';
import { type NodeReading, readNode } from './node-reading.ts';
import type { SandboxFolder } from './sandbox-folder.ts';
import type { SandboxNode } from './sandbox-node.ts';

/** For what a node answers at once: a stopped process takes connections and says nothing. */
const readMsMax = 2_000;

export class NodeVisits {
  readonly #folder: SandboxFolder;
  readonly #clients = new Map<string, Promise<Client>>();

  constructor(folder: SandboxFolder) {
    this.#folder = folder;
  }

  /** @throws what connect of @coco/sdk and readNode throw */
  read(node: SandboxNode): Promise<NodeReading> {
    return this.with(node, readNode);
  }

  /**
   * Runs `act` with a client of the node, which is given up when that fails.
   * @param timeoutMs for each request of the client; whoever needs another has another client
   */
  async with<Result>(
    node: SandboxNode,
    act: (client: Client) => Promise<Result>,
    timeoutMs: number = readMsMax,
  ): Promise<Result> {
    const key = `${node.nodeId} ${timeoutMs}`;
    const known = this.#clients.get(key) ?? this.#connect(node, timeoutMs);
    this.#clients.set(key, known);
    try {
      return await act(await known);
    } catch (error) {
      if (this.#clients.get(key) === known) this.#clients.delete(key);
      known.then(
        (client) => client.close(),
        () => undefined,
      );
      throw error;
    }
  }

  close(): void {
    for (const client of this.#clients.values()) {
      client.then(
        (one) => one.close(),
        () => undefined,
      );
    }
    this.#clients.clear();
  }

  async #connect({ httpsUrl }: SandboxNode, timeoutMs: number): Promise<Client> {
    const root = await this.#folder.readDevelopmentRoot();
    return connect({
      url: httpsUrl,
      pin: { developmentRoot: root.publicPem },
      memory: forgetfulMemory(),
      isUnopenedAccepted: true,
      limits: { timeoutMs },
    });
  }
}
