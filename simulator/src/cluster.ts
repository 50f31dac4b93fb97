/** The nodes of a run: the first ones begin with the files and the secret of one service. */
import type { Adapter } from '@coco/adapter';
import {
  asView,
  LedgerError,
  MemoryDisk,
  present,
  type Seqno,
  utf8Encode,
  type View,
} from '@coco/base';
import { type Configuration, createConfiguration, type NodeId } from '@coco/consensus';
import { nodeInfos, raftIdOf, unrecordedFacts } from '@coco/governance';
import { type CommittedBody, SnapshotFiles } from '@coco/ledger';
import { loadLedger } from '@coco/replication';
import type { CommittedLog } from './committed-log.ts';
import { CountersAdapter } from './counters-adapter.ts';
import { type CreatedService, createService, secretsOf } from './create-service.ts';
import { checkDurable, ledgerFolder } from './durability-checker.ts';
import { check } from './errors.ts';
import { createEthereum } from './ethereum-ledger.ts';
import { type ServiceIdentity, services } from './identities.ts';
import { type JoinedNode, joinNode } from './join-node.ts';
import { LedgerSources, snapshotFolder } from './ledger-sources.ts';
import { settled } from './pump.ts';
import type { RunningNode } from './running-node.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** A node and what clients talk to on it. */
export interface Member {
  readonly node: SimulatedNode;
  readonly counters: CountersAdapter;
  readonly ethereum: Adapter;
}

/** The service goes on from ledger files, on other nodes. */
export interface Recovered {
  /** Up to there the ledger is what it was. */
  readonly kept: number;
  /** Whether something that was committed is gone, which was declared. */
  readonly isLoss: boolean;
}

/** Who remembers what nodes said. */
interface RecoveryObserver {
  /** Told before the ledger changes. */
  recovering(recovered: Recovered): void;
  /** Told when it has changed. */
  recovered?(): void;
}

export class Cluster {
  readonly world: World;
  /** Nodes that ever were of the service, since it was created or recovered. */
  readonly members: Member[] = [];
  readonly sources: LedgerSources;
  readonly #observers: RecoveryObserver[] = [];
  #service: CreatedService | undefined;
  #serviceCount = 0;
  #configuration: Configuration = createConfiguration([]);

  private constructor(world: World) {
    this.world = world;
    this.sources = new LedgerSources(world);
  }

  static async create(world: World, nodeCount: number): Promise<Cluster> {
    const cluster = new Cluster(world);
    await cluster.#start(nodeCount);
    return cluster;
  }

