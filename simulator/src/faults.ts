/** What goes wrong, when, and for how long: drawn from the seed, one fault after another. */
import { LedgerError } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import { nobody } from './agenda.ts';
import type { Chance } from './chance.ts';
import type { Cluster, Member } from './cluster.ts';
import type { Disaster } from './disaster.ts';
import type { FaultKind } from './fault-counts.ts';
import type { MembershipFaults } from './membership-faults.ts';
import { rekey } from './rekey.ts';
import { calm } from './simulated-network.ts';
import type { SimulatedNode } from './simulated-node.ts';
import { purposes } from './world.ts';

const pauseMs = { low: 20, high: 400 };
const troubleMs = { low: 60, high: 2000 };
/** Most moments are refused, because a batch is in flight; one in between is not. */
const loadedTriesMax = 60;
/** Refusals of a hand-over or a resignation that came at the wrong moment. */
const untimely: ReadonlySet<string> = new Set([
  'NodeCannotHandleRequest',
  'NotLeaderInView',
  'NotVoter',
  'BatchesInFlight',
  'HandOverPending',
  'ReplicaStopped',
  'TooManyPendingTransactions',
  'StorageFull',
]);

interface Fault {
  readonly kind: FaultKind | 'weather';
  readonly weight: number;
  /** A network of one node has no links to cut and nobody to hand over to. */
  readonly needsPeers: boolean;
}

const faults: readonly Fault[] = [
  { kind: 'weather', weight: 20, needsPeers: true },
  { kind: 'partition', weight: 16, needsPeers: true },
  { kind: 'one-way partition', weight: 10, needsPeers: true },
  { kind: 'slow disk', weight: 14, needsPeers: false },
  { kind: 'hand-over', weight: 12, needsPeers: true },
  { kind: 'hand-over under load', weight: 10, needsPeers: true },
  { kind: 'resign', weight: 8, needsPeers: false },
  { kind: 'rekey', weight: 8, needsPeers: false },
  { kind: 'clock skew', weight: 4, needsPeers: false },
  { kind: 'crash', weight: 2, needsPeers: true },
  { kind: 'full disk', weight: 4, needsPeers: false },
  { kind: 'join', weight: 5, needsPeers: true },
  { kind: 'replace', weight: 5, needsPeers: true },
  { kind: 'retire', weight: 4, needsPeers: true },
  { kind: 'disaster', weight: 4, needsPeers: false },
];

export class Faults {
  readonly #cluster: Cluster;
  readonly #membership: MembershipFaults;
  readonly #disaster: Disaster;
  readonly #chance: Chance;
  readonly #faults: readonly Fault[];
  #isStopped = false;
  failure: unknown;

  constructor(cluster: Cluster, membership: MembershipFaults, disaster: Disaster) {
    this.#cluster = cluster;
    this.#membership = membership;
    this.#disaster = disaster;
    this.#chance = cluster.world.chance(purposes.faults);
    const isAlone = cluster.members.length === 1;
    this.#faults = faults.filter(({ needsPeers }) => !needsPeers || !isAlone);
    this.#next();
  }

  /** Everything that still works works well from now on; the crashed stay away. */
  heal(): void {
    this.#isStopped = true;
    const { network, transcript } = this.#cluster.world;
    network.weather = calm;
    network.heal();
    for (const { node } of this.#cluster.members) {
      node.disk.isSlow = false;
      node.disk.memory.spaceBytes = Number.POSITIVE_INFINITY;
      node.disk.memory.failingFlushes = 0;
      node.clock.skewMs = 0;
    }
    transcript.write('faults', 'everything heals');
  }

