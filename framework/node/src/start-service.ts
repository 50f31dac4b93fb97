/** Starts a new service: keys, genesis (transaction 2.1), and its first signature. */

import { resolve } from 'node:path';
import type { Adapter } from '@coco/adapter';
import { encodeQuoteInfo } from '@coco/attestation';
import { asSeqno, asView, type JsonValue, present } from '@coco/base';
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
import { createServiceIdentity, type ServiceIdentity } from './identities.ts';
import { takeFolder } from './ledger-folder.ts';
import { type NodeCore, openCore } from './node-core.ts';
import { describePeerInterface, peerListenOf } from './peer-interface.ts';
import { coreLimits } from './resource-limits.ts';
import { createNode, type NodeSurroundings, type ServiceRuntime } from './service-runtime.ts';

/** CCF's first view. */
const firstView = asView(2);
const firstSeqno = asSeqno(1);

/** @throws LedgerNotEmpty, InvalidInput and what the ledger's files throw */
export async function startService(
  surroundings: NodeSurroundings,
  start: StartConfiguration,
  adapters: readonly Adapter[],
): Promise<ServiceRuntime> {
  const { configuration, clock, random } = surroundings;
  const service = await createServiceIdentity({
    curve: configuration.serviceCurve,
    subject: start.serviceSubject,
    days: start.certificateDays,
    clock,
  });
  const { node, evidence } = await createNode(surroundings, service);
  const tree = createLedgerTree();
  const secret = { fromSeqno: firstSeqno, key: random.bytes(ledgerSecretBytes) };
  const secrets = new LedgerSecrets([secret]);
  const { baseFolder } = surroundings;
  const members = await Promise.all(start.members.map((member) => readMember(baseFolder, member)));
  const constitution = await readConstitution(baseFolder, start.constitutionFiles);
  await checkConstitution(constitution, surroundings.scripts);
  const content = {
    members,
    constitution,
    recoveryThreshold: start.recoveryThreshold,
    ...validityMaxima(start),
    virtual: surroundings.joinPolicy,
    service: {
      createId: { view: firstView, seqno: firstSeqno },
      certificatePem: service.certificatePem,
    },
  };
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
    receiver: { nodeId: node.key.id, encryptionKey: node.encryptionKey },
    serviceKey: service.key,
    peerListen: peerListenOf(configuration.nodeToNode, node),
    ...coreLimits(configuration),
    begin: (opened) => {
      const described = newNode(surroundings, { node, evidence }, opened.replica.peerAddress);
      return executeGenesis(opened, { ...content, node: described }, adapters);
    },
  });
  await takeFolder(resolve(baseFolder, configuration.ledgerDirectory), node.key);
  const own = { node, service, evidence, core, tree, secrets };
  const nothing = { startupSeqno: asSeqno(0), historicalSecretRows: [] };
  return { ...own, ...nothing, endorsements: () => [] };
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

/** This node as the ledger describes it; `peerAddress` is where it listens for other nodes. */
export function newNode(
  surroundings: NodeSurroundings,
  own: Pick<ServiceRuntime, 'node' | 'evidence'>,
  peerAddress: string | undefined,
): NewNode {
  const { node, evidence } = own;
  const { interfaces, nodeToNode } = surroundings.configuration;
  const rpcInterfaces: JsonValue = Object.fromEntries(
    interfaces.map((one) => [
      one.name,
      {
        bind_address: `${one.host}:${one.port}`,
        published_address: one.publishedAddress,
        endorsement: { authority: one.authority },
        app_protocol: 'HTTP1',
        accepted_endpoints: one.acceptedEndpoints.map(({ source }) =>
          source.replaceAll('\\/', '/'),
        ),
        max_open_sessions_soft: one.sessionsSoftMax,
        max_open_sessions_hard: one.sessionsMax,
        http_configuration: {
          max_body_size: String(one.bodyBytesMax),
          max_header_size: String(one.headerBytesMax),
        },
      },
    ]),
  );
  const quoteInfo = encodeQuoteInfo(evidence);
  return {
    id: node.key.id,
    endorsedCertificatePem: node.endorsedPem,
    encryptionPublicKeyPem: node.encryptionKey.publicPem,
    quoteInfo: {
      format: evidence.format,
      quote: String(quoteInfo.quote),
      endorsements: String(quoteInfo.endorsements),
    },
    rpcInterfaces,
    nodeToNodeInterface: describePeerInterface(nodeToNode, peerAddress),
    publicKeyPem: node.key.publicPem,
    certificateSigningRequestPem: node.signingRequestPem,
  };
}
