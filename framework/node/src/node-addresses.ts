/** The nodes of a service as its ledger has them, and where they are reached. */

import { isJsonObject, type JsonValue, parseTransactionId, type Seqno } from '@coco/base';
import {
  type NodeInfoRow,
  nodeInfos,
  type Readable,
  raftIdOf,
  serviceInfo,
} from '@coco/governance';

export interface ServiceNode {
  readonly id: string;
  readonly raftId: Seqno;
  readonly info: NodeInfoRow;
}

/**
 * Every node that was added to the service as it is now. Those of the service before a recovery
 * are none of its: they could speak of a ledger that is no more.
 */
export function nodesOfService(state: Readable): readonly ServiceNode[] {
  const createId = serviceInfo.get(state)?.current_service_create_txid;
  const first = createId === undefined ? 0 : parseTransactionId(createId).seqno;
  return nodeInfos.rows(state).flatMap(([id, info]) => {
    const raftId = raftIdOf(state, id);
    return raftId === undefined || raftId < first ? [] : [{ id, raftId, info }];
  });
}

/** Where other nodes reach it. Undefined where the row has no host:port: an operator wrote it. */
export function peerAddress(
  info: NodeInfoRow,
): { readonly host: string; readonly port: number } | undefined {
  return parseAddress(publishedAddress(info.node_to_node_interface));
}

/** The same as text. */
export function peerAddressText(info: NodeInfoRow): string | undefined {
  return peerAddress(info) && publishedAddress(info.node_to_node_interface);
}

/**
 * host:port of a node's interface of a name, or of the first one that shows the node's key to
 * everybody. Undefined when the node is unknown or offers none.
 */
export function addressOfNode(
  state: Readable,
  nodeId: string,
  interfaceName?: string,
): string | undefined {
  return interfaceOf(state, nodeId, interfaceName)?.address;
}

/** The beginning of a URL: scheme, host and port. */
export function urlOfNode(
  state: Readable,
  nodeId: string,
  interfaceName?: string,
): string | undefined {
  const found = interfaceOf(state, nodeId, interfaceName);
  if (!found) return undefined;
  return `${found.authority === 'Unsecured' ? 'http' : 'https'}://${found.address}`;
}

function interfaceOf(
  state: Readable,
  nodeId: string,
  interfaceName: string | undefined,
): { readonly address: string; readonly authority: JsonValue | undefined } | undefined {
  const interfaces = nodeInfos.get(state, nodeId)?.rpc_interfaces;
  if (!isJsonObject(interfaces)) return undefined;
  const named = Object.entries(interfaces).find(([name, one]) =>
    interfaceName === undefined ? authorityOf(one) === 'Service' : name === interfaceName,
  );
  const [, described] = named ?? [];
  const address = described === undefined ? undefined : publishedAddress(described);
  if (described === undefined || address === undefined || !parseAddress(address)) {
    return undefined;
  }
  return { address, authority: authorityOf(described) };
}

function authorityOf(described: JsonValue): JsonValue | undefined {
  const endorsement = isJsonObject(described) ? described.endorsement : undefined;
  // CCF's default.
  return isJsonObject(endorsement) ? endorsement.authority : 'Service';
}

function publishedAddress(described: JsonValue): string | undefined {
  const text = isJsonObject(described) ? described.published_address : undefined;
  return typeof text === 'string' ? text : undefined;
}

/** host:port and nothing else. An operator wrote it, of another organisation. */
export function parseAddress(
  text: string | undefined,
): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text ?? '');
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
