/** The nodes of a run as their ledger has them, and what the members' votes do to their rows. */
import { toHex, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import {
  type NodeInfoRow,
  nodeCertificates,
  nodeInfos,
  nodeJoins,
  type Writable,
} from '@coco/governance';
import { identities } from './identities.ts';

/** The id of the nth node that a run makes. */
export function nodeIdOf(count: number): string {
  return toHex(sha256(utf8Encode(`simulated node ${count}`)));
}

/** The id of a node that recovers a service. */
export function recoveringNodeIdOf(count: number): string {
  return toHex(sha256(utf8Encode(`simulated recovering node ${count}`)));
}

/** The transaction by which a node asks to join. */
export function addNode(
  transaction: Writable,
  nodeId: string,
  status: NodeInfoRow['status'],
): void {
  nodeJoins.put(transaction, nodeId, {});
  nodeInfos.put(transaction, nodeId, {
    node_to_node_interface: { published_address: `node-${nodeId.slice(0, 8)}:1` },
    rpc_interfaces: {},
    quote_info: { format: 'Insecure_Virtual', quote: '', endorsements: '' },
    encryption_pub_key: identities.nodeEncryptionPem,
    status,
  });
  if (status === 'Trusted')
    nodeCertificates.put(transaction, nodeId, identities.nodeCertificatePem);
}

/** As the constitution's actions do it; a node that is not there any more stays as it is. */
export function setStatus(
  transaction: Writable,
  nodeId: string,
  status: 'Trusted' | 'Retired',
): void {
  const info = nodeInfos.get(transaction, nodeId);
  if (!info || info.status === 'Retired') return;
  nodeInfos.put(transaction, nodeId, { ...info, status });
  if (status === 'Trusted')
    nodeCertificates.put(transaction, nodeId, identities.nodeCertificatePem);
}
