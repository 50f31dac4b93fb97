/**
 * One run: a cluster, clients and faults, stepped from a seed; checkers after every step; then all
 * heals, everything must be decided within a bound, and the disks are examined.
 */
import { formatTransactionId, LedgerError } from '@coco/base';
import { Clients } from './clients.ts';
import { Cluster } from './cluster.ts';
import { Disaster } from './disaster.ts';
import { check } from './errors.ts';
import { Faults } from './faults.ts';
import { checkAudit, checkFilesEqual, checkRecoverable } from './ledger-checker.ts';
import { MembershipFaults } from './membership-faults.ts';
import { microtasks, stepUntil } from './pump.ts';
import { checkReceipts } from './receipt-checker.ts';
import { Transfers } from './transfers.ts';
import { createWorld, purposes, type World } from './world.ts';

/** An election takes a second or two; several may fail; a slow disk empties its queue. */
const electedWithinMs = 20_000;
const decidedWithinMs = 20_000;
/** A replacement that never comes is waited for half a minute; nodes leave one after another. */
const settledWithinMs = 120_000;
/** Longer than any pause between two empty blocks. */
const quietMs = 400;

export interface SimulationOptions {
  readonly seed: number;
  readonly steps: number;
  readonly nodeCount: number;
  /** Takes each line of the transcript as it is written. */
  readonly onLine?: (line: string) => void;
}

export interface SimulationReport {
  readonly seed: number;
  readonly steps: number;
  readonly nodeCount: number;
  readonly simulatedMs: number;
  /** Over the transcript and every message: equal runs have equal digests. */
  readonly digest: string;
  readonly faults: readonly (readonly [string, number])[];
  readonly counts: Readonly<Record<string, number>>;
}

export interface SimulationFailure {
  readonly error: unknown;
  /** The last lines of what happened. */
  readonly transcript: readonly string[];
}

export type SimulationOutcome =
  | { readonly kind: 'passed'; readonly report: SimulationReport }
  | { readonly kind: 'failed'; readonly failure: SimulationFailure };

/** Runs a seed to its end. A rule that breaks, a bug and an unexpected fault are all failures. */
export async function simulate(options: SimulationOptions): Promise<SimulationOutcome> {
  const world = await createWorld(options);
  const rejections = watchRejections();
  try {
    const report = await new Simulation(world, options, rejections).run();
    return { kind: 'passed', report };
  } catch (error) {
    world.transcript.write('the run', `fails: ${sentenceOf(error)}`);
    return { kind: 'failed', failure: { error, transcript: world.transcript.tail() } };
  } finally {
    rejections.stop();
  }
}

interface Parts {
  readonly cluster: Cluster;
  readonly membership: MembershipFaults;
  readonly disaster: Disaster;
  readonly clients: Clients;
  readonly transfers: Transfers;
}

class Simulation {
  readonly #world: World;
  readonly #options: SimulationOptions;
  readonly #rejections: Rejections;

  constructor(world: World, options: SimulationOptions, rejections: Rejections) {
    this.#world = world;
    this.#options = options;
    this.#rejections = rejections;
  }

