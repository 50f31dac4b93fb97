/**
 * Seeded runs of 3 and 5 nodes on links that lose, delay and double messages, with partitions,
 * slow disks, transfers, resignations, reads and compactions. The checkers look at every step
 * (safety); after healing, everything proposed last commits everywhere (liveness).
 *
 * COCO_SEEDS=<count> runs more of them; a failure names its seed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LedgerError, SeededRandom } from '@coco/base';
import { sha256 } from '@coco/crypto';
import type { MembershipChange } from '../src/index.ts';
import { isJoint, isMember } from '../src/index.ts';
import type { Parcel } from './cluster.ts';
import { Cluster } from './cluster.ts';
import type { TestNode } from './test-node.ts';

const stepsPerRun = 180;
const seedCount = Number(process.env.COCO_SEEDS ?? '2');
const lossPercent = 8;
const doublePercent = 5;
const delayPercent = 15;
const delayStepsMax = 6;
const healTicksMax = 400;

const limits = {
  keptEntries: 4,
  inFlightBatchesMax: 6,
  recentBytesMax: 600,
  messageBodyBytesMax: 400,
  messageEntriesMax: 4,
  bodyBytesMax: 2000,
  stagedBytesMax: 8000,
  heldMessagesMax: 4,
};

interface Delayed {
  readonly dueStep: number;
  readonly parcel: Parcel;
}

class LossyRun {
  readonly cluster: Cluster;
  readonly #random: SeededRandom;
  #delayed: Delayed[] = [];
  #step = 0;
  reads = 0;
  refusals = 0;
  changes = 0;
  #nextId = 100;
  readonly #hasChurn: boolean;

  constructor(seed: number, nodeCount: number, options: { readonly hasChurn?: boolean } = {}) {
    this.#hasChurn = options.hasChurn ?? false;
    this.#random = new SeededRandom(seed);
    this.cluster = new Cluster({ seed, limits });
    this.cluster.start(Array.from({ length: nodeCount }, (_, index) => index + 1));
  }

  async run(): Promise<void> {
    for (this.#step = 0; this.#step < stepsPerRun; this.#step++) {
      for (const node of this.cluster.nodes.values()) node.replica.tick();
      this.#act();
      if (this.#hasChurn) this.#followConfiguration();
      this.#transmit();
      await this.cluster.work();
      for (const node of this.cluster.nodes.values()) {
        if (node.isDiskHeld && this.#chance(30)) node.releaseDisk();
      }
      await this.cluster.work();
    }
  }

  /** Ends all trouble; then a batch of a leader must commit on every node. */
  async heal(): Promise<void> {
    this.cluster.isolated.clear();
    this.cluster.stripsBodies = false;
    for (const { parcel } of this.#delayed) this.cluster.queue.push(parcel);
    for (const node of this.cluster.nodes.values()) {
      node.isDiskHeld = false;
      node.releaseDisk();
    }
    const leader = await this.#calmLeader();
    leader.propose(leader.refused ?? leader.seal());
    const goal = leader.committedSeqno;
    await this.cluster.tick(10);
    const reached = [...this.cluster.nodes.values()].map((node) => node.committedSeqno);
    assert.ok(
      reached.every((seqno) => seqno > goal && seqno === reached[0]),
      `all commit the same: ${reached.join(' ')}`,
    );
    const read = leader.replica.readIndex();
    await this.cluster.tick(2);
    await read;
  }

  async #calmLeader(): Promise<TestNode> {
    for (let beat = 0; beat < healTicksMax; beat++) {
      await this.cluster.tick();
      if (this.#hasChurn) this.#followConfiguration();
      const leader = this.cluster.leader();
      const inFlight = leader?.replica.status().inFlight.batches;
      if (leader && inFlight === 0 && beat > 30) return leader;
    }
    throw new assert.AssertionError({ message: 'a leader comes to rest after healing' });
  }

  #transmit(): void {
    const due = this.#delayed.filter(({ dueStep }) => dueStep <= this.#step);
    this.#delayed = this.#delayed.filter(({ dueStep }) => dueStep > this.#step);
    const parcels = [...this.cluster.queue, ...due.map(({ parcel }) => parcel)];
    this.cluster.queue = [];
    for (const parcel of parcels) {
      if (this.#chance(lossPercent)) continue;
      if (this.#chance(doublePercent)) this.#delay(parcel);
      if (this.#chance(delayPercent)) this.#delay(parcel);
      else this.cluster.deliver(parcel);
    }
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }

  #delay(parcel: Parcel): void {
    const dueStep = this.#step + 1 + this.#random.below(delayStepsMax);
    this.#delayed.push({ dueStep, parcel });
  }

  #act(): void {
    const nodes = [...this.cluster.nodes.values()];
    const node = nodes[this.#random.below(nodes.length)];
    assert.ok(node);
    const roll = this.#random.below(100);
    if (roll < 55) for (const leader of nodes) this.#propose(leader);
    else if (roll < 62) node.isDiskHeld = !node.isDiskHeld;
    else if (roll < 67) this.#partition(node);
    else if (roll < 70) this.#office(() => node.replica.transferLeadership(nodes.length));
    else if (roll < 71) this.#office(() => node.replica.resign());
    else if (roll < 80) this.#read(node);
    else if (roll < 84) this.#offer(node);
    else if (roll < 87) this.cluster.stripsBodies = !this.cluster.stripsBodies;
    else if (this.#hasChurn) this.#change();
  }

  /** The executing leader replaces a voter by a new node, one step at a time. */
  #change(): void {
    const leader = this.cluster.leader();
    if (!leader?.configuration) return;
    const { voters, learners } = leader.configuration;
    const others = voters.filter((id) => id !== leader.id);
    const removed = others[this.#random.below(others.length)];
    const [added] = learners;
    assert.ok(removed !== undefined);
    const change: MembershipChange =
      added === undefined
        ? { kind: 'addLearner', id: this.#nextId++ }
        : { kind: 'replace', added, removed };
    leader.replica.proposeMembership(change).then(
      () => {
        this.changes += 1;
      },
      (error) => assert.ok(error instanceof LedgerError, String(error)),
    );
  }

  /**
   * What an operator does: starts a process for a node that the service has added, ends that of
   * one that it has removed. A new node has a new id; an id never comes back.
   */
  #followConfiguration(): void {
    const configuration = this.cluster.leader()?.configuration;
    if (!configuration || isJoint(configuration)) return;
    for (const id of configuration.learners) if (!this.cluster.nodes.has(id)) this.cluster.join(id);
    for (const id of this.cluster.nodes.keys()) {
      if (isMember(configuration, id)) continue;
      this.cluster.isolated.delete(id);
      this.cluster.stop(id);
    }
  }

  #propose(leader: TestNode): void {
    if (!leader.canExecute) return;
    for (let left = this.#random.below(4); left > 0; left--) {
      if (!leader.canExecute) return;
      leader.propose(leader.refused ?? leader.seal(1 + this.#random.below(3), 50 + 150 * left));
    }
  }

  #partition(node: TestNode): void {
    const { isolated } = this.cluster;
    if (isolated.size > 0) isolated.clear();
    else isolated.add(node.id);
  }

  #office(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.refusals += 1;
    }
  }

  /** A read that returns has seen everything that was committed anywhere when it began. */
  #read(node: TestNode): void {
    const { history } = this.cluster.checkers;
    const last = history.at(-1);
    node.replica.readIndex().then(
      () => {
        this.reads += 1;
        const begun = last ? Number(last.handle.firstSeqno) : 0;
        assert.ok(node.committedSeqno >= begun, `node ${node.id} read a state that is behind`);
      },
      (error) => assert.ok(error instanceof LedgerError),
    );
  }

  #offer(node: TestNode): void {
    const { committedSeqno } = node.replica.status();
    const name = `snapshot_${committedSeqno}`;
    node.replica.offerSnapshot({ name, digest: sha256(new Uint8Array(1)) }, committedSeqno);
  }
}

