/**
 * GET /app/receipt/cose: the COSE receipt of a committed transaction (CCF 7). The entry and the
 * signature over it come from the chunk files, through the replica worker; only their hashes in the
 * Merkle tree prove them, so what the disk gives is checked before it is vouched for.
 */

import { formatTransactionId, LedgerError, type TransactionId } from '@coco/base';
import {
  bytesResponse,
  type CommandEndpoint,
  endpointError,
  parseRequestedId,
  type Response,
  type TransactionStatusTracker,
  textResponse,
} from '@coco/endpoint';
import { buildReceipt, type LedgerSecrets } from '@coco/ledger';
import type { CoveredEntry } from '@coco/replication';
import { nodeError } from './errors.ts';

export interface ReceiptSource {
  readonly tracker: TransactionStatusTracker;
  readonly secrets: LedgerSecrets;
  /** Reads an entry and the signature entry that covers it. */
  readCovered(id: TransactionId): Promise<CoveredEntry>;
}

export function receiptEndpoint(source: ReceiptSource): CommandEndpoint {
  return {
    method: 'GET',
    path: '/app/receipt/cose',
    authentication: [],
    mode: 'command',
    summary: 'COSE receipt of a committed transaction',
    handle: async (call) => {
      const text = call.request.query.get('transaction_id');
      if (text === undefined) {
        const message = "Missing query parameter 'transaction_id'";
        throw endpointError('InvalidQueryParameterValue', message);
      }
      const id = parseRequestedId(text, 'query parameter', 'transaction_id');
      const receipt = await receiptOf(source, id);
      return receipt ? bytesResponse(receipt, 'application/cose') : notYetHere(id);
    },
  };
}

/** As CCF answers while it fetches: the client asks again. */
function notYetHere(id: TransactionId): Response {
  const text = `Transaction ${formatTransactionId(id)} is not available yet: this node is fetching it.`;
  const { headers, ...response } = textResponse(text, { status: 202 });
  return { ...response, headers: { ...headers, 'retry-after': '3' } };
}

/**
 * Undefined where this node does not have the entry yet.
 * @throws TransactionPendingOrUnknown, TransactionInvalid, TransactionNotFound, LedgerDamaged
 */
async function receiptOf(
  source: ReceiptSource,
  id: TransactionId,
): Promise<Uint8Array | undefined> {
  const status = source.tracker.status(id);
  if (status === 'Invalid') {
    throw nodeError('TransactionInvalid', `Transaction ${formatTransactionId(id)} is Invalid`);
  }
  if (status !== 'Committed') {
    const message = `Only committed transactions can be queried. Transaction ${formatTransactionId(id)} is ${status}`;
    throw nodeError('TransactionPendingOrUnknown', message);
  }
  try {
    return await readReceipt(source, id);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    if (error.code === 'EntryNotYetHere') return undefined;
    if (error.code !== 'ReceiptUnavailable') throw error;
    const message = `Transaction ${formatTransactionId(id)} is a signature transaction: it has no receipt`;
    throw nodeError('TransactionNotFound', message, {}, error);
  }
}

/** The receipt of a committed transaction. @throws ReceiptUnavailable, LedgerDamaged, ReplicaBusy */
export async function readReceipt(
  source: Pick<ReceiptSource, 'readCovered' | 'secrets'>,
  id: TransactionId,
): Promise<Uint8Array> {
  const { entry, signature } = await source.readCovered(id);
  const { key: secret } = source.secrets.secretFor(id.seqno);
  return buildReceipt({ id, entryBytes: entry, signatureEntryBytes: signature, secret });
}
