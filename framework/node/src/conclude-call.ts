/** Stage: adds the transaction id and, where the client asked for it, waits for the commit. */

import { formatTransactionId } from '@coco/base';
import type { Response } from '@coco/endpoint';
import { nodeError } from './errors.ts';
import type { RequestContext } from './request-context.ts';
import type { CallOutcome } from './run-call.ts';

const transactionIdHeader = 'x-ms-ccf-transaction-id';
/** `x-coco-answer: committed` asks for the answer to wait until the write is committed. */
const answerHeader = 'x-coco-answer';

/** @throws TransactionInvalid when the write was lost with its view */
export async function concludeCall(
  context: RequestContext,
  outcome: CallOutcome,
): Promise<Response> {
  const { request, response, id, isWrite } = outcome;
  if (!id) return response;
  if (isWrite && request.headers.get(answerHeader) === 'committed') {
    const decision = await context.tracker.whenDecided(id);
    if (decision === 'Invalid') {
      throw nodeError('TransactionInvalid', 'The transaction was lost with its view; try again.', {
        transactionId: formatTransactionId(id),
      });
    }
  }
  const headers = { ...response.headers, [transactionIdHeader]: formatTransactionId(id) };
  return { ...response, headers };
}
