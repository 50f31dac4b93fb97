/**
 * Clients: they increment counters, ask what became of it, and read what is current, on whichever
 * node. What they are told is checked against what they were told before.
 */
import { formatTransactionId, LedgerError, type TransactionId, utf8Encode } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import { runOptimistic } from '@coco/replication';
import { nobody } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { Cluster, Member, Recovered } from './cluster.ts';
import { countersMap, decodeCount, encodeCount, optimisticMap } from './counters-adapter.ts';
import { check } from './errors.ts';
import { isLinearizable, type Operation } from './linearizability.ts';
import { purposes } from './world.ts';

const pauseMsMin = 1;
/** Busy times and quiet ones take turns: the longest pause between two requests. */
const tempos = [12, 60, 60, 250] as const;
const tempoChangePercent = 4;
const counterCount = 8;
/** Ids that a poll chooses from. */
const recentIds = 60;
/** Optimistic writers share one counter: they conflict with one another and with nobody else. */
const sharedKey = utf8Encode('shared');

/** What a node may refuse at any time, and a client comes again. */
const passing: ReadonlySet<string> = new Set([
  'NodeCannotHandleRequest',
  'TooManyPendingTransactions',
  'StorageFull',
  'TransactionCommitAttemptsExceedLimit',
  'ReadIndexUnavailable',
  'ReplicaStopped',
  'TooManyInFlight',
]);

