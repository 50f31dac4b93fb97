/**
 * Clients: they increment counters, ask what became of it, and read what is current, on whichever
 * node. What they are told is checked against what they were told before.
 */
import { formatTransactionId, LedgerError, type TransactionId, utf8Encode } from '@coco/base';
import { runOptimistic } from '@coco/replication';
import { nobody } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { Cluster, Member } from './cluster.ts';
import { decodeCount, encodeCount, optimisticMap } from './counters-adapter.ts';
import { check } from './errors.ts';
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
  readonly counts = { executed: 0, refused: 0, acknowledged: 0, invalid: 0, reads: 0 };

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#chance = cluster.world.chance(purposes.clients);
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
    const name = `counter ${this.#chance.below(counterCount)}`;
    return this.#attempt(() => this.#executed(member, member.counters.increment(name)));
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
    } else if (roll < 85) this.#poll(anyone);
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
      await agenda.pause(this.#chance.between(0, 12), node.id);
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

  /** A read that is answered has seen everything that was acknowledged when it began. */
  #read({ node }: Member): void {
    const begunAfter = this.#acknowledged;
    node
      .askWorker(() => node.host.readIndex())
      .then(
        () => {
          this.counts.reads++;
          const seen = node.pipeline.committedState().seqno;
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
