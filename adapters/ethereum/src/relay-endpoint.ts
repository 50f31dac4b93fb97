/** POST /ethereum/relay: the primary takes transactions that other nodes were sent. */

import { bytesResponse, type CommandEndpoint } from '@coco/endpoint';
import type { AdmissionPool, AdmittedTransaction } from './admission.ts';
import { rpcCodeOf } from './json-rpc.ts';
import { relayPath } from './relay.ts';
import {
  encodeRelayResults,
  parseRelayed,
  type RelayResult,
  relayRefusal,
} from './relay-message.ts';

/** Only the nodes of the service: a client's way in is JSON-RPC. */
export function relayEndpoint(place: {
  readonly admissionPool: AdmissionPool;
  /** @throws as Submission.submit does */
  readonly submit: (transaction: AdmittedTransaction, isAwaited: boolean) => void;
}): CommandEndpoint {
  return {
    method: 'POST',
    path: relayPath,
    summary: 'Transactions that other nodes of the service were sent',
    authentication: ['node_cert'],
    mode: 'command',
    isSessionExempt: true,
    handle: async ({ request }) => {
      const relayed = parseRelayed(request.body);
      const admitted = relayed.map(({ raw }) => place.admissionPool.admit(raw));
      // All are admitted before the first executes: they were sent in this order.
      const ready = await Promise.allSettled(admitted);
      const results = ready.map((one, at): RelayResult => {
        if (one.status === 'rejected') return relayRefusal(one.reason, rpcCodeOf);
        try {
          place.submit(one.value, relayed[at]?.isAwaited === true);
          return undefined;
        } catch (error) {
          return relayRefusal(error, rpcCodeOf);
        }
      });
      return bytesResponse(encodeRelayResults(results), 'application/json');
    },
  };
}
