/** What the nodes of one run share: time, links, chance, checkers, and the record of it all. */
import { readFileSync } from 'node:fs';
import type { NodeId } from '@coco/consensus';
import { loadRaftModule, raftModuleHashUrl, raftModuleUrl } from '@coco/consensus';
import { Agenda } from './agenda.ts';
import { Chance } from './chance.ts';
import { FaultCounts } from './fault-counts.ts';
import { MembershipChecker } from './membership-checker.ts';
import { NonceChecker } from './nonce-checker.ts';
import { OfficeChecker } from './office-checker.ts';
import type { RunningNode } from './running-node.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { StatusChecker } from './status-checker.ts';
import { Transcript } from './transcript.ts';

export interface World {
  readonly agenda: Agenda;
  readonly network: SimulatedNetwork;
  readonly transcript: Transcript;
  readonly counts: FaultCounts;
  readonly raftModule: WebAssembly.Module;
  readonly nonces: NonceChecker;
  readonly offices: OfficeChecker;
  readonly statuses: StatusChecker;
  readonly members: MembershipChecker;
  /** The replica of a primary decides to promote a learner. */
  onPromotion: (primary: RunningNode, id: NodeId) => void;
  /** A process of its own, and draws, for one more node. */
  newNode(): { readonly owner: number; readonly chance: Chance };
  /** Draws of its own for each purpose: one more of one changes none of another. */
  chance(purpose: number): Chance;
}

/** Purposes of chance: nodes have the numbers above, each by the order in which it is made. */
export const purposes = {
  network: 1,
  clients: 2,
  faults: 3,
  transfers: 4,
  receipts: 5,
  membership: 6,
  hosts: 7,
  disasters: 8,
  node: 100,
} as const;

/** Compiled once: a tenth of a second. */
let raftModule: Promise<WebAssembly.Module> | undefined;

export async function createWorld(options: {
  readonly seed: number;
  readonly onLine?: (line: string) => void;
}): Promise<World> {
  raftModule ??= loadRaftModule(
    readFileSync(raftModuleUrl),
    readFileSync(raftModuleHashUrl, 'utf8'),
  );
  const agenda = new Agenda();
  const transcript = new Transcript(agenda, options.onLine);
  const counts = new FaultCounts();
  // Seeds that follow one another must not give draws that do.
  const chance = (purpose: number): Chance =>
    new Chance(Math.imul(options.seed, 0x9e3779b1) ^ Math.imul(purpose, 0x85ebca6b));
  let nodeCount = 0;
  const network = new SimulatedNetwork({
    agenda,
    chance: chance(purposes.network),
    counts,
    onBytes: (bytes) => transcript.bytes(bytes),
  });
  return {
    agenda,
    network,
    transcript,
    counts,
    raftModule: await raftModule,
    nonces: new NonceChecker(),
    offices: new OfficeChecker(),
    statuses: new StatusChecker(),
    members: new MembershipChecker(),
    onPromotion: () => {},
    newNode: () => ({ owner: ++nodeCount, chance: chance(purposes.node + nodeCount) }),
    chance,
  };
}
