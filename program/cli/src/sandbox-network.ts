/**
 * The nodes of a sandbox that run: each its own process, folder and ports. A node that ended is
 * never started again: another one with a new folder takes its place and its ports.
 */
import { readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { present } from '@coco/base';
import { type NodeBeginning, type NodePorts, writeConfiguration } from './node-configuration.ts';
import type { NodeFolder } from './node-folder.ts';
import type { SandboxFolder } from './sandbox-folder.ts';
import { createNodeFolders, rememberNodes } from './sandbox-keys.ts';
import { type LaunchedNode, launchNode, type SandboxNode } from './sandbox-node.ts';

export interface NetworkPlan {
  /** The first node's; those of the others follow. 0: any free ones. */
  readonly ports: NodePorts;
  readonly chainId: number;
}

/** A folder and the place that its node has in the network: its ports follow from the place. */
export interface Place {
  readonly place: number;
  readonly folder: NodeFolder;
}

/** A node whose process has begun. */
export interface PlacedNode extends Place {
  readonly launched: LaunchedNode;
}

export class SandboxNetwork {
  readonly folder: SandboxFolder;
  readonly #plan: NetworkPlan;
  /** By place. */
  readonly #nodes: SandboxNode[] = [];
  readonly #processes = new Set<LaunchedNode>();
  #counted: readonly NodeFolder[] = [];

  constructor(folder: SandboxFolder, plan: NetworkPlan) {
    this.folder = folder;
    this.#plan = plan;
  }

  /** The node of each place, also when its process has ended. The first ones may be missing yet. */
  get nodes(): readonly SandboxNode[] {
    return this.#nodes;
  }

  /** The node that began the service, or the one that replaced it. */
  get first(): SandboxNode {
    return present(this.#nodes[0], 'a network has a first node once it began');
  }

  /** New folders for nodes in the places given. */
  async prepare(places: readonly number[]): Promise<readonly Place[]> {
    const folders = await createNodeFolders(this.folder, places.length);
    return folders.map((folder, at) => ({ folder, place: present(places[at], 'one for each') }));
  }

  /** Begins a new service. */
  async start({ place, folder }: Place): Promise<SandboxNode> {
    await this.#configure(folder, place, { kind: 'start' });
    const node = await (await this.#spawn(folder)).started();
    this.take({ place, folder }, node);
    return node;
  }

  /** Recovers the service from a folder that is there. */
  async recover(
    { place, folder }: Place,
    from: { readonly previousIdentity: string; readonly others: readonly NodeFolder[] },
    onProgress: (seqno: number) => void,
  ): Promise<SandboxNode> {
    await this.#configure(folder, place, { kind: 'recover', ...from });
    const node = await (await this.#spawn(folder)).started(onProgress);
    this.take({ place, folder }, node);
    return node;
  }

  /** Begins the process of a node that will join: it loads its code and waits to be told where. */
  async launch(placed: Place): Promise<PlacedNode> {
    return { ...placed, launched: await this.#spawn(placed.folder) };
  }

  /** Tells a launched node to join by way of another. */
  async invite({ place, folder }: PlacedNode, by: SandboxNode): Promise<void> {
    const serviceCertificate = await readFile(by.folder.file('service_cert.pem'), 'utf8');
    const address = by.httpsUrl.slice('https://'.length);
    await this.#configure(folder, place, { kind: 'join', address, serviceCertificate });
  }

  /** Resolves when an invited node listens; then it asks to join. */
  listening({ launched }: PlacedNode): Promise<SandboxNode> {
    return launched.started();
  }

  /** A node that joined is the node of its place from here on. */
  take({ place }: Place, node: SandboxNode): void {
    this.#nodes[place] = node;
  }

  /**
   * Says whose ledgers the next start has to look at: those of all nodes that may have a vote, one
   * that joins and one that is being removed included.
   */
  async recount(folders: readonly NodeFolder[]): Promise<void> {
    this.#counted = folders;
    await rememberNodes(this.folder, folders);
  }

  /** A node that joins may soon have a vote. */
  count(folder: NodeFolder): Promise<void> {
    return this.recount([...this.#counted, folder]);
  }

  /** The ledger says that a node has no vote any more: another one has its place. */
  discount(former: NodeFolder, { folder }: SandboxNode): Promise<void> {
    const others = this.#counted.filter((one) => one !== folder);
    return this.recount(others.map((one) => (one === former ? folder : one)));
  }

  /** Deletes the folders of nodes that are not counted, once those that are hold all there is. */
  async prune(): Promise<void> {
    const kept = new Set(this.#counted.map(({ name }) => name));
    for (const { name, path } of await this.folder.allNodes()) {
      if (!kept.has(name)) await rm(path, { recursive: true, force: true });
    }
  }

  /** Deletes folders that hold no ledger: starts that failed leave them. */
  async dropEmpty(): Promise<void> {
    for (const node of await this.folder.allNodes()) {
      if (!(await node.hasLedger())) await rm(node.path, { recursive: true, force: true });
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#processes].map((launched) => launched.stop()));
  }

  async #configure(folder: NodeFolder, place: number, beginning: NodeBeginning): Promise<void> {
    const { chainId } = this.#plan;
    const accounts = await this.folder.readAccounts();
    const ports = await this.#portsOf(place);
    await writeConfiguration(this.folder, folder, { ports, chainId, accounts, beginning });
  }

  async #spawn(folder: NodeFolder): Promise<LaunchedNode> {
    const launched = await launchNode(folder);
    this.#processes.add(launched);
    void launched.ended.then(() => this.#processes.delete(launched));
    return launched;
  }

  /** The first node's ports are the ones that were asked for, or it says that they are taken. */
  async #portsOf(place: number): Promise<NodePorts> {
    const { https, rpc } = this.#plan.ports;
    if (place === 0) return { https, rpc };
    return { https: await freePort(https, place), rpc: await freePort(rpc, place) };
  }
}

/** The port `place` behind the first one; any free one where that is taken. */
async function freePort(first: number, place: number): Promise<number> {
  if (first === 0) return 0;
  const wanted = first + place;
  return (await isFree(wanted)) ? wanted : 0;
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}
