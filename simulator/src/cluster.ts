/** The nodes of a run: all begin with the files and the secret of one service, at its next view. */
import type { Adapter } from '@coco/adapter';
import { asView, MemoryDisk } from '@coco/base';
import { createConfiguration, type NodeId } from '@coco/consensus';
import { loadLedger } from '@coco/replication';
import type { CommittedLog } from './committed-log.ts';
import { CountersAdapter } from './counters-adapter.ts';
import { type CreatedService, createService, secretsOf } from './create-service.ts';
import { ledgerFolder } from './durability-checker.ts';
import { check } from './errors.ts';
import { createEthereum } from './ethereum-ledger.ts';
import { settled } from './pump.ts';
import { takeSecret } from './rekey.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** A node and what clients talk to on it. */
export interface Member {
  readonly node: SimulatedNode;
  readonly counters: CountersAdapter;
  readonly ethereum: Adapter;
}

export class Cluster {
  readonly world: World;
  readonly log: CommittedLog;
  readonly members: readonly Member[];

  private constructor(world: World, log: CommittedLog, members: readonly Member[]) {
    this.world = world;
    this.log = log;
    this.members = members;
  }

  static async create(world: World, nodeCount: number): Promise<Cluster> {
    const members: Member[] = [];
    const service = await createService(world, {
      adapters: [new CountersAdapter(), createEthereum()],
      onEntry: takeSecret,
      voterDisks: () => members.map(({ node }) => node.disk),
    });
    const ids = Array.from({ length: nodeCount }, (_, index) => index + 1);
    service.log.admit(ids);
    const starting = [];
    for (const id of ids) starting.push(await createMember(world, service, { id, ids }));
    members.push(...starting);
    return new Cluster(world, service.log, members);
  }

  get live(): readonly Member[] {
    return this.members.filter(({ node }) => node.isAlive);
  }

  /** Whether so many nodes may crash that a majority is left. */
  get maySpareOne(): boolean {
    return 2 * (this.live.length - 1) > this.members.length;
  }

  /** Who executes now; the one of the highest view, where an old one does not know better yet. */
  primary(): Member | undefined {
    const primaries = this.live.filter(({ node }) => node.pipeline.isExecuting);
    primaries.sort((one, other) => other.node.pipeline.view - one.node.pipeline.view);
    return primaries[0];
  }

  member(id: NodeId): Member | undefined {
    return this.members.find(({ node }) => node.id === id);
  }

  /** What must hold after every step. @throws SimulationFailed, and what ended a node */
  checkStep(): void {
    for (const { node } of this.live) {
      if (node.failure !== undefined) throw node.failure;
      const { pipeline } = node;
      this.world.offices.observe(node.id, pipeline.isInOffice ? pipeline.view : undefined);
      check(pipeline.committedSeqno <= this.log.end, `${node.name} commits what nobody has`);
    }
  }
}

async function createMember(
  world: World,
  service: CreatedService,
  { id, ids }: { readonly id: NodeId; readonly ids: readonly NodeId[] },
): Promise<Member> {
  const { agenda } = world;
  const memory = new MemoryDisk();
  for (const [name, bytes] of service.files) {
    const file = await memory.open(`${ledgerFolder}/${name}`, { create: true });
    await file.write(0, bytes);
    await file.datasync();
  }
  await memory.syncFolder(ledgerFolder);
  const disk = new SimulatedDisk(memory, { agenda, chance: world.chance(id), owner: id });
  const secrets = secretsOf(service.secret);
  const loaded = await settled(
    world,
    loadLedger({ disk: disk.patient, folder: ledgerFolder }, secrets),
  );
  const { ledger, store, tracker, files } = loaded;
  const { seqno, view } = ledger.lastId;
  const nextView = asView(view + 1);
  const node = new SimulatedNode(world, {
    id,
    disk,
    files,
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
    service: { configuration: createConfiguration(ids), view: nextView, seqno },
    log: service.log,
    onEntry: takeSecret,
  });
  const [counters, ethereum] = [new CountersAdapter(), createEthereum()];
  for (const adapter of [counters, ethereum]) node.startAdapter(adapter);
  return { node, counters, ethereum };
}
