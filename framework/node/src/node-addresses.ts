/** Where the nodes of a service answer requests, as the ledger has it. */

import { isJsonObject, type JsonValue } from '@coco/base';
import { nodeInfos, type Readable } from '@coco/governance';

/**
 * host:port of a node's interface of a name, or of the first one that shows the node's key to
 * everybody. Undefined when the node is unknown or offers none.
 */
export function addressOfNode(
  state: Readable,
  nodeId: string,
  interfaceName?: string,
): string | undefined {
  const interfaces = nodeInfos.get(state, nodeId)?.rpc_interfaces;
  if (!isJsonObject(interfaces)) return undefined;
  const named = Object.entries(interfaces).find(([name, one]) =>
    interfaceName === undefined ? authorityOf(one) === 'Service' : name === interfaceName,
  );
  const address = named && isJsonObject(named[1]) && named[1].published_address;
  return typeof address === 'string' && isAddress(address) ? address : undefined;
}

function authorityOf(described: JsonValue): JsonValue | undefined {
  const endorsement = isJsonObject(described) ? described.endorsement : undefined;
  // CCF's default.
  return isJsonObject(endorsement) ? endorsement.authority : 'Service';
}

/** host:port and nothing else. An operator wrote it, of another organisation. */
function isAddress(text: string): boolean {
  const port = Number(/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text)?.[1]);
  return port >= 1 && port <= 65_535;
}
