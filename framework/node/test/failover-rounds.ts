/**
 * The primary of three nodes is lost again and again under load: killed, stopped, or cut off from
 * the network. Each round measures from the loss to the first committed write of a client that
 * began after it. Afterwards everything that was acknowledged has to be there, on every node, and
 * every id that was ever answered has to be decided.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IsolatedHosts } from './isolated-hosts.ts';
import { launchProcess } from './launch-node.ts';
import { TestNetwork, type TestNode } from './network-harness.ts';
import { Asker, NoteClients } from './note-clients.ts';

export type Loss = 'kill' | 'stop' | 'cut';

export interface Round {
  readonly loss: Loss;
  /** From the loss to the first committed write that began after it. */
  readonly ms: number;
}

export interface FailoverResult {
  readonly rounds: readonly Round[];
  readonly writes: number;
  readonly lost: number;
}

const clientCount = 8;

export async function runFailover(options: {
  readonly losses: readonly Loss[];
  /** Needed for `cut`; without, all nodes run on this machine's loopback. */
  readonly hosts?: IsolatedHosts;
  readonly onRound?: (round: Round) => void;
}): Promise<FailoverResult> {
  const place = new Places(options.hosts);
  const network = await TestNetwork.create({
    launch: (given) => launchProcess(given, place.prefix(given.baseFolder)),
  });
  try {
    return await new Failover(network, place).run(options.losses, options.onRound ?? (() => {}));
  } finally {
    await network.remove();
  }
}

/** Which host a node runs on: each host has one node at a time. */
class Places {
  readonly hosts: IsolatedHosts | undefined;
  readonly #taken = new Map<string, number>();
  #next = 0;

  constructor(hosts: IsolatedHosts | undefined) {
    this.hosts = hosts;
  }

  hostOf(folder: string): number {
    const host = this.#taken.get(folder) ?? this.#next++;
    this.#taken.set(folder, host);
    return host;
  }

  prefix(folder: string): readonly string[] {
    return this.hosts ? this.hosts.on(this.hostOf(folder)) : [];
  }

  free(node: TestNode): void {
    this.#next = this.hostOf(node.folder);
  }

  configure(configuration: { [name: string]: unknown }): void {
    if (!this.hosts) return;
    const address = `${this.hosts.address(this.#next)}:0`;
    Object.assign(configuration, {
      network: {
        rpc_interfaces: { main: { bind_address: address } },
        node_to_node_interface: { bind_address: address },
      },
    });
  }
}

const seqnoOf = (id: string): number => Number(id.split('.')[1]);

class Failover {
  readonly #network: TestNetwork;
  readonly #places: Places;
  readonly #rounds: Round[] = [];

  constructor(network: TestNetwork, places: Places) {
    this.#network = network;
    this.#places = places;
  }

  async run(losses: readonly Loss[], onRound: (round: Round) => void): Promise<FailoverResult> {
    await this.#form();
    const [first] = this.#network.nodes;
    assert.ok(first);
    const asker = new Asker(await readFile(join(first.folder, 'service_cert.pem'), 'utf8'));
    const clients = new NoteClients({
      asker,
      count: clientCount,
      addresses: () => this.#network.serving.map(({ address }) => address),
    });
    try {
      for (const loss of losses) {
        const round = await this.#round(loss, clients);
        this.#rounds.push(round);
        onRound(round);
      }
      await clients.stop();
      const lost = await this.#check(clients, asker);
      return { rounds: this.#rounds, writes: clients.written.length, lost };
    } finally {
      await clients.stop();
      asker.close();
    }
  }

  async #form(): Promise<void> {
    const network = this.#network;
    await network.start((configuration) => this.#places.configure(configuration));
    for (let count = 1; count < 3; count++) await this.#grow();
    await network.openService();
    await this.#untilWhole();
  }

  #grow(): Promise<TestNode> {
    return this.#network.grow({
      target: this.#network.target,
      configure: (configuration) => this.#places.configure(configuration),
    });
  }

  async #round(loss: Loss, clients: NoteClients): Promise<Round> {
    const network = this.#network;
    await this.#untilWhole();
    await clients.firstSince(performance.now());
    const primary = await network.untilPrimary();
    const fromMs = performance.now();
    await this.#lose(primary, loss);
    const first = await clients.firstSince(fromMs);
    const round = { loss, ms: first.committedMs - fromMs };
    const next = await network.untilPrimary((node) => node !== primary);
    const reader = new Asker(await readFile(join(primary.folder, 'service_cert.pem'), 'utf8'));
    await this.#mend(primary, loss);
    if (loss !== 'kill') await this.#assertNotStale(reader, primary, first.id);
    reader.close();
    assert.ok(next.isRunning);
    return round;
  }

  async #lose(node: TestNode, loss: Loss): Promise<void> {
    if (loss === 'kill') await node.kill();
    else if (loss === 'stop') node.signal('SIGSTOP');
    else this.#hosts.cut(this.#places.hostOf(node.folder));
  }

  async #mend(node: TestNode, loss: Loss): Promise<void> {
    if (loss === 'stop') node.signal('SIGCONT');
    else if (loss === 'cut') this.#hosts.heal(this.#places.hostOf(node.folder));
    if (loss !== 'kill') return;
    this.#places.free(node);
    await this.#grow();
    await this.#network.retire(node);
  }

  /** A primary that wakes up answers nothing old as current, from its first moment on. */
  async #assertNotStale(reader: Asker, woken: TestNode, committed: string): Promise<void> {
    const headers = { 'x-coco-read': 'current' };
    const options = { headers, waitMs: 10_000 };
    for (let isCurrent = false; !isCurrent; ) {
      const { status, id, text } = await reader.ask(woken.address, '/node/network', options);
      if (status !== 200) {
        assert.equal(status, 503, text);
        continue;
      }
      isCurrent = seqnoOf(id) >= seqnoOf(committed);
      assert.ok(isCurrent, `${id} is older than ${committed}`);
    }
  }

  get #hosts(): IsolatedHosts {
    const { hosts } = this.#places;
    assert.ok(hosts, 'a node is cut off from the network on a host of its own only');
    return hosts;
  }

  /** Three voters that run, and no other: one more can be lost. */
  async #untilWhole(): Promise<void> {
    await this.#network.untilPrimary((node) => {
      const last = node.events.findLast(({ event }) => event === 'consensus.configuration');
      return last?.fields.voters === 3 && last.fields.learners === 0;
    });
  }

  /** How many acknowledged writes are missing or other than they were; every id is decided. */
  async #check(clients: NoteClients, asker: Asker): Promise<number> {
    let lost = 0;
    for (const { address } of this.#network.serving) {
      for (const id of clients.answered) await this.#decided(asker, address, id);
      for (const { key, value } of clients.written) {
        const { status, text } = await asker.ask(address, `/app/notes/${key}`, { waitMs: 5_000 });
        if (status !== 200 || text !== value) lost++;
      }
    }
    return lost;
  }

  async #decided(asker: Asker, address: string, id: string): Promise<void> {
    for (;;) {
      const path = `/node/tx?transaction_id=${id}`;
      const { text } = await asker.ask(address, path, { waitMs: 5_000 });
      const { status } = JSON.parse(text) as { status: string };
      if (status === 'Committed' || status === 'Invalid') return;
    }
  }
}
