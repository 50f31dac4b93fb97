/** Starts a new service: keys, genesis (transaction 2.1), and its first signature. */

import { resolve } from 'node:path';
import type { Adapter } from '@coco/adapter';
import { asSeqno, asView, present } from '@coco/base';
import { TransactionStatusTracker } from '@coco/endpoint';
import { checkConstitution, genesis, type NewNode } from '@coco/governance';
import { Store } from '@coco/kv';
import {
  createLedgerTree,
  LedgerSecrets,
  ledgerSecretBytes,
  NonceGuard,
  Sequencer,
} from '@coco/ledger';
import type { MerkleTree } from '@coco/merkle';
import { storeLimits } from '@coco/replication';
import type { StartConfiguration } from './command-configuration.ts';
import { readConstitution, readMember } from './configured-files.ts';
import { createServiceIdentity, endorseOwnNode, type ServiceIdentity } from './identities.ts';
import { takeFolder } from './ledger-folder.ts';
import type { NodeBeginning } from './node-beginning.ts';
import { type NodeCore, openCore } from './node-core.ts';
import { coreLimits } from './resource-limits.ts';
import type { NodeSurroundings, ServiceRuntime } from './service-runtime.ts';

/** CCF's first view. */
const firstView = asView(2);
const firstSeqno = asSeqno(1);

/** @throws LedgerNotEmpty, InvalidInput and what the ledger's files throw */
export async function startService(
  surroundings: NodeSurroundings,
  start: StartConfiguration,
  beginning: NodeBeginning,
  adapters: readonly Adapter[],
): Promise<ServiceRuntime> {
  const { configuration, baseFolder, clock, random } = surroundings;
  const service = await createServiceIdentity({
    curve: configuration.serviceCurve,
    subject: start.serviceSubject,
    days: start.certificateDays,
    clock,
  });
  const node = await endorseOwnNode(beginning.keys, service, {
    days: configuration.nodeCertificateDays,
    clock,
  });
  const tree = createLedgerTree();
  const secret = { fromSeqno: firstSeqno, key: random.bytes(ledgerSecretBytes) };
  const secrets = new LedgerSecrets([secret]);
  const content = {
    ...(await firstContent(surroundings, start)),
    service: {
      createId: { view: firstView, seqno: firstSeqno },
      certificatePem: service.certificatePem,
    },
  };
  const genesisOf = () => ({ ...content, node: newNode(beginning, node.endorsedPem) });
  const core = await openCore({
    ...surroundings,
    ledgerFolder: resolve(baseFolder, configuration.ledgerDirectory),
    store: new Store(storeLimits),
    sequencer: firstSequencer({
      service,
      start,
      tree,
      secrets,
      chunkBytes: configuration.chunkBytes,
    }),
    secrets,
    tracker: new TransactionStatusTracker(),
    keys: node,
    serviceKey: service.key,
    ...coreLimits(configuration),
    replica: beginning.replica,
    begin: { kind: 'create', execute: (opened) => executeGenesis(opened, genesisOf(), adapters) },
  });
  await takeFolder(resolve(baseFolder, configuration.ledgerDirectory), node.key);
  const signer = { issuer: start.signatureIssuer, subject: start.signatureSubject };
  const own = { node, service, evidence: beginning.evidence, core, tree, secrets, signer };
  const nothing = { startupSeqno: asSeqno(0), historicalSecretRows: [] };
  return { ...own, ...nothing, endorsements: () => [] };
}

/** What the configuration's files say of the service. */
async function firstContent(surroundings: NodeSurroundings, start: StartConfiguration) {
  const { baseFolder, scripts, joinPolicy } = surroundings;
  const members = await Promise.all(start.members.map((member) => readMember(baseFolder, member)));
  const constitution = await readConstitution(baseFolder, start.constitutionFiles);
  await checkConstitution(constitution, scripts);
  const { recoveryThreshold } = start;
  const maxima = validityMaxima(start);
  return { members, constitution, recoveryThreshold, ...maxima, virtual: joinPolicy };
}

function validityMaxima({
  nodeDaysMax,
  serviceDaysMax,
}: StartConfiguration): Pick<
  Parameters<typeof genesis>[1],
  'maximumNodeCertificateValidityDays' | 'maximumServiceCertificateValidityDays'
> {
  return {
    ...(nodeDaysMax !== undefined && { maximumNodeCertificateValidityDays: nodeDaysMax }),
    ...(serviceDaysMax !== undefined && { maximumServiceCertificateValidityDays: serviceDaysMax }),
  };
}

/** Resolves once the service's first transaction is durable. */
async function executeGenesis(
  { pipeline, tracker }: NodeCore,
  content: Parameters<typeof genesis>[1],
  adapters: readonly Adapter[],
): Promise<void> {
  const { id } = pipeline.execute((transaction) => {
    genesis(transaction, content);
    for (const adapter of adapters) adapter.genesis(transaction);
    return { result: undefined };
  });
  await tracker.whenDecided(present(id, 'genesis writes'));
}

function firstSequencer(options: {
  readonly service: ServiceIdentity;
  readonly start: StartConfiguration;
  readonly tree: MerkleTree;
  readonly secrets: LedgerSecrets;
  readonly chunkBytes: number;
}): Sequencer {
  const { service, start, ...shared } = options;
  return new Sequencer({
    ...shared,
    view: firstView,
    start: 'genesis',
    guard: new NonceGuard(),
    signer: {
      keyId: service.key.id,
      algorithm: service.key.algorithm,
      issuer: start.signatureIssuer,
      subject: start.signatureSubject,
    },
    committed: asSeqno(0),
  });
}

/** This node as the ledger describes it. */
export function newNode({ keys, description }: NodeBeginning, endorsedPem: string): NewNode {
  const { bindAddress, publishedAddress } = description.nodeToNodeInterface;
  return {
    id: keys.key.id,
    endorsedCertificatePem: endorsedPem,
    encryptionPublicKeyPem: description.encryptionPublicKeyPem,
    quoteInfo: description.quoteInfo,
    rpcInterfaces: description.rpcInterfaces,
    nodeToNodeInterface: { bind_address: bindAddress, published_address: publishedAddress },
    publicKeyPem: keys.key.publicPem,
    certificateSigningRequestPem: description.signingRequestPem,
    ...(description.nodeData !== undefined && { nodeData: description.nodeData }),
  };
}
