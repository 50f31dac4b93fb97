/** Verified clients of a sandbox's nodes, one each, kept for as long as their node answers. */
import { type Client, connect, forgetfulMemory } from '@coco/sdk';
import { type NodeReading, readNode } from './node-reading.ts';
import type { SandboxFolder } from './sandbox-folder.ts';
import type { SandboxNode } from './sandbox-node.ts';

/** A stopped process takes connections and says nothing. */
const visitMsMax = 2_000;

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

  /** Runs `act` with the node's client, which is given up when that fails. */
  async with<Result>(node: SandboxNode, act: (client: Client) => Promise<Result>): Promise<Result> {
    const known = this.#clients.get(node.nodeId) ?? this.#connect(node);
    this.#clients.set(node.nodeId, known);
    try {
      return await act(await known);
    } catch (error) {
      if (this.#clients.get(node.nodeId) === known) this.#clients.delete(node.nodeId);
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

  async #connect({ httpsUrl }: SandboxNode): Promise<Client> {
    const root = await this.#folder.readDevelopmentRoot();
    return connect({
      url: httpsUrl,
      pin: { developmentRoot: root.publicPem },
      memory: forgetfulMemory(),
      isUnopenedAccepted: true,
      limits: { timeoutMs: visitMsMax },
    });
  }
}
