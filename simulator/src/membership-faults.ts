/**
 * The members of a run at work: they let nodes in, replace and retire them, dead or alive, primary
 * included, whatever else goes wrong. The ledger's rows are what production goes by; the ballots
 * that lead to them are not simulated.
 */
import { LedgerError, type TransactionId } from '@coco/base';
import { type NodeInfoRow, nodeInfos, type Writable } from '@coco/governance';
import { nobody } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { Cluster, Member } from './cluster.ts';
import { welcome } from './join-node.ts';
import { addNode, nodeIdOf, setStatus } from './node-rows.ts';
import { rekey } from './rekey.ts';
import { Voters } from './voters.ts';
import { purposes } from './world.ts';

const decisionMs = { low: 20, high: 600 };
/** An answer of a node that died never comes. */
const answerMsMax = 90_000;
const pollMs = { low: 60, high: 250 };
/** A service has up to seven nodes. */
const nodesMax = 7;
/** How many nodes more than at the start a run has at most, and how many fewer. */
const growth = 2;
/** What a node may refuse at any time, and a client comes again. */
const passing: ReadonlySet<string> = new Set([
  'NodeCannotHandleRequest',
  'TooManyPendingTransactions',
  'StorageFull',
  'ReadIndexUnavailable',
  'ReplicaStopped',
  'TooManyInFlight',
]);

