/** Codes of @coco/http. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const httpError: (
  code: 'RequestHeaderTooLarge' | 'RequestTooSlow' | 'SessionCapExhausted',
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
});
