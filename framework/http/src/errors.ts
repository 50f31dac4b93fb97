/** Codes of @coco/http. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const httpError: (
  code:
    | 'NodeAnswerLost'
    | 'NodeCallsFull'
    | 'NodeUnreachable'
    | 'RequestHeaderTooLarge'
    | 'RequestTooSlow'
    | 'SessionCapExhausted'
    | 'TokenIssuerFailed',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  RequestHeaderTooLarge: {
    kind: 'refusal',
    status: 431,
    meaning: 'The headers of a request exceed their limit.',
  },
  RequestTooSlow: {
    kind: 'refusal',
    status: 408,
    meaning: 'A request did not arrive within its time.',
  },
  SessionCapExhausted: {
    kind: 'fault',
    status: 503,
    meaning: 'The interface has as many connections as it serves at once.',
  },
  TokenIssuerFailed: {
    kind: 'fault',
    status: 502,
    meaning: 'An issuer of tokens could not be asked for its keys, or gave none.',
  },
  NodeUnreachable: {
    kind: 'fault',
    status: 503,
    meaning:
      'Another node could not be reached; nothing was sent, so that the request may be repeated.',
  },
  NodeAnswerLost: {
    kind: 'fault',
    status: 504,
    meaning:
      'Another node got the request and its answer did not arrive: whether it was carried out is not known here.',
  },
  NodeCallsFull: {
    kind: 'fault',
    status: 503,
    meaning: 'Too many requests wait for another node; nothing was sent, try again shortly.',
  },
});
