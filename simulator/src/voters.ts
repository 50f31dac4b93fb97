/**
 * How much a cluster may lose: a service commits while a majority of its voters is there, whatever
 * of the changes that are under way comes about. Faults that would end it are not inflicted: that
 * a network without a majority stands still shows nothing.
 */
import { formatTransactionId, type TransactionId } from '@coco/base';
import { membersOf, type NodeId } from '@coco/consensus';
import { raftIdOf } from '@coco/governance';
import { ledgerMembers } from '@coco/node';
import type { Cluster } from './cluster.ts';

/** A vote of the members, as one primary has executed it. */
interface Intent {
  readonly id: TransactionId;
  readonly trusted: string | undefined;
  readonly retired: string | undefined;
}

export class Voters {
  readonly #cluster: Cluster;
  #intents: Intent[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** A transaction that may commit, or not. */
  intend(intent: Intent): void {
    this.#intents.push(intent);
  }

  /** The service is recovered by other nodes: no vote of before is under way. */
  recovered(): void {
    this.#intents = [];
  }

  /** Whether the service surely goes on without this node, although others may be leaving. */
  maySpare(node: NodeId): boolean {
    const { sure, possible } = this.#sets();
    const isUp = (id: NodeId): boolean => id !== node && this.#isUp(id);
    const up = [...sure].filter(isUp).length;
    const down = [...possible].filter((id) => !isUp(id)).length;
    return up > down;
  }

  /** Whether a majority of those who stay is there when this node has left in good order. */
  mayRetire(node: NodeId): boolean {
    const { sure, possible } = this.#sets();
    sure.delete(node);
    possible.delete(node);
    const up = [...sure].filter((id) => this.#isUp(id)).length;
    const down = [...possible].filter((id) => !this.#isUp(id)).length;
    return up > down;
  }

  /** Trusted nodes, as far as it is certain. */
  get trusted(): readonly NodeId[] {
    return [...this.#trusted()];
  }

  #isUp(id: NodeId): boolean {
    return this.#cluster.member(id)?.node.isAlive === true;
  }

  #trusted(): Set<NodeId> {
    const { state } = this.#newest();
    return new Set(state ? ledgerMembers(state, '', { write: () => {} }).trusted : []);
  }

  #newest() {
    const [first, ...others] = this.#cluster.live.map(({ node }) => node.pipeline);
    const newest = others.reduce(
      (best, one) => (one.committedSeqno > (best?.committedSeqno ?? 0) ? one : best),
      first,
    );
    return { state: newest?.committedState() };
  }

  #sets(): { readonly sure: Set<NodeId>; readonly possible: Set<NodeId> } {
    const { configuration } = this.#cluster;
    const trusted = this.#trusted();
    const sure = new Set(configuration.voters.filter((id) => trusted.has(id)));
    const possible = new Set([...trusted, ...membersOf(configuration)]);
    this.#intents = this.#intents.filter((intent) => !this.#isDecided(intent.id));
    for (const { retired, trusted: added } of this.#intents) {
      const [leaves, comes] = [this.#raftId(retired), this.#raftId(added)];
      if (leaves !== undefined) sure.delete(leaves);
      if (comes !== undefined) possible.add(comes);
    }
    return { sure, possible };
  }

  #raftId(nodeId: string | undefined): NodeId | undefined {
    const { state } = this.#newest();
    return nodeId === undefined || !state ? undefined : raftIdOf(state, nodeId);
  }

  #isDecided(id: TransactionId): boolean {
    if (this.#cluster.log.has(formatTransactionId(id))) {
      // Every node that could tell of the state has to know it.
      return this.#cluster.live.some(({ node }) => node.pipeline.committedSeqno >= id.seqno);
    }
    return this.#cluster.live.some(({ node }) => node.tracker.status(id) === 'Invalid');
  }
}
