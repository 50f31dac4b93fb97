/** Codes of @coco/adapter. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const adapterError: (
  code: 'ForeignMapRead' | 'ConformanceFailed',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  ForeignMapRead: {
    kind: 'fault',
    status: 500,
    meaning: 'An adapter tried to read a map that is not among its own.',
  },
  ConformanceFailed: {
    kind: 'fault',
    status: 500,
    meaning: 'An adapter does not keep a rule of the adapter interface.',
  },
});
