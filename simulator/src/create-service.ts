/**
 * The service of a run: one node creates it by the production path (genesis of governance and of
 * every adapter, the first batch, its commit), and its ledger files are what the nodes of the run
 * are given, with the ledger secret, as a node that joins will be.
 */
import type { Adapter } from '@coco/adapter';
import { asSeqno, asView, MemoryDisk, present } from '@coco/base';
import { createConfiguration } from '@coco/consensus';
import { TransactionStatusTracker } from '@coco/endpoint';
import { genesis } from '@coco/governance';
import { Store } from '@coco/kv';
import {
  createLedgerFiles,
  createLedgerTree,
  LedgerSecrets,
  ledgerSecretBytes,
} from '@coco/ledger';
import { CommittedLog } from './committed-log.ts';
import { checkDurable, ledgerFolder } from './durability-checker.ts';
import { identities } from './identities.ts';
import { settled, stepUntil } from './pump.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { type NodeStart, SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** The creator's id in Raft; no node of the run has it. */
const creatorId = 900;
const firstView = asView(2);

export interface CreatedService {
  readonly log: CommittedLog;
  /** The files of the ledger so far, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The secret that is in force from the first entry on. */
  readonly secret: Uint8Array;
}

export async function createService(
  world: World,
  options: {
    readonly adapters: readonly Adapter[];
    readonly onEntry: NodeStart['onEntry'];
    readonly voterDisks: () => readonly SimulatedDisk[];
  },
): Promise<CreatedService> {
  const { agenda } = world;
  const chance = world.chance(creatorId);
  const secret = chance.bytes(ledgerSecretBytes);
  const disk = new SimulatedDisk(new MemoryDisk(), { agenda, chance, owner: creatorId });
  const log = createLog(secret, disk, options);
  log.admit([creatorId]);
  const files = await settled(
    world,
    createLedgerFiles({ disk: disk.patient, folder: ledgerFolder }),
  );
  const node = new SimulatedNode(world, {
    id: creatorId,
    disk,
    files,
    store: new Store(),
    tracker: new TransactionStatusTracker(),
    secrets: secretsOf(secret),
    sequencer: {
      view: firstView,
      start: 'genesis',
      tree: createLedgerTree(),
      committed: asSeqno(0),
    },
    service: {
      configuration: createConfiguration([creatorId]),
      view: firstView,
      seqno: asSeqno(0),
    },
    log,
    onEntry: options.onEntry,
  });
  await stepUntil(world, () => node.pipeline.isExecuting, {
    what: 'the creator leads',
    withinMs: 5000,
  });
  const id = executeGenesis(node, options.adapters);
  await settled(world, node.tracker.whenDecided(id));
  node.crash();
  return { log, files: disk.memory.durableFiles(ledgerFolder), secret };
}

export function secretsOf(secret: Uint8Array): LedgerSecrets {
  return new LedgerSecrets([{ fromSeqno: asSeqno(1), key: secret }]);
}

function createLog(
  secret: Uint8Array,
  creatorDisk: SimulatedDisk,
  options: Parameters<typeof createService>[1],
): CommittedLog {
  const secrets = secretsOf(secret);
  return new CommittedLog({
    secrets,
    onEntry: (entry) => options.onEntry(entry, secrets),
    onNew: (batch) => {
      const voters = options.voterDisks();
      checkDurable(batch, voters.length > 0 ? voters : [creatorDisk]);
    },
  });
}

function executeGenesis(node: SimulatedNode, adapters: readonly Adapter[]) {
  const { id } = node.pipeline.execute((transaction) => {
    genesis(transaction, {
      members: [
        {
          certificatePem: identities.memberCertificatePem,
          encryptionPublicKeyPem: identities.memberEncryptionPem,
        },
      ],
      constitution: 'export function validate() {}',
      recoveryThreshold: 1,
      node: {
        id: identities.nodeId,
        endorsedCertificatePem: identities.nodeCertificatePem,
        encryptionPublicKeyPem: identities.nodeEncryptionPem,
        quoteInfo: { format: 'Insecure_Virtual', quote: '', endorsements: '' },
        rpcInterfaces: {},
        nodeToNodeInterface: {},
      },
      service: {
        createId: { view: firstView, seqno: asSeqno(1) },
        certificatePem: identities.serviceCertificatePem,
      },
    });
    for (const adapter of adapters) adapter.genesis(transaction);
    return { result: undefined };
  });
  return present(id, 'genesis writes');
}
