/**
 * The power fails everywhere, and no process comes back: the members recover the service from the
 * files of some nodes, chosen as operators have them at hand. Production reads and judges the files
 * (@coco/recovery) and decides whether they are enough; if they are, nothing that committed is
 * missing, and if they are not, the new service declares on its ledger what may be.
 */
import { asSeqno, type MemoryDisk, type Seqno, toHex, type View } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { recoveryRecord } from '@coco/governance';
import { recoverLedger } from '@coco/ledger';
import {
  decideRecovery,
  judgeCopies,
  type LedgerCopy,
  type RecoveryDecision,
  surveyCopy,
} from '@coco/recovery';
import { nobody } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { Cluster, Member } from './cluster.ts';
import { ledgerFolder } from './durability-checker.ts';
import { check } from './errors.ts';
import type { MembershipFaults } from './membership-faults.ts';
import { recoverNode } from './recover-node.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { purposes } from './world.ts';

const outageMs = { low: 200, high: 2_000 };
/** A recovery that is cut short is cut short soon. */
const secondCutMs = { low: 1, high: 150 };
const secondCutPercent = 30;
/** For a recovery, and one after it was cut short, and more. */
const identitiesMin = 4;
/** How often the operators have the files of enough nodes. */
const enoughPercent = 65;

/** The files that a recovery goes from. */
interface Chosen {
  readonly member: Member;
  readonly decision: RecoveryDecision;
  readonly isEnough: boolean;
}

interface Batch {
  readonly view: View;
  readonly firstSeqno: Seqno;
}

export class Disaster {
  readonly #cluster: Cluster;
  readonly #membership: MembershipFaults;
  readonly #chance: Chance;
  readonly #nodeCount: number;
  #isUnderWay = false;
  failure: unknown;

  constructor(cluster: Cluster, membership: MembershipFaults, nodeCount: number) {
    this.#cluster = cluster;
    this.#membership = membership;
    this.#nodeCount = nodeCount;
    this.#chance = cluster.world.chance(purposes.disasters);
  }

  get isDone(): boolean {
    return !this.#isUnderWay;
  }

  /** The service is lost, and recovered. */
  inflict(): void {
    if (this.#isUnderWay || this.#cluster.identitiesLeft < identitiesMin) return;
    this.#isUnderWay = true;
    this.#cluster.world.counts.add('disaster');
    this.#tell('the power fails everywhere');
    for (const { node } of this.#cluster.members) if (node.isAlive) node.crash();
    this.#recover().then(
      () => {
        this.#isUnderWay = false;
      },
      (error: unknown) => {
        this.failure ??= error;
      },
    );
  }

  #tell(what: string): void {
    this.#cluster.world.transcript.write('members', what);
  }