  #next(): void {
    const { agenda } = this.#cluster.world;
    agenda.after(this.#chance.between(pauseMs.low, pauseMs.high), nobody, () => {
      if (this.#isStopped) return;
      this.#act();
      this.#next();
    });
  }

  #act(): void {
    const total = this.#faults.reduce((sum, { weight }) => sum + weight, 0);
    let roll = this.#chance.below(total);
    const fault = this.#faults.find(({ weight }) => (roll -= weight) < 0);
    // Half of all faults hit the primary, which has most to lose.
    const running = this.#cluster.members.filter(({ node }) => node.isAlive && !node.isRecovering);
    const anyone = this.#chance.pick(running);
    const victim = this.#chance.percent(50) ? (this.#cluster.primary() ?? anyone) : anyone;
    if (fault && victim) this.#inflict(fault.kind, victim);
  }

  #inflict(kind: Fault['kind'], victim: Member): void {
    const acts: Readonly<Partial<Record<Fault['kind'], () => void>>> = {
      weather: () => this.#storm(),
      partition: () => this.#partition('partition', victim),
      'one-way partition': () => this.#partition('one-way partition', victim),
      'slow disk': () => this.#slowDisk(victim),
      'hand-over': () => this.#handOver(),
      'hand-over under load': () => this.#handOverUnderLoad(),
      resign: () => this.#resign(victim),
      rekey: () => this.#rekey(),
      'clock skew': () => this.#skew(victim),
      crash: () => this.#crash(victim),
      'full disk': () => this.#fillDisk(victim),
      join: () => this.#membership.join(),
      replace: () => this.#membership.replace(),
      retire: () => this.#membership.retire(),
      disaster: () => this.#disaster.inflict(),
    };
    acts[kind]?.();
  }

  #tell(kind: string, what: string): void {
    this.#cluster.world.transcript.write('faults', `${kind}: ${what}`);
  }

  /** Undoes something later. */
  #later(undo: () => void): void {
    const delay = this.#chance.between(troubleMs.low, troubleMs.high);
    this.#cluster.world.agenda.after(delay, nobody, undo);
  }

  #storm(): void {
    const { network } = this.#cluster.world;
    network.weather = {
      dropPercent: this.#chance.below(25),
      doublePercent: this.#chance.below(15),
      delayPercent: this.#chance.below(30),
      corruptPercent: this.#chance.below(20),
    };
    this.#tell('weather', JSON.stringify(network.weather));
    this.#later(() => {
      network.weather = calm;
    });
  }

  #partition(kind: 'partition' | 'one-way partition', victim: Member): void {
    const { network, counts } = this.#cluster.world;
    const ids = this.#running();
    const others = this.#chance.shuffle(ids.filter((id) => id !== victim.node.id));
    const side = [victim.node.id, ...others.splice(0, this.#chance.below(others.length))];
    counts.add(kind);
    network.block(side, others);
    if (kind === 'partition') network.block(others, side);
    this.#tell(kind, `${side.join(' ')} | ${others.join(' ')}`);
    this.#later(() => {
      network.heal();
      this.#tell(kind, 'heals');
    });
  }

  #slowDisk({ node }: Member): void {
    this.#cluster.world.counts.add('slow disk');
    node.disk.isSlow = true;
    this.#tell('slow disk', node.name);
    this.#later(() => {
      node.disk.isSlow = false;
    });
  }

  #handOver(): void {
    const primary = this.#cluster.primary();
    const to = this.#otherThan(primary);
    if (!primary || to === undefined) return;
    this.#tell('hand-over', `${primary.node.name} to node ${to}`);
    const { counts } = this.#cluster.world;
    primary.node.handOver(to).then(
      () => counts.add('hand-over'),
      (error: unknown) => {
        const code = error instanceof LedgerError ? error.code : undefined;
        if (code === 'HandOverFailed') counts.add('failed hand-over');
        else if (code === undefined || !untimely.has(code)) this.failure ??= error;
        this.#tell('hand-over', `fails: ${code}`);
      },
    );
  }

  /** Raft passes leadership on while the primary executes: it drops what is proposed meanwhile. */
  #handOverUnderLoad(): void {
    const primary = this.#cluster.primary();
    const to = this.#otherThan(primary);
    if (!primary || to === undefined) return;
    this.#tell('hand-over under load', `${primary.node.name} to node ${to}`);
    this.#tryHandOver(primary.node, to, loadedTriesMax);
  }

  #tryHandOver(node: SimulatedNode, to: NodeId, triesLeft: number): void {
    const { agenda, counts } = this.#cluster.world;
    const again = (): void => this.#tryHandOver(node, to, triesLeft - 1);
    node
      .askWorker(() => node.host.handOver(to))
      .then(
        () => counts.add('hand-over under load'),
        (error: unknown) => {
          const code = error instanceof LedgerError ? error.code : undefined;
          if (code === undefined || !untimely.has(code)) this.failure ??= error;
          if (code !== 'BatchesInFlight' || triesLeft === 0) return;
          agenda.after(this.#chance.between(0, 3), node.owner, again);
        },
      );
  }

  #otherThan(member: Member | undefined): NodeId | undefined {
    const ids = this.#running();
    return this.#chance.pick(ids.filter((id) => id !== member?.node.id));
  }

  #running(): NodeId[] {
    const running = this.#cluster.members.filter(({ node }) => node.isAlive);
    return running.map(({ node }) => node.id);
  }

  #resign({ node }: Member): void {
    this.#tell('resign', node.name);
    const { counts } = this.#cluster.world;
    node
      .askWorker(() => node.host.resign())
      .then(
        () => counts.add('resign'),
        (error: unknown) => {
          if (!(error instanceof LedgerError) || !untimely.has(error.code)) this.failure ??= error;
        },
      );
  }

  #rekey(): void {
    const primary = this.#cluster.primary();
    if (!primary) return;
    try {
      rekey(primary.node.pipeline, this.#chance);
      this.#cluster.world.counts.add('rekey');
      this.#tell('rekey', primary.node.name);
    } catch (error) {
      if (!(error instanceof LedgerError) || !untimely.has(error.code)) throw error;
    }
  }

  #skew({ node }: Member): void {
    this.#cluster.world.counts.add('clock skew');
    node.clock.skewMs = this.#chance.between(-3_600_000, 3_600_000);
    this.#tell('clock skew', `${node.name} by ${node.clock.skewMs} ms`);
  }

  /** A process that stops is a node that is gone for good. */
  #crash({ node }: Member): void {
    if (!this.#membership.voters.maySpare(node.id)) return;
    this.#cluster.world.counts.add('crash');
    this.#tell('crash', node.name);
    node.crash();
  }

  /** Little room or none, until somebody makes some; flushes may be the ones to find out. */
  #fillDisk({ node }: Member): void {
    const { memory } = node.disk;
    this.#cluster.world.counts.add('full disk');
    memory.spaceBytes = this.#chance.below(this.#chance.percent(50) ? 4_000 : 50_000);
    memory.failingFlushes = this.#chance.percent(40) ? 1 + this.#chance.below(3) : 0;
    this.#tell('full disk', `${node.name}, ${memory.spaceBytes} bytes left`);
    this.#later(() => {
      memory.spaceBytes = Number.POSITIVE_INFINITY;
      this.#tell('full disk', `${node.name} has room again`);
    });
  }
}
