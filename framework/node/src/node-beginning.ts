/**
 * What a node has before it is part of a service: keys that nobody else has, evidence bound to
 * them, and real addresses. Whatever it does next, start, join or recover a service, its row in the
 * ledger is made of these.
 */

import { type Evidence, encodeQuoteInfo, reportDataOf } from '@coco/attestation';
import type { JsonValue } from '@coco/base';
import type { JoinRequest } from '@coco/governance';
import type { PeerListen } from '@coco/peers';
import type {
  InterfaceConfiguration,
  NodeToNodeConfiguration,
} from './configuration-interfaces.ts';
import { readNodeData } from './configured-files.ts';
import { createNodeKeys, type NodeKeys } from './identities.ts';
import type { ReplicaClient } from './replica-client.ts';
import type { NodeSurroundings } from './service-runtime.ts';

export interface NodeBeginning {
  readonly keys: NodeKeys;
  readonly evidence: Evidence;
  /** Its node-to-node interface, if there is one, listens already. */
  readonly replica: ReplicaClient;
  /** What the ledger is to say of this node. */
  readonly description: JoinRequest;
}

/** New keys; the hosts that their certificates name are those of the configuration. */
export function createKeys({ configuration, clock }: NodeSurroundings): Promise<NodeKeys> {
  const hosts = configuration.interfaces.flatMap(({ host, publishedAddress }) => [
    host,
    publishedAddress.replace(/:\d+$/, ''),
  ]);
  return createNodeKeys({
    subject: configuration.nodeSubject,
    hosts: [...new Set([...configuration.nodeHosts, ...hosts, 'localhost'])],
    days: configuration.nodeCertificateDays,
    clock,
  });
}

/** As whom and where the node listens. Peers go by its key: its certificate is never renewed. */
export function peerListenOf(
  configuration: NodeToNodeConfiguration | undefined,
  node: NodeKeys,
): PeerListen | undefined {
  if (!configuration) return undefined;
  const { host, port } = configuration;
  const identity = { certificatePem: node.selfSignedPem, privateKeyPem: node.key.privatePem() };
  return { host, port, identity };
}

/** @param addresses Where each interface listens, with real ports. */
export async function describeBeginning(
  surroundings: NodeSurroundings,
  opened: {
    readonly keys: NodeKeys;
    readonly replica: ReplicaClient;
    readonly addresses: Readonly<Record<string, string>>;
  },
): Promise<NodeBeginning> {
  const { configuration, baseFolder, platform } = surroundings;
  const { keys, replica, addresses } = opened;
  const evidence = await platform.evidenceFor(await reportDataOf(keys.key.spki));
  const { quote, endorsements } = encodeQuoteInfo(evidence);
  const description: JoinRequest = {
    nodeToNodeInterface: peerInterface(configuration.nodeToNode, replica.peerAddress),
    rpcInterfaces: Object.fromEntries(
      configuration.interfaces.map((one) => [
        one.name,
        describeInterface(one, addresses[one.name] ?? ''),
      ]),
    ),
    quoteInfo: {
      format: evidence.format,
      quote: String(quote),
      endorsements: String(endorsements),
    },
    encryptionPublicKeyPem: keys.encryptionKey.publicPem,
    signingRequestPem: keys.signingRequestPem,
    nodeData: await readNodeData(baseFolder, configuration.nodeDataFile),
  };
  return { keys, evidence, replica, description };
}

function peerInterface(
  configuration: NodeToNodeConfiguration | undefined,
  bound: string = '',
): JoinRequest['nodeToNodeInterface'] {
  const published = configuration?.publishedAddress;
  return { bindAddress: bound, publishedAddress: withRealPort(published, bound) };
}

function describeInterface(one: InterfaceConfiguration, bound: string): JsonValue {
  return {
    bind_address: bound,
    published_address: withRealPort(one.publishedAddress, bound),
    endorsement: { authority: one.authority },
    app_protocol: 'HTTP1',
    accepted_endpoints: one.acceptedEndpoints.map(({ source }) => source.replaceAll('\\/', '/')),
    max_open_sessions_soft: one.sessionsSoftMax,
    max_open_sessions_hard: one.sessionsMax,
    http_configuration: {
      max_body_size: String(one.bodyBytesMax),
      max_header_size: String(one.headerBytesMax),
    },
  };
}

/** Port 0 of a configured address stands for the port that was bound. */
function withRealPort(configured: string | undefined, bound: string): string {
  const port = /:(\d+)$/.exec(bound)?.[1];
  if (configured === undefined || port === undefined) return configured ?? bound;
  return configured.replace(/:0$/, `:${port}`);
}