  #pause({ low, high }: { readonly low: number; readonly high: number }): Promise<void> {
    return this.#cluster.world.agenda.pause(this.#chance.between(low, high), nobody);
  }

  async #recover(): Promise<void> {
    await this.#pause(outageMs);
    let chosen: Chosen | undefined = await this.#choose(this.#cluster.members);
    while (chosen) chosen = await this.#recoverFrom(chosen);
    this.#membership.restore(this.#nodeCount - 1);
  }

  /** Undefined when the service is open; what to go on from where the power fails on the way. */
  async #recoverFrom({ member, decision, isEnough }: Chosen): Promise<Chosen | undefined> {
    const { world, log } = this.#cluster;
    const { memory } = member.node.disk;
    const { kept, behind } = await this.#compare(memory);
    const isLoss = kept < log.end;
    const { recovered_to: to, may_lack_commits: isDeclared } = decision.record;
    this.#tell(`recover to ${to} from ${member.node.name}, ${log.end - kept} seqnos lost`);
    check(!isLoss || !isEnough, `files that are enough lack what committed behind ${kept}`);
    check(isDeclared === !isEnough, 'a possible loss is declared, and no other');
    world.counts.add(isLoss ? 'recovery with loss' : 'recovery');
    this.#cluster.recover({ kept, isLoss }, behind);
    this.#membership.recovered();
    const { end } = log;
    memory.spaceBytes = Number.POSITIVE_INFINITY;
    memory.failingFlushes = 0;
    const { node, opened } = await recoverNode(this.#cluster, { memory, decision });
    if (await this.#isCutShort(opened)) {
      world.counts.add('recovery cut short');
      this.#tell('the power fails again');
      node.crash();
      return this.#chooseAgain({ member, decision, isEnough }, { node, end });
    }
    const declared = recoveryRecord.get(node.pipeline.committedState());
    check(declared?.may_lack_commits === isDeclared, 'the ledger declares what may be missing');
    this.#tell(`the recovered service opens on ${node.name}`);
    return undefined;
  }

  async #isCutShort(opened: Promise<void>): Promise<boolean> {
    const mayCut = this.#cluster.identitiesLeft > 1 && this.#chance.percent(secondCutPercent);
    const cut = mayCut ? this.#pause(secondCutMs) : new Promise<void>(() => {});
    return await Promise.race([opened.then(() => false), cut.then(() => true)]);
  }

  /** A recovery that was cut short holds, and its own node's files are to be read, or never was. */
  async #chooseAgain(
    before: Chosen,
    cut: { readonly node: SimulatedNode; readonly end: number },
  ): Promise<Chosen> {
    const { memory } = cut.node.disk;
    const { kept, behind } = await this.#compare(memory);
    const holds = kept > cut.end || behind.length > 0;
    this.#tell(`the recovery ${holds ? 'holds' : 'is discarded'}`);
    if (holds) return this.#choose(this.#cluster.members);
    // What it wrote counts for nothing, and nobody was told of it.
    this.#cluster.log.recover(cut.end, []);
    return before;
  }

  /** Files as the operators have them at hand, and what production decides on them. */
  async #choose(members: readonly Member[]): Promise<Chosen> {
    const copies = new Map<LedgerCopy, Member>();
    for (const member of this.#chance.shuffle(members)) {
      const { nodeId, disk, name } = member.node;
      const copy = await surveyCopy({ disk: disk.memory, folder: ledgerFolder, name });
      // Marks are signed by the nodes' own keys, which are not simulated.
      if (copy.kind === 'copy') copies.set({ ...copy, marks: [nodeId] }, member);
    }
    const all = [...copies.keys()];
    check(all.length > 0, 'somebody has the ledger');
    const given = this.#isEnoughWanted() ? fewestEnough(all) : this.#some(all);
    const { best, isEnough } = judgeCopies(given);
    const others = given.filter((copy) => copy !== best);
    if (!isEnough) check(isRefused(best, others), 'too few files are refused');
    const decision = decideRecovery(best, others, { isLossAccepted: !isEnough });
    const member = copies.get(best) as Member;
    return { member, decision, isEnough };
  }

  #isEnoughWanted(): boolean {
    return this.#chance.percent(enoughPercent);
  }

  #some(all: readonly LedgerCopy[]): readonly LedgerCopy[] {
    return all.slice(0, 1 + this.#chance.below(all.length));
  }

  /** How far the files are the ledger, and the batches that they hold behind. */
  async #compare(disk: MemoryDisk): Promise<{ kept: number; behind: readonly Batch[] }> {
    const { log } = this.#cluster;
    const behind: Batch[] = [];
    let kept = 0;
    await recoverLedger({
      disk,
      folder: ledgerFolder,
      onBatch: (batch) => {
        const [first] = batch;
        const last = batch.at(-1);
        if (!first || !last) return;
        const digest = toHex(sha256(last.entry.bytes));
        const isCommon = behind.length === 0 && log.entryDigest(last.entry.id.seqno) === digest;
        if (isCommon) kept = last.entry.id.seqno;
        else behind.push({ view: last.entry.id.view, firstSeqno: asSeqno(first.entry.id.seqno) });
      },
    });
    return { kept, behind };
  }
}

/** As few as production takes for enough; all, where these are too few. */
function fewestEnough(all: readonly LedgerCopy[]): readonly LedgerCopy[] {
  for (let count = 1; count < all.length; count++) {
    const given = all.slice(0, count);
    if (judgeCopies(given).isEnough) return given;
  }
  return all;
}

function isRefused(best: LedgerCopy, others: readonly LedgerCopy[]): boolean {
  try {
    decideRecovery(best, others, { isLossAccepted: false });
    return false;
  } catch {
    return true;
  }
}
