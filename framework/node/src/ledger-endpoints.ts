/**
 * GET /node/ledger/batches?from=<seqno>&to=<seqno>: whole committed batches for a node that catches
 * up, from this node's chunk files. Trusted nodes only: what stands in clear in the ledger is the
 * consortium's, and a Pending node gets none of it. Layout: docs/formats/ledger-batches.md.
 */

import { asSeqno, LedgerError, type Seqno } from '@coco/base';
import { bytesResponse, type CommandEndpoint, endpointError, type Request } from '@coco/endpoint';
import type { ReplicaClient } from './replica-client.ts';

/**
 * Bytes of one answer, unless one batch alone is larger: encrypting it for the connection takes the
 * main thread a few milliseconds.
 */
const answerBytesMax = 4 * 1024 * 1024;

export function ledgerEndpoints(
  replica: Pick<ReplicaClient, 'readBatches'>,
): readonly CommandEndpoint[] {
  return [
    {
      method: 'GET',
      path: '/node/ledger/batches',
      summary: 'Committed batches for a node that catches up',
      authentication: ['node_cert'],
      mode: 'command',
      handle: async ({ request }) => {
        const [from, to] = [seqnoIn(request, 'from'), seqnoIn(request, 'to')];
        try {
          const bytes = await replica.readBatches(from, { to, bytesMax: answerBytesMax });
          return bytesResponse(bytes, 'application/octet-stream');
        } catch (cause) {
          if (!(cause instanceof LedgerError) || cause.code !== 'EntryNotFound') throw cause;
          const message = `This node has no committed batch that begins at ${from} and ends by ${to}`;
          throw endpointError('ResourceNotFound', message, {}, cause);
        }
      },
    },
  ];
}

function seqnoIn(request: Request, name: string): Seqno {
  const text = request.query.get(name) ?? '';
  if (/^[1-9]\d{0,14}$/.test(text)) return asSeqno(Number(text));
  throw endpointError('InvalidQueryParameterValue', `Query parameter '${name}' is not a seqno`);
}