/** A failure names its seed, so that it can be run again. */
async function runSeed(
  seed: number,
  nodeCount: number,
  options: { readonly hasChurn?: boolean } = {},
): Promise<LossyRun> {
  const run = new LossyRun(seed * 31 + nodeCount, nodeCount, options);
  try {
    await run.run();
    await run.heal();
  } catch (error) {
    const text = error instanceof Error ? error.stack : String(error);
    throw new assert.AssertionError({ message: `${nodeCount} nodes, seed ${seed}: ${text}` });
  }
  return run;
}

describe('lossy links', () => {
  it('hide nothing from the checkers: a disk that lies about a flush is found', async () => {
    const run = new LossyRun(3, 3);
    for (const node of run.cluster.nodes.values()) node.isDiskLying = true;
    await assert.rejects(run.run(), /before its flush|no majority holds/);
  });

  it('give the same run for the same seed, to the byte', async () => {
    const runs = [await runSeed(5, 3), await runSeed(5, 3), await runSeed(6, 3)];
    const [first, again, other] = runs.map(({ cluster }) => cluster.traceDigest());
    assert.equal(again, first);
    assert.notEqual(other, first);
  });

  it(`let nodes be replaced while all goes on, seeds 1 to ${seedCount}`, async () => {
    let changes = 0;
    for (let seed = 1; seed <= seedCount; seed++) {
      const run = await runSeed(seed, 3, { hasChurn: true });
      changes += run.changes;
    }
    assert.ok(changes >= 2 * seedCount, `${changes} changes`);
  });

  for (const nodeCount of [3, 5]) {
    it(`${nodeCount} nodes stay in agreement and recover, seeds 1 to ${seedCount}`, async () => {
      const totals = { batches: 0, acknowledged: 0, reads: 0, leaders: 0 };
      for (let seed = 1; seed <= seedCount; seed++) {
        const { cluster, reads } = await runSeed(seed, nodeCount);
        const { counts, history } = cluster.checkers;
        totals.batches += history.length;
        totals.acknowledged += counts.acknowledged;
        totals.leaders += counts.leaders;
        totals.reads += reads;
      }
      // A run in which little happened would prove little.
      assert.ok(totals.batches > 20 * seedCount, JSON.stringify(totals));
      assert.ok(totals.acknowledged > 50 * seedCount, JSON.stringify(totals));
      assert.ok(totals.leaders > 3 * seedCount && totals.reads > seedCount, JSON.stringify(totals));
    });
  }
});
