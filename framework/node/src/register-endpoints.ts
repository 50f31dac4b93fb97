/** Every endpoint of a node, by the runtime that it serves. */

import type { Adapter } from '@coco/adapter';
import { type Registry, transactionEndpoints } from '@coco/endpoint';
import { type GovernancePorts, governanceEndpoints } from '@coco/governance';
import { ledgerEndpoints } from './ledger-endpoints.ts';
import { networkEndpoints } from './network-endpoints.ts';
import { type NodeStatus, nodeBody, nodeEndpoints } from './node-endpoints.ts';
import type { NodePlacement } from './node-placement.ts';
import { receiptEndpoint } from './receipt-endpoint.ts';
import type { ServiceRuntime } from './service-runtime.ts';

export interface RegisteredNode
  extends Pick<
    NodeStatus,
    | 'measurement'
    | 'version'
    | 'selfSignedPem'
    | 'state'
    | 'isOpen'
    | 'tokenKeyRefreshes'
    | 'metrics'
    | 'prometheus'
  > {
  readonly placement: Pick<NodePlacement, 'leadership' | 'becomeCurrent'>;
  readonly adapters: readonly Adapter[];
  readonly governance: GovernancePorts;
}

export function registerEndpoints(
  registry: Registry,
  runtime: ServiceRuntime,
  node: RegisteredNode,
): void {
  const { pipeline, replica, tracker, office } = runtime.core;
  const { leadership, becomeCurrent } = node.placement;
  registry.add(
    nodeEndpoints({
      ...node,
      nodeId: runtime.node.key.id,
      startupSeqno: () => runtime.startupSeqno,
      recovery: () => (node.state() === 'PartOfNetwork' ? undefined : runtime.progress),
      lastSignedSeqno: () => pipeline.committedSeqno,
      leadership,
      endorsements: () => runtime.endorsements(),
      endpoints: () => registry.endpoints(),
    }),
  );
  registry.add(
    networkEndpoints({
      leadership,
      becomeCurrent,
      role: () => office.report?.role,
      committedState: () => pipeline.committedState(),
      describe: (state, row) => nodeBody({ leadership }, state, row),
    }),
  );
  registry.add(transactionEndpoints('/node', tracker));
  registry.add(transactionEndpoints('/app', tracker));
  registry.add(governanceEndpoints(node.governance));
  registry.add(ledgerEndpoints(replica));
  registry.add([
    receiptEndpoint({
      tracker,
      secrets: runtime.secrets,
      readCovered: (id) => replica.readCovered(id.seqno),
    }),
  ]);
  for (const adapter of node.adapters) {
    registry.add(adapter.endpoints);
    registry.addChannels(adapter.channels ?? []);
  }
}
