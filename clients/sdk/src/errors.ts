/** Codes of @coco/sdk. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

const rows = {
  ServiceUnreachable: {
    kind: 'fault',
    status: 503,
    meaning: 'No connection to the service, or it broke before the answer was complete.',
  },
  ServiceTimeout: {
    kind: 'fault',
    status: 504,
    meaning: 'The service did not answer, or a transaction did not commit, within the time given.',
  },
  RequestAborted: { kind: 'refusal', status: 499, meaning: 'The caller aborted the request.' },
  AnswerTooLarge: {
    kind: 'refusal',
    status: 502,
    meaning: 'An answer of the service exceeds the limit of the client.',
  },
  AnswerMalformed: {
    kind: 'refusal',
    status: 502,
    meaning: 'An answer of the service is not what its endpoint answers with.',
  },
  ServiceNotOpen: {
    kind: 'refusal',
    status: 503,
    meaning: 'The service is not open: its members have not opened it yet, or it recovers.',
  },
  ServiceCertificateInvalid: {
    kind: 'refusal',
    status: 502,
    meaning: 'The certificate of the node does not come from the service that it names.',
  },
  ServiceNotPinned: {
    kind: 'refusal',
    status: 502,
    meaning: 'Nothing ties this service to what the caller trusts.',
  },
  ServiceIdentityChanged: {
    kind: 'refusal',
    status: 502,
    meaning:
      'The service has another identity than remembered, and nothing vouches for the change.',
  },
  ServiceBehind: {
    kind: 'refusal',
    status: 502,
    meaning: 'The service lacks transactions that this client saw committed.',
  },
  ServiceForked: {
    kind: 'refusal',
    status: 502,
    meaning: 'The service vouches for another history than the one that this client saw.',
  },
  ReceiptNotServed: {
    kind: 'refusal',
    status: 404,
    meaning: 'The service has no receipt for the transaction.',
  },
  TransactionNotCommitted: {
    kind: 'refusal',
    status: 409,
    meaning: 'The transaction was rolled back: it will never commit.',
  },
  MemoryMalformed: {
    kind: 'fault',
    status: 500,
    meaning: 'What the client remembers of services does not parse.',
  },
} as const;

export const sdkError: (
  code: keyof typeof rows,
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors(rows);
