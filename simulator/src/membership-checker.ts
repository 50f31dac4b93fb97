/**
 * Who is in Raft's configuration, and by which steps it became so: nobody whom the ledger never
 * trusted, one difference at a time, and a node votes only once it holds what is committed.
 */
import type { Configuration, NodeId } from '@coco/consensus';
import { isMember, membersOf } from '@coco/consensus';
import { check } from './errors.ts';

/** Batches that a learner may lack when it is promoted: as production says it. */
const promotionLagMax = 8;

interface Reported {
  readonly configuration: Configuration;
  /** The view in which the node executed then, if it did. */
  readonly office: number | undefined;
}

export class MembershipChecker {
  readonly #trusted = new Set<NodeId>();
  readonly #last = new Map<NodeId, Reported>();
  #count = 0;

  /** Changes of configuration that a primary made. */
  get count(): number {
    return this.#count;
  }

  /** The ledger trusts this node, or did so. */
  trusted(id: NodeId): void {
    this.#trusted.add(id);
  }

  /** A service is recovered: all its nodes are new. */
  recovered(): void {
    this.#trusted.clear();
    this.#last.clear();
  }

  /** A replica tells its configuration. */
  configured(node: NodeId, { configuration, office }: Reported): void {
    const before = this.#last.get(node);
    this.#last.set(node, { configuration, office });
    for (const id of membersOf(configuration)) {
      const isNew = before === undefined || !isMember(before.configuration, id);
      check(!isNew || this.#trusted.has(id), `node ${id} is a member, and nobody ever trusted it`);
    }
    if (before?.office === undefined || before.office !== office) return;
    this.#count++;
    const added = countOf(configuration.voters, before.configuration.voters);
    const removed = countOf(before.configuration.voters, configuration.voters);
    const rule = `node ${node} changes one difference at a time`;
    check(added <= 1 && removed <= 1, `${rule}, not ${added} added and ${removed} removed`);
  }

  /** A primary promotes a learner that durably lacks so many committed batches. */
  promotes(node: NodeId, promoted: { readonly id: NodeId; readonly lag: number }): void {
    const { id, lag } = promoted;
    const rule = `node ${node} promotes node ${id}, which lacks ${lag} committed batches`;
    check(lag <= promotionLagMax, rule);
  }
}

function countOf(ids: readonly NodeId[], others: readonly NodeId[]): number {
  return ids.filter((id) => !others.includes(id)).length;
}