  async run(): Promise<SimulationReport> {
    const { steps, nodeCount } = this.#options;
    const cluster = await Cluster.create(this.#world, nodeCount);
    const clients = new Clients(cluster);
    const transfers = new Transfers(cluster);
    const membership = new MembershipFaults(cluster, nodeCount);
    const disaster = new Disaster(cluster, membership, nodeCount);
    const faults = new Faults(cluster, membership, disaster);
    const parts = { cluster, membership, disaster, clients, transfers };
    const checkAll = (): void => {
      this.#rejections.check();
      for (const { failure } of [clients, transfers, faults, membership, disaster]) {
        if (failure !== undefined) throw failure;
      }
      cluster.checkStep();
    };
    for (let step = 0; step < steps; step++) {
      check(this.#world.agenda.step(), 'something is left to happen');
      await microtasks();
      checkAll();
    }
    faults.heal();
    membership.stop();
    await this.#settle(parts, checkAll);
    clients.checkHistories();
    await transfers.checkBalances(cluster.live);
    const acknowledged = this.#world.statuses.committed();
    const { log, identity: service } = cluster;
    const chance = this.#world.chance(purposes.receipts);
    await checkReceipts(cluster.live, acknowledged, { log, service, chance });
    await checkFilesEqual(cluster.live);
    await checkAudit(cluster.live, log.secrets);
    await checkRecoverable(cluster, acknowledged);
    checkAll();
    return this.#report(parts);
  }

  /** Liveness: a primary, a new write on every node, and a decision of everything. */
  async #settle(
    { cluster, membership, disaster, clients, transfers }: Parts,
    checkAll: () => void,
  ): Promise<void> {
    const bound = { what: 'a primary is there after everything has healed' };
    const holds = (test: () => boolean) => (): boolean => {
      checkAll();
      return test();
    };
    const withinMs = electedWithinMs;
    await stepUntil(
      this.#world,
      holds(() => this.#writes(cluster, clients)),
      { ...bound, withinMs },
    );
    clients.stop();
    transfers.stop();
    const what1 = 'everybody who is trusted votes, and who is not has ended';
    await stepUntil(
      this.#world,
      holds(() => disaster.isDone && membership.isDone && cluster.followsLedger()),
      { what: what1, withinMs: settledWithinMs },
    );
    const isAtRest = (): boolean => transfers.isDone && this.#isDecided(cluster, clients);
    const what = 'every transaction is decided on every node, and every transfer has its receipt';
    await stepUntil(this.#world, holds(isAtRest), { what, withinMs: decidedWithinMs });
    let last = { seqno: 0, sinceMs: 0 };
    const isQuiet = (): boolean => {
      const [nowMs, seqno] = [this.#world.agenda.nowMs, cluster.log.end];
      if (seqno !== last.seqno) last = { seqno, sinceMs: nowMs };
      return nowMs - last.sinceMs >= quietMs && this.#isDecided(cluster, clients);
    };
    // Ethereum owes some empty blocks, and chunks are renamed behind their commit.
    const atRest = { what: 'the cluster comes to rest', withinMs: decidedWithinMs };
    await stepUntil(this.#world, holds(isQuiet), atRest);
  }

  #writes(cluster: Cluster, clients: Clients): boolean {
    const primary = cluster.primary();
    return primary !== undefined && clients.increment(primary) !== undefined;
  }

  #isDecided(cluster: Cluster, clients: Clients): boolean {
    const { log, world } = cluster;
    if (cluster.live.some(({ node }) => node.pipeline.committedSeqno !== log.end)) return false;
    if (cluster.live.some(({ node }) => node.pipeline.uncommittedCount > 0)) return false;
    for (const id of clients.ids) {
      for (const { node } of cluster.live) {
        const status = node.tracker.status(id);
        if (status !== 'Committed' && status !== 'Invalid') return false;
        world.statuses.answered(node.id, id, status);
        const isThere = log.has(formatTransactionId(id));
        check(isThere === (status === 'Committed'), `${formatTransactionId(id)} is ${status}`);
      }
    }
    return true;
  }

  #report({ cluster, clients, transfers }: Parts): SimulationReport {
    const { agenda, transcript, counts, nonces, offices, statuses, members } = this.#world;
    const { seed, steps, nodeCount } = this.#options;
    return {
      seed,
      steps,
      nodeCount,
      simulatedMs: Math.round(agenda.nowMs),
      digest: transcript.digest(),
      faults: counts.entries(),
      counts: {
        ...clients.counts,
        ...transfers.counts,
        batches: cluster.log.batchCount,
        increments: cluster.log.state.incrementCount,
        views: offices.count,
        encryptions: nonces.count,
        answers: statuses.count,
        configurations: members.count,
      },
    };
  }
}

interface Rejections {
  /** @throws what a promise was rejected with that nobody waits for */
  check(): void;
  stop(): void;
}

/** A bug in a step that nobody awaits must not go unnoticed. */
function watchRejections(): Rejections {
  const found: unknown[] = [];
  const note = (reason: unknown): void => {
    found.push(reason);
  };
  process.on('unhandledRejection', note);
  return {
    check: () => {
      if (found.length > 0) throw found[0];
    },
    stop: () => {
      process.off('unhandledRejection', note);
    },
  };
}

/** An error with its causes, for people. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause, message } = error;
  const code = error instanceof LedgerError ? `${error.code}: ` : `${error.name}: `;
  return cause === undefined ? code + message : `${code}${message} <- ${sentenceOf(cause)}`;
}