export class Clients {
  readonly #cluster: Cluster;
  readonly #chance: Chance;
  /** Everything that was executed anywhere. */
  readonly #ids: TransactionId[] = [];
  /** The highest seqno that a client knows to be committed. */
  #acknowledged = 0;
  #isStopped = false;
  #tempo: number = tempos[0];
  /** The first rule that was broken where only a promise noticed it. */
  failure: unknown;
  /** Increments of counters by their ids, and when their commit was told. */
  readonly #increments = new Map<
    string,
    { readonly name: string; readonly count: number; readonly calledMs: number }
  >();
  readonly #answeredMs = new Map<string, number>();
  /** Counts where the histories begin. */
  readonly #initial = new Map<string, number>();
  readonly #currentReads: { readonly name: string; readonly operation: Operation }[] = [];
  /** The state that each node answered from last. */
  readonly #readAt = new Map<NodeId, number>();
  readonly counts = {
    executed: 0,
    refused: 0,
    acknowledged: 0,
    invalid: 0,
    reads: 0,
    serialReads: 0,
  };

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#chance = cluster.world.chance(purposes.clients);
    cluster.observe(this);
    this.#next();
  }

  get ids(): readonly TransactionId[] {
    return this.#ids;
  }

  /** Nobody asks for anything new. */
  stop(): void {
    this.#isStopped = true;
  }

  /** One increment on the primary, if there is one. */
  increment(member: Member): TransactionId | undefined {
    const name = this.#anyCounter();
    return this.#attempt(() => {
      const { id, count } = member.counters.increment(name);
      const calledMs = this.#cluster.world.agenda.nowMs;
      this.#increments.set(formatTransactionId(id), { name, count, calledMs });
      return this.#executed(member, id);
    });
  }

  /**
   * The service is recovered by other nodes: they are asked from here on. Where a loss was
   * declared, clients begin anew from what was kept.
   */
  recovering({ kept, isLoss }: Recovered): void {
    this.#readAt.clear();
    if (!isLoss) return;
    this.checkHistories();
    this.#acknowledged = Math.min(this.#acknowledged, kept);
    this.#currentReads.length = 0;
    for (let at = 0; at < counterCount; at++) {
      const name = `counter ${at}`;
      this.#initial.set(name, this.#cluster.log.state.countAt(name, kept));
    }
    for (const [id] of this.#increments) {
      // What is not decided yet may come to be with the ledger that is kept.
      if (this.#answeredMs.has(id) || Number(id.split('.')[1]) <= kept) this.#increments.delete(id);
    }
  }

  /**
   * What is not in the ledger now never will be, although another transaction may get its id: the
   * lost service may have been in a view of which no file tells.
   */
  recovered(): void {
    const { log } = this.#cluster;
    for (const id of this.#increments.keys()) if (!log.has(id)) this.#increments.delete(id);
    const ids = this.#ids.filter((id) => log.has(formatTransactionId(id)));
    this.#ids.splice(0, this.#ids.length, ...ids);
  }

  /** What clients saw of each counter, for who looks whether it makes sense. */
  checkHistories(): void {
    const { log } = this.#cluster;
    const histories = new Map<string, Operation[]>();
    const add = (name: string, operation: Operation): void => {
      histories.set(name, [...(histories.get(name) ?? []), operation]);
    };
    for (const [id, { name, count, calledMs }] of this.#increments) {
      const answeredMs = this.#answeredMs.get(id) ?? Number.POSITIVE_INFINITY;
      if (log.has(id)) add(name, { kind: 'increment', count, calledMs, answeredMs });
    }
    for (const { name, operation } of this.#currentReads) add(name, operation);
    for (const [name, operations] of histories) {
      const initial = this.#initial.get(name) ?? 0;
      check(isLinearizable(operations, initial), `what clients saw of ${name} is not linearizable`);
    }
  }

  #anyCounter(): string {
    return `counter ${this.#chance.below(counterCount)}`;
  }

  #next(): void {
    const { agenda } = this.#cluster.world;
    if (this.#chance.percent(tempoChangePercent))
      this.#tempo = this.#chance.pick(tempos) ?? tempos[0];
    agenda.after(this.#chance.between(pauseMsMin, this.#tempo), nobody, () => {
      if (this.#isStopped) return;
      this.#act();
      this.#next();
    });
  }

  #act(): void {
    const anyone = this.#chance.pick(this.#cluster.live);
    if (!anyone) return;
    const roll = this.#chance.below(100);
    // An old primary that does not know of its successor takes requests as well.
    const primaries = this.#cluster.live.filter(({ node }) => node.pipeline.isInOffice);
    const writer = this.#chance.percent(90) ? this.#chance.pick(primaries) : anyone;
    if (roll < 55 && writer) this.increment(writer);
    else if (roll < 65 && writer) {
      // Several at once, so that they conflict.
      for (let left = 1 + this.#chance.below(3); left > 0; left--) this.#incrementLater(writer);
    } else if (roll < 80) this.#poll(anyone);
    else if (roll < 90) this.#readCommitted(anyone);
    else this.#read(anyone);
  }

  #executed(member: Member, id: TransactionId): TransactionId {
    const begunAfter = this.#acknowledged;
    this.counts.executed++;
    this.#ids.push(id);
    member.node.tracker
      .whenDecided(id)
      .then((decision) => this.#decided(member, id, { decision, begunAfter }))
      .catch((error: unknown) => this.#fail(error));
    return id;
  }

  #decided(
    { node }: Member,
    id: TransactionId,
    { decision, begunAfter }: { readonly decision: string; readonly begunAfter: number },
  ): void {
    const text = formatTransactionId(id);
    const { log, world } = this.#cluster;
    if (decision === 'Invalid') {
      this.counts.invalid++;
      world.statuses.answered(node.id, id, 'Invalid');
      check(!log.has(text), `${text} is committed, and ${node.name} says that it is invalid`);
      return;
    }
    this.counts.acknowledged++;
    this.#answeredMs.set(text, world.agenda.nowMs);
    world.statuses.answered(node.id, id, 'Committed');
    check(log.has(text), `${text} is acknowledged by ${node.name} and not committed`);
    // Writes are linearizable: what began after an acknowledgement stands behind it.
    check(id.seqno > begunAfter, `${text} began after ${begunAfter} was acknowledged`);
    this.#acknowledged = Math.max(this.#acknowledged, id.seqno);
  }

  /** A handler that waits between reading and writing, beside all the others. */
  #incrementLater(member: Member): void {
    const { agenda } = this.#cluster.world;
    const { node } = member;
    const run = runOptimistic(node.pipeline, async (transaction) => {
      const map = transaction.map(optimisticMap);
      const before = decodeCount(map.get(sharedKey));
      await agenda.pause(this.#chance.between(0, 12), node.owner);
      map.set(sharedKey, encodeCount(before + 1));
      return { result: undefined };
    });
    run
      .then(
        ({ id }) => {
          if (id) this.#executed(member, id);
        },
        (error: unknown) => this.#refused(error),
      )
      .catch((error: unknown) => this.#fail(error));
  }

  #poll({ node }: Member): void {
    const id = this.#chance.pick(this.#ids.slice(-recentIds));
    if (id) this.#cluster.world.statuses.answered(node.id, id, node.tracker.status(id));
  }

  /**
   * A read of what a node has committed, backup or not: it is of one moment of the ledger, and no
   * later read of the same node is of an earlier one: the ledger is the order of all of them.
   */
  #readCommitted({ node }: Member): void {
    const state = node.pipeline.committedState();
    const { seqno } = state;
    check(seqno >= (this.#readAt.get(node.id) ?? 0), `${node.name} reads at ${seqno} again`);
    this.#readAt.set(node.id, seqno);
    this.counts.serialReads++;
    for (let at = 0; at < counterCount; at++) {
      const name = `counter ${at}`;
      const count = decodeCount(state.map(countersMap).get(utf8Encode(name)));
      const expected = this.#cluster.log.state.countAt(name, seqno);
      check(count === expected, `${node.name} reads ${count} of ${name} at ${seqno}`);
    }
  }

  /** A read that is answered has seen everything that was acknowledged when it began. */
  #read({ node }: Member): void {
    const begunAfter = this.#acknowledged;
    const { agenda } = this.#cluster.world;
    const calledMs = agenda.nowMs;
    const name = this.#anyCounter();
    node
      .askWorker(() => node.host.readIndex())
      .then(
        () => {
          this.counts.reads++;
          const state = node.pipeline.committedState();
          const seen = state.seqno;
          const count = decodeCount(state.map(countersMap).get(utf8Encode(name)));
          const answeredMs = agenda.nowMs;
          const operation = { kind: 'read', count, calledMs, answeredMs } as const;
          this.#currentReads.push({ name, operation });
          check(seen >= begunAfter, `${node.name} reads at ${seen} after ${begunAfter} was told`);
        },
        (error: unknown) => this.#refused(error),
      )
      .catch((error: unknown) => this.#fail(error));
  }

  #attempt<Value>(act: () => Value): Value | undefined {
    try {
      return act();
    } catch (error) {
      this.#refused(error);
      return undefined;
    }
  }

  #refused(error: unknown): void {
    if (!(error instanceof LedgerError) || !passing.has(error.code)) throw error;
    this.counts.refused++;
  }

  #fail(error: unknown): void {
    this.failure ??= error;
  }
}
