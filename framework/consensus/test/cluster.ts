/**
 * Nodes in one process on links that a test controls: ideal, cut, or lossy by seed. Everything is
 * driven by the caller; the same seed and calls give the same run to the byte.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { present } from '@coco/base';
import type { PeerMessage, ReplicaLimits } from '../src/index.ts';
import {
  createConfiguration,
  defaultLimits,
  encodePeerMessage,
  parsePeerMessage,
} from '../src/index.ts';
import { Checkers } from './checkers.ts';
import { TestNode } from './test-node.ts';

export interface Parcel {
  readonly from: number;
  readonly to: number;
  /** The message as it travels: every delivery goes through the codec. */
  readonly bytes: Uint8Array;
}

export interface ClusterOptions {
  readonly seed: number;
  readonly limits?: Partial<ReplicaLimits>;
}

const roundsMax = 1000;

/** Everything that waits on promises alone has run when this resolves. */
export function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class Cluster {
  readonly nodes: Map<number, TestNode> = new Map();
  /** Also those that were stopped: what they flushed counts for what committed before. */
  readonly #everNodes = new Map<number, TestNode>();
  readonly checkers: Checkers = new Checkers();
  readonly isolated: Set<number> = new Set();
  /** Takes the bodies from Raft's messages on their way, so that receivers must ask for them. */
  stripsBodies = false;
  queue: Parcel[] = [];
  #lines: string[] = [];
  readonly #trace = createHash('sha256');
  readonly #options: ClusterOptions;

  /** Of nodes that are added from now on. */
  limits: Partial<ReplicaLimits>;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.limits = options.limits ?? {};
  }

  node(id: number): TestNode {
    return present(this.nodes.get(id), `node ${id} exists`);
  }

  /** Adds nodes that begin a service together at view 2. */
  start(ids: readonly number[]): void {
    const configuration = createConfiguration(ids);
    for (const id of ids) this.add(id);
    for (const id of ids) this.node(id).start(configuration, 2);
  }

  /** Adds a node that waits to be brought up to date. */
  join(id: number): void {
    this.add(id).replica.join();
  }

  stop(id: number): void {
    this.node(id).replica.stop();
    this.nodes.delete(id);
  }

  /** The node that may execute, if exactly one of the reachable does. */
  leader(): TestNode | undefined {
    const leaders = [...this.nodes.values()].filter(
      (node) => node.canExecute && !this.isolated.has(node.id),
    );
    leaders.sort((left, right) => (right.office?.view ?? 0) - (left.office?.view ?? 0));
    return leaders[0];
  }

  /** Lets the nodes do what they can without a message or a tick; none may have failed. */
  async work(): Promise<void> {
    await microtasks();
    for (const node of this.nodes.values()) {
      if (node.failure) throw node.failure;
      node.settleDoubts();
    }
  }

  /** Delivers everything, and what that causes, on ideal links. */
  async settle(): Promise<void> {
    for (let round = 0; ; round++) {
      assert.ok(round < roundsMax, 'the nodes come to rest');
      await this.work();
      const parcels = this.queue;
      if (parcels.length === 0) return;
      this.queue = [];
      for (const parcel of parcels) this.deliver(parcel);
    }
  }

  async tick(count = 1): Promise<void> {
    for (let beat = 0; beat < count; beat++) {
      for (const node of this.nodes.values()) node.replica.tick();
      await this.settle();
    }
  }

  async untilLeader(ticksMax = 100): Promise<TestNode> {
    for (let beat = 0; beat < ticksMax; beat++) {
      const leader = this.leader();
      if (leader) return leader;
      await this.tick();
    }
    throw new assert.AssertionError({ message: `no leader within ${ticksMax} ticks` });
  }

  deliver(parcel: Parcel): void {
    const { from, to, bytes } = parcel;
    const receiver = this.nodes.get(to);
    if (!receiver || this.isolated.has(from) !== this.isolated.has(to)) {
      this.nodes.get(from)?.replica.unreachable(to);
      return;
    }
    const message = parsePeerMessage(bytes, { ...defaultLimits, ...this.limits });
    const isStripped = this.stripsBodies && message.kind === 'raft';
    receiver.step(from, isStripped ? { ...message, bodies: [] } : message);
  }

  /** What happened since the last call, one line each. */
  takeLines(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** Digest over every message that was ever sent. */
  traceDigest(): string {
    return this.#trace.copy().digest('hex');
  }

  /** Adds a node that the caller starts. */
  add(id: number): TestNode {
    const node = new TestNode({
      id,
      seed: this.#options.seed,
      limits: this.limits,
      checkers: this.checkers,
      members: () => this.#everNodes,
      send: (from, to, message: PeerMessage) => {
        const bytes = encodePeerMessage(message).slice();
        this.#trace.update(`${from} ${to} `).update(bytes);
        this.queue.push({ from, to, bytes });
      },
      record: (line) => this.#lines.push(line),
    });
    this.nodes.set(id, node);
    this.#everNodes.set(id, node);
    return node;
  }
}