  get log(): CommittedLog {
    return present(this.#service, 'the service is created').log;
  }

  /** Who the service is, after its last recovery. */
  get identity(): ServiceIdentity {
    return present(services[this.#serviceCount], 'a run has few recoveries');
  }

  /** Identities left for recoveries. */
  get identitiesLeft(): number {
    return services.length - 1 - this.#serviceCount;
  }

  observe(observer: RecoveryObserver): void {
    this.#observers.push(observer);
  }

  /** All nodes are gone; the service has a new identity, and its ledger is what was kept. */
  recover(
    recovered: Recovered,
    behind: readonly { readonly view: View; readonly firstSeqno: Seqno }[],
  ): void {
    const { world } = this;
    for (const observer of this.#observers) observer.recovering(recovered);
    world.statuses.recovered(recovered.isLoss ? recovered.kept : Number.POSITIVE_INFINITY);
    world.members.recovered();
    world.offices.recovered();
    world.network.reset();
    this.log.recover(recovered.kept, behind);
    for (const observer of this.#observers) observer.recovered?.();
    this.members.length = 0;
    this.#serviceCount++;
  }

  /** The first node of the recovered service. */
  addFirst(node: SimulatedNode): void {
    this.#configuration = createConfiguration([node.id]);
    this.#add(node);
  }

  /** Nodes that run and answer clients. */
  get live(): readonly Member[] {
    return this.members.filter(({ node }) => node.isAlive && node.isPart);
  }

  /** Who executes now; the one of the highest view, where an old one does not know better yet. */
  primary(): Member | undefined {
    const primaries = this.live.filter(({ node }) => node.pipeline.isExecuting);
    primaries.sort((one, other) => other.node.pipeline.view - one.node.pipeline.view);
    return primaries[0];
  }

  /** Raft's configuration, as the newest primary has applied it. */
  get configuration(): Configuration {
    const primary = this.primary()?.node;
    if (primary) this.#configuration = primary.host.status().configuration;
    return this.#configuration;
  }

  member(id: NodeId): Member | undefined {
    return this.members.find(({ node }) => node.id === id);
  }

  /** The node that the ledger knows by this id, if it has run. */
  named(nodeId: string): Member | undefined {
    return this.members.find(({ node }) => node.nodeId === nodeId);
  }

  /** Begins a node that the service trusts now. */
  async join(joined: JoinedNode): Promise<Member> {
    const { world, log } = this;
    const node = await joinNode(joined, {
      world,
      log,
      service: this.identity,
      sources: (reader) => this.sourcesOf(reader),
    });
    return this.#add(node);
  }

  /**
   * Whether everybody who is trusted and lives votes, and who is not has ended. Who was cut off
   * before it could learn that it was removed cannot know: its operator ends it.
   */
  followsLedger(): boolean {
    const primary = this.primary()?.node;
    if (!primary) return false;
    const state = primary.pipeline.committedState();
    const { configuration } = this;
    const facts = unrecordedFacts(state, configuration);
    if (facts.voting.length > 0 || facts.gone.length > 0) return false;
    for (const { node } of this.members) {
      if (!node.isAlive) continue;
      const info = nodeInfos.get(state, node.nodeId);
      if (info?.retired_committed === true && !primary.peers.includes(node.id)) {
        this.world.transcript.write(node.name, 'is ended by its operator');
        node.end();
      } else if (info?.status !== 'Trusted' || !node.isPart) return false;
      else if (!configuration.voters.includes(node.id)) return false;
    }
    return true;
  }

  /** What must hold after every step. @throws SimulationFailed, and what ended a node */
  checkStep(): void {
    for (const { node } of this.members) {
      if (!node.isAlive) continue;
      if (node.failure !== undefined) {
        if (!this.#mayFail(node)) throw node.failure;
        this.world.transcript.write(node.name, 'ends: nobody gives it the ledger');
        node.crash();
        continue;
      }
      const { pipeline } = node;
      this.world.offices.observe(node.id, pipeline.isInOffice ? pipeline.view : undefined);
      check(pipeline.committedSeqno <= this.log.end, `${node.name} commits what nobody has`);
    }
  }

  /**
   * Whether a node that cannot catch up is one that nobody serves: the members have retired
   * it, or everybody whose address its ledger has is gone.
   */
  #mayFail({ nodeId, readsFrom, failure }: SimulatedNode): boolean {
    const cause = failure instanceof LedgerError ? failure.cause : undefined;
    if (!(cause instanceof LedgerError) || cause.code !== 'CatchUpFailed') return false;
    const others = this.members.filter(({ node }) => readsFrom.includes(node.id));
    return (
      this.#isRetired(nodeId) ||
      others.every(({ node }) => !node.isAlive || this.#isRetired(node.nodeId))
    );
  }

  #isRetired(nodeId: string): boolean {
    const row = this.log.state.value(nodeInfos.name, utf8Encode(nodeId));
    return row !== undefined && nodeInfos.decode(row).status === 'Retired';
  }

  async #start(nodeCount: number): Promise<void> {
    const { world } = this;
    world.onPromotion = (primary, id) => this.#checkPromotion(primary, id);
    const service = await createService(world, {
      adapters: [new CountersAdapter(), createEthereum()],
      nodeCount,
      onNew: (batch, by) => this.#checkDurable(batch, by),
    });
    this.#service = service;
    this.#configuration = createConfiguration(service.nodes.map(({ id }) => id));
    for (const { id } of service.nodes) world.members.trusted(id);
    for (const own of service.nodes) await this.#begin(service, own);
  }

  async #begin(
    { files, secret, log }: CreatedService,
    { nodeId, id }: CreatedService['nodes'][number],
  ): Promise<void> {
    const { world } = this;
    const { owner, chance } = world.newNode();
    const memory = await diskWith(files);
    const disk = new SimulatedDisk(memory, { agenda: world.agenda, chance, owner });
    const secrets = secretsOf(secret);
    const loaded = await settled(
      world,
      loadLedger({ disk: disk.patient, folder: ledgerFolder }, secrets),
    );
    const { ledger, store, tracker } = loaded;
    const { seqno, view } = ledger.lastId;
    const nextView = asView(view + 1);
    log.admit([id]);
    const snapshots = await settled(
      world,
      SnapshotFiles.open({ disk, folder: snapshotFolder }, seqno),
    );
    const node = new SimulatedNode(world, {
      id,
      owner,
      service: this.identity,
      nodeId,
      chance,
      disk,
      snapshots,
      // The last one: of a network of one there is none to be believed.
      isHostile: id === this.#configuration.voters.at(-1) && id !== this.#configuration.voters[0],
      files: loaded.files,
      store,
      tracker,
      secrets,
      sequencer: {
        view: nextView,
        lastView: view,
        start: 'view',
        tree: ledger.tree,
        committed: seqno,
      },
      begin: { kind: 'start', configuration: this.#configuration, view: nextView, seqno },
      log,
      sources: (reader) => this.sourcesOf(reader),
    });
    this.#add(node);
  }

  /** Who serves the ledger to a node: everybody that it knows. */
  sourcesOf(reader: RunningNode): ReturnType<LedgerSources['source']>[] {
    const known = this.members.filter(
      ({ node }) => node.isAlive && reader.readsFrom.includes(node.id),
    );
    return known.map(({ node }) => this.sources.source(reader, node));
  }

  #add(node: SimulatedNode): Member {
    const [counters, ethereum] = [new CountersAdapter(), createEthereum()];
    // An adapter reads the state that it begins with.
    void node.whenPart().then(() => {
      for (const adapter of [counters, ethereum]) node.startAdapter(adapter);
    });
    node.pipeline.addObserver({
      onCommitted: ({ state }) => {
        for (const [nodeId, { status }] of nodeInfos.rows(state)) {
          const id = raftIdOf(state, nodeId);
          if (status === 'Trusted' && id !== undefined) this.world.members.trusted(id);
        }
      },
      rolledBack: () => {},
    });
    const member = { node, counters, ethereum };
    this.members.push(member);
    return member;
  }

  /** A node may vote when it durably holds what is committed, but for what is on its way. */
  #checkPromotion(primary: RunningNode, id: NodeId): void {
    const end = this.member(id)?.node.files.next ?? 1;
    const lag = this.log.batchesBetween(end, primary.host.status().committedSeqno);
    this.world.members.promotes(primary.id, { id, lag });
  }

  /** By one of the configurations under which the node may have heard of it. */
  #checkDurable(batch: CommittedBody, by: NodeId): void {
    const configurations = this.member(by)?.node.heardConfigurations ?? [];
    const failures: unknown[] = [];
    for (const configuration of configurations) {
      try {
        checkDurable(batch, this.#votersOf(configuration));
        return;
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures.at(-1);
  }

  #votersOf({ voters, votersOutgoing }: Configuration): SimulatedDisk[][] {
    const disksOf = (ids: readonly NodeId[]): SimulatedDisk[] =>
      ids.flatMap((id) => this.member(id)?.node.disk ?? []);
    return [voters, votersOutgoing].filter((ids) => ids.length > 0).map(disksOf);
  }
}

async function diskWith(files: ReadonlyMap<string, Uint8Array>): Promise<MemoryDisk> {
  const memory = new MemoryDisk();
  for (const [name, bytes] of files) {
    const file = await memory.open(`${ledgerFolder}/${name}`, { create: true });
    await file.write(0, bytes);
    await file.datasync();
  }
  await memory.syncFolder(ledgerFolder);
  return memory;
}
