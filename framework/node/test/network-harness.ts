/**
 * A network of whole nodes, each in a folder of its own under one temporary folder, in this process
 * or each in its own, with a member who can open the service and decide. Tests wait for what nodes
 * log, never for time.
 */

import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type JsonValue, present } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { SigningKey } from '@coco/crypto';
import { systemClock } from '../src/index.ts';
import {
  type Launched,
  type LaunchOptions,
  launchInProcess,
  launchProcess,
} from './launch-node.ts';
import { MemberClient } from './member-client.ts';
import { TestNode, until } from './test-node.ts';

export type { TestNode } from './test-node.ts';

export interface JoinOptions {
  /** The node that is asked; the primary without. */
  readonly target?: TestNode;
  readonly nodeData?: JsonValue;
  readonly measurement?: string;
  readonly hostData?: string;
  /** host:port of its node-to-node interface; a free port without. */
  readonly nodeToNode?: string;
  readonly configure?: (configuration: { [name: string]: JsonValue }) => void;
}

export class TestNetwork {
  readonly folder: string;
  readonly nodes: TestNode[] = [];
  /** Every process of the network shares it: evidence of another root is none. */
  readonly measurement: string = '11'.repeat(32);
  readonly hostData: string = '22'.repeat(32);
  /** The development root of the network. */
  readonly root: SigningKey = SigningKey.generate('P-256');
  /** How far the clocks of nodes in this process are ahead of the system's. */
  skewMs = 0;
  readonly #clock: Clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + this.skewMs,
  };
  readonly #launch: (options: LaunchOptions) => Promise<Launched>;
  #member: MemberClient | undefined;

  private constructor(folder: string, launch: (options: LaunchOptions) => Promise<Launched>) {
    this.folder = folder;
    this.#launch = launch;
  }

  /** With `processes` each node is a process of its own, which can be killed. */
  static async create(
    options: {
      readonly constitution?: string;
      readonly processes?: boolean;
      /** How nodes are started; in this process without. */
      readonly launch?: (options: LaunchOptions) => Promise<Launched>;
    } = {},
  ): Promise<TestNetwork> {
    const { constitution = createConstitution(), processes = false } = options;
    const folder = await mkdtemp(join(tmpdir(), 'coco-network-'));
    const launch = options.launch ?? (processes ? launchProcess : launchInProcess);
    const network = new TestNetwork(folder, launch);
    network.#member = await MemberClient.create(folder, (path, asked) =>
      network.target.ask(path, asked),
    );
    await writeFile(join(folder, 'constitution.js'), constitution);
    await writeFile(join(folder, 'root.pem'), network.root.privatePem());
    return network;
  }

  get member(): MemberClient {
    return present(this.#member, 'a network has a member');
  }

  get running(): readonly TestNode[] {
    return this.nodes.filter((node) => node.isRunning);
  }

  /** The nodes that run and have become part of the network. */
  get serving(): readonly TestNode[] {
    return this.running.filter(({ events }) =>
      events.some(({ event }) => event === 'node.started'),
    );
  }

  /** Who is asked where no node is named: the primary as far as it is known. */
  get target(): TestNode {
    return this.primary ?? present(this.running[0], 'a node runs');
  }

  /** The node that said last, of all that run, that it may execute in the highest view. */
  get primary(): TestNode | undefined {
    const led = this.running.map((node) => {
      const roles = node.events.filter(({ event }) => event === 'consensus.role');
      const last = roles.at(-1)?.fields;
      return { node, view: last?.role === 'leader' ? Number(last.view) : 0 };
    });
    const best = led.reduce((one, other) => (other.view > one.view ? other : one), {
      node: undefined as TestNode | undefined,
      view: 0,
    });
    return best.node;
  }

  untilPrimary(isIt: (node: TestNode) => boolean = () => true): Promise<TestNode> {
    return until(() => {
      const { primary } = this;
      return primary && isIt(primary) ? primary : undefined;
    });
  }

  /** The first node, which starts the service. */
  async start(configure?: JoinOptions['configure']): Promise<TestNode> {
    const node = await this.#add();
    const configuration = this.#configuration({}, configure, {
      type: 'Start',
      start: {
        constitution_files: ['../constitution.js'],
        members: [
          { certificate_file: '../member.pem', encryption_public_key_file: '../member_enc.pem' },
        ],
      },
    });
    await node.launch(this.#launch, { ...this.#code(), configuration, clock: this.#clock });
    await node.untilServing();
    return node;
  }

  /** A node that joins; resolves when it listens and asks. */
  async join(options: JoinOptions = {}): Promise<TestNode> {
    const target = options.target ?? this.target;
    const node = await this.#add();
    await copyFile(join(target.folder, 'service_cert.pem'), join(node.folder, 'service_cert.pem'));
    if (options.nodeData !== undefined) {
      await writeFile(join(node.folder, 'node_data.json'), JSON.stringify(options.nodeData));
    }
    const configuration = this.#configuration(options, options.configure, {
      type: 'Join',
      join: { target_rpc_address: target.address, retry_timeout: '100ms' },
    });
    await node.launch(this.#launch, { ...this.#code(options), configuration, clock: this.#clock });
    return node;
  }

  /**
   * A new node that recovers the service from a copy of `from`'s ledger and snapshots, and looks at
   * the ledgers of the others first; resolves when it waits for the member.
   */
  async recover(
    from: TestNode,
    options: {
      readonly others?: readonly TestNode[];
      readonly isLossAccepted?: boolean;
      readonly configure?: JoinOptions['configure'];
    } = {},
  ): Promise<TestNode> {
    const { others = [], isLossAccepted = false, configure } = options;
    const node = await this.#add();
    await cp(from.ledgerFolder, node.ledgerFolder, { recursive: true });
    await cp(join(from.folder, 'snapshots'), join(node.folder, 'snapshots'), { recursive: true });
    await copyFile(join(from.folder, 'service_cert.pem'), join(node.folder, 'previous.pem'));
    const recovery = {
      ledger_directories: others.map(({ ledgerFolder }) => ledgerFolder),
      accept_possible_loss: isLossAccepted,
    };
    const configuration = this.#configuration(
      {},
      (given) => {
        given.coco = { ...(given.coco as object), recovery };
        configure?.(given);
      },
      { type: 'Recover', recover: { previous_service_identity_file: 'previous.pem' } },
    );
    await node.launch(this.#launch, { ...this.#code(), configuration, clock: this.#clock });
    await node.untilServing();
    return node;
  }

  /** Joins, is voted in where that is needed, and serves. */
  async grow(options: JoinOptions = {}): Promise<TestNode> {
    const node = await this.join(options);
    if (await this.#isOpen()) await this.trust(node);
    await node.untilServing();
    return node;
  }

  /** `previous` is the identity before a recovery, PEM. */
  async openService(previous?: string): Promise<void> {
    await this.member.openService(previous);
  }

  /** The member proposes and votes; the proposal is accepted. */
  async decide(actions: readonly JsonValue[]): Promise<void> {
    const { json, bytes } = await this.member.decide(actions);
    const { proposalState } = json as { proposalState?: string };
    assert.equal(proposalState, 'Accepted', Buffer.from(bytes).toString());
  }

  /**
   * The files of running nodes are equal byte for byte over the entries that two of them hold, and
   * come to end with the same one: a snapshot's evidence may be on its way.
   */
  async assertLedgersAgree(): Promise<void> {
    for (;;) {
      const ledgers = await Promise.all(this.running.map((node) => node.entries()));
      const [one, ...others] = ledgers;
      assert.ok(one && others.length > 0, 'two nodes run');
      for (const other of others) {
        const both: readonly number[] = [...one.keys()].filter((seqno) => other.has(seqno));
        assert.ok(both.length > 0, 'they have entries in common');
        for (const seqno of both) assert.equal(other.get(seqno), one.get(seqno), `entry ${seqno}`);
      }
      const lasts = ledgers.map((ledger) => Math.max(...ledger.keys()));
      if (new Set(lasts).size === 1) return;
    }
  }

  async trust(node: TestNode): Promise<void> {
    await node.untilLogged('join.pending');
    const valid_from = new Date(Date.now() - 60_000).toISOString().slice(0, 19).replace('T', ' ');
    await this.decide([
      { name: 'transition_node_to_trusted', args: { node_id: node.id, valid_from } },
    ]);
  }

  async retire(node: TestNode): Promise<void> {
    await this.decide([{ name: 'remove_node', args: { node_id: node.id } }]);
  }

  async remove(): Promise<void> {
    await Promise.all(this.running.map((node) => node.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }

  async #add(): Promise<TestNode> {
    const name = `node${this.nodes.length}`;
    const node = new TestNode(name, join(this.folder, name));
    await mkdir(node.folder);
    this.nodes.push(node);
    return node;
  }

  async #isOpen(): Promise<boolean> {
    const { json } = await this.target.ask('/node/network');
    return (json as { service_status?: string }).service_status === 'Open';
  }

  #code(options: JoinOptions = {}): { readonly measurement: string; readonly hostData: string } {
    const { measurement = this.measurement, hostData = this.hostData } = options;
    return { measurement, hostData };
  }

  #configuration(
    options: JoinOptions,
    configure: JoinOptions['configure'],
    command: JsonValue,
  ): JsonValue {
    const configuration: { [name: string]: JsonValue } = {
      network: {
        rpc_interfaces: { main: { bind_address: '127.0.0.1:0' } },
        node_to_node_interface: { bind_address: options.nodeToNode ?? '127.0.0.1:0' },
      },
      command,
      ...(options.nodeData !== undefined && { node_data_json_file: 'node_data.json' }),
      coco: {
        service_curve: 'P-256',
        virtual_root_key_file: '../root.pem',
        adapters: { notes: {} },
      },
    };
    configure?.(configuration);
    return configuration;
  }
}
