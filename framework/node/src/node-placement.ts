/** What lets a node pass requests to others, wired to one service: who leads, and how to ask them. */

import type { Clock } from '@coco/base';
import { parseCertificate } from '@coco/crypto';
import { ClientSession, type Request, type Response } from '@coco/endpoint';
import { Forwarder, NodeCaller } from '@coco/http';
import { createLeadership, type Leadership } from '@coco/replication';
import { addressOfNode, nodesOfService } from './node-addresses.ts';
import type { ServiceRuntime } from './service-runtime.ts';

export interface NodePlacement {
  readonly leadership: Leadership;
  readonly caller: NodeCaller;
  readonly forwarder: Forwarder;
  /** See Host of @coco/adapter. */
  callPrimary(request: Request, withinMs: number): Promise<Response | undefined>;
  /** See RequestContext. */
  becomeCurrent(): Promise<void>;
}

export function createPlacement(runtime: ServiceRuntime, clock: Clock): NodePlacement {
  const { node, core } = runtime;
  const { pipeline, office, replica } = core;
  const nodeId = node.key.id;
  // An id in Raft belongs to one node for ever.
  const known = new Map<number, string>();
  const nodeIdOf = (raftId: number): string | undefined => {
    if (!known.has(raftId)) {
      for (const one of nodesOfService(pipeline.committedState())) known.set(one.raftId, one.id);
    }
    return known.get(raftId);
  };
  const leadership = createLeadership({ nodeId, office, pipeline, nodeIdOf });
  const caller = new NodeCaller({
    // Another node goes by the key: this certificate is never renewed.
    identity: { certificatePem: node.selfSignedPem, privateKeyPem: node.key.privatePem() },
    clock,
    addressOf: (id) => addressOfNode(pipeline.committedState(), id),
  });
  const forwarder = new Forwarder({ caller, leadership, clock });
  const { der: clientCertificate } = parseCertificate(node.selfSignedPem);
  return {
    leadership,
    caller,
    forwarder,
    becomeCurrent: () => replica.readIndex(),
    callPrimary: async (request, withinMs) => {
      const primaryId = leadership.primaryId();
      if (primaryId === undefined || primaryId === nodeId) return undefined;
      const own = { ...request, clientCertificate };
      return forwarder.forward(primaryId, { request: own, session: new ClientSession(), withinMs });
    },
  };
}
