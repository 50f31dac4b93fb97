/**
 * A node's node-to-node interface as the configuration, the worker and the ledger have it. A node
 * without one runs alone.
 */

import type { JsonValue } from '@coco/base';
import type { PeerListen } from '@coco/peers';
import type { NodeToNodeConfiguration } from './configuration-interfaces.ts';
import type { NodeIdentity } from './identities.ts';

/** As whom and where the node listens. Peers go by its key: its certificate is never renewed. */
export function peerListenOf(
  configuration: NodeToNodeConfiguration | undefined,
  node: NodeIdentity,
): PeerListen | undefined {
  if (!configuration) return undefined;
  const { host, port } = configuration;
  const identity = { certificatePem: node.selfSignedPem, privateKeyPem: node.key.privatePem() };
  return { host, port, identity };
}

/** The interface in the node's row of the ledger: the port is the real one. */
export function describePeerInterface(
  configuration: NodeToNodeConfiguration | undefined,
  address: string | undefined,
): JsonValue {
  const bound = address ?? '';
  return {
    bind_address: bound,
    published_address: configuration?.publishedAddress ?? bound,
  };
}