export class MembershipFaults {
  readonly voters: Voters;
  readonly #cluster: Cluster;
  readonly #chance: Chance;
  readonly #sizeMax: number;
  #made: number;
  /** Nodes that were asked in and are not here yet. */
  #coming = 0;
  #isStopped = false;
  /** Counts recoveries. */
  #era = 0;
  /** The era's end. */
  #over: () => void = () => {};
  #whenOver: Promise<void> = new Promise((resolve) => {
    this.#over = resolve;
  });
  failure: unknown;

  constructor(cluster: Cluster, nodeCount: number) {
    this.#cluster = cluster;
    this.#chance = cluster.world.chance(purposes.membership);
    this.#sizeMax = Math.min(nodesMax, nodeCount + growth);
    this.#made = nodeCount;
    this.voters = new Voters(cluster);
  }

  /** The service is recovered by other nodes: whoever was on the way in is not any more. */
  recovered(): void {
    this.voters.recovered();
    this.#era++;
    this.#over();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenOver = promise;
    this.#over = resolve;
  }

  /** As many nodes come as the network is to have beside the first. */
  restore(count: number): void {
    for (let left = count; left > 0; left--) this.join();
  }

  /** Nobody is asked in or out any more; who was let in still comes. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Whether everybody who was trusted is here, or never can be. */
  get isDone(): boolean {
    return this.#coming === 0;
  }

  /** A node asks to join, is Pending, and is trusted a while later. */
  join(): void {
    if (this.voters.trusted.length + this.#coming >= this.#sizeMax) return;
    this.#begin(this.#enter(undefined));
  }

  /** A new node comes in the place of another: one transaction retires that and trusts this. */
  replace(): void {
    const victim = this.#deadOrAny();
    if (!victim || this.#coming > 1 || !this.voters.mayRetire(victim.node.id)) return;
    this.#begin(this.#enter(victim));
  }

  /** A node leaves: a dead one, the primary, or any other. */
  retire(): void {
    const { counts } = this.#cluster.world;
    const primary = this.#cluster.primary();
    const victim = this.#chance.percent(40) ? primary : this.#deadOrAny();
    if (!victim || !this.voters.mayRetire(victim.node.id)) return;
    const id = this.#vote({ retired: victim.node.nodeId });
    if (!id) return;
    counts.add('retire');
    // What members do who trust a node no more: it is to read nothing from here on.
    if (this.#chance.percent(40)) this.#rekey();
    if (victim === primary) counts.add('retired primary');
    this.#tell(`retire: ${victim.node.name}`);
  }

  #begin(work: Promise<void>): void {
    this.#coming++;
    work
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => {
        this.#coming--;
      });
  }

  #tell(what: string): void {
    this.#cluster.world.transcript.write('members', what);
  }

  #deadOrAny(): Member | undefined {
    const { trusted } = this.voters;
    const members = this.#cluster.members.filter(({ node }) => trusted.includes(node.id));
    const dead = members.filter(({ node }) => !node.isAlive);
    return this.#chance.pick(dead.length > 0 ? dead : members);
  }

  async #enter(replaced: Member | undefined): Promise<void> {
    const { counts } = this.#cluster.world;
    const nodeId = nodeIdOf(++this.#made);
    const era = this.#era;
    if (!(await this.#decide(() => this.#write((state) => addNode(state, nodeId, 'Pending'))))) {
      return;
    }
    counts.add('node asks to join');
    this.#tell(`${nodeId.slice(0, 8)} asks to join`);
    this.#begin(this.#arrive(nodeId));
    await this.#pause(decisionMs);
    if (era !== this.#era) return;
    const mayReplace = replaced && this.voters.mayRetire(replaced.node.id);
    const retired = mayReplace ? replaced.node.nodeId : undefined;
    if (!(await this.#decide(() => this.#vote({ trusted: nodeId, retired })))) return;
    this.#tell(`${nodeId.slice(0, 8)} is trusted${mayReplace ? ` for ${replaced.node.name}` : ''}`);
    counts.add(mayReplace ? 'replace' : 'join');
  }

  /** Asks whoever leads until it is welcome; who is not wanted any more gives up. */
  async #arrive(nodeId: string): Promise<void> {
    const era = this.#era;
    for (;;) {
      await this.#pause(pollMs);
      if (era !== this.#era) return;
      const asked = this.#chance.percent(85) ? this.#cluster.primary() : undefined;
      if (!asked) continue;
      const status = this.#statusOf(asked, nodeId);
      if (status === 'Retired' || (this.#isStopped && status !== 'Trusted')) return;
      try {
        const welcomed = await this.#bounded(welcome(asked.node, nodeId));
        if (!welcomed || era !== this.#era) continue;
        const { node } = await this.#cluster.join(welcomed);
        this.#tell(`${nodeId.slice(0, 8)} begins as ${node.name}`);
        return;
      } catch (error) {
        if (!(error instanceof LedgerError) || !passing.has(error.code)) throw error;
      }
    }
  }

  #statusOf({ node }: Member, nodeId: string): NodeInfoRow['status'] | undefined {
    return nodeInfos.get(node.pipeline.committedState(), nodeId)?.status;
  }

  /** Repeats a write until it is committed; false once nobody votes any more. */
  async #decide(write: () => TransactionId | undefined): Promise<boolean> {
    const era = this.#era;
    while (!this.#isStopped && era === this.#era) {
      const id = write();
      if (id) {
        const decision = await this.#bounded(this.#decision(id));
        if (decision === 'Committed') return true;
      }
      await this.#pause(pollMs);
    }
    return false;
  }

  /** What became of a transaction, whoever lives to tell. */
  async #decision(id: TransactionId): Promise<'Committed' | 'Invalid' | undefined> {
    const era = this.#era;
    for (let count = 0; count < 400 && era === this.#era; count++) {
      for (const { node } of this.#cluster.live) {
        const status = node.tracker.status(id);
        if (status === 'Committed' || status === 'Invalid') return status;
      }
      await this.#pause(pollMs);
    }
    return undefined;
  }

  /** An answer, if it comes in time, and in this era. */
  #bounded<Value>(answer: Promise<Value>): Promise<Value | undefined> {
    const late = this.#cluster.world.agenda.pause(answerMsMax, nobody);
    return Promise.race([answer, late, this.#whenOver]) as Promise<Value | undefined>;
  }

  #vote(vote: {
    readonly trusted?: string;
    readonly retired?: string | undefined;
  }): TransactionId | undefined {
    const { trusted, retired } = vote;
    const id = this.#write((transaction) => {
      if (retired !== undefined) setStatus(transaction, retired, 'Retired');
      if (trusted !== undefined) setStatus(transaction, trusted, 'Trusted');
    });
    if (id) this.voters.intend({ id, trusted, retired });
    return id;
  }

  #rekey(): void {
    const pipeline = this.#cluster.primary()?.node.pipeline;
    try {
      if (pipeline) rekey(pipeline, this.#chance);
    } catch (error) {
      if (!(error instanceof LedgerError) || !passing.has(error.code)) throw error;
    }
  }

  #write(act: (transaction: Writable) => void): TransactionId | undefined {
    const pipeline = this.#cluster.primary()?.node.pipeline;
    if (!pipeline) return undefined;
    try {
      const { id } = pipeline.execute((transaction) => {
        act(transaction);
        return { result: undefined };
      });
      return id;
    } catch (error) {
      if (!(error instanceof LedgerError) || !passing.has(error.code)) throw error;
      return undefined;
    }
  }

  #pause({ low, high }: { readonly low: number; readonly high: number }): Promise<void> {
    return this.#cluster.world.agenda.pause(this.#chance.between(low, high), nobody);
  }
}
