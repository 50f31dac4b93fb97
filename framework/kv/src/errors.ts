/** The refusals and faults of @coco/kv. Misuse by our own code (a wrong seqno) is an assertion. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export type KvErrorCode =
  | 'KeyTooLarge'
  | 'ValueTooLarge'
  | 'InvalidMapName'
  | 'TooManyMaps'
  | 'InvalidWriteSet'
  | 'WriteSetTooLarge'
  | 'StateForgotten'
  | 'SavepointGone'
  | 'ForeignMap'
  | 'StoreFull';

export const kvError: (
  code: KvErrorCode,
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  KeyTooLarge: { kind: 'refusal', status: 413, meaning: 'A key exceeds its limit of bytes.' },
  ValueTooLarge: { kind: 'refusal', status: 413, meaning: 'A value exceeds its limit of bytes.' },
  InvalidMapName: {
    kind: 'refusal',
    status: 400,
    meaning: 'A map name is empty, too long, or not well-formed Unicode.',
  },
  TooManyMaps: { kind: 'refusal', status: 507, meaning: 'The store holds no more maps than this.' },
  InvalidWriteSet: {
    kind: 'refusal',
    status: 400,
    meaning: 'The maps or rows of a write set are empty, doubled or out of order.',
  },
  WriteSetTooLarge: {
    kind: 'refusal',
    status: 413,
    meaning: 'What one transaction writes, or tracks of its reads, exceeds its limit of bytes.',
  },
  StateForgotten: {
    kind: 'refusal',
    status: 410,
    meaning: 'The state at this seqno is not kept any more, was rolled back, or does not exist.',
  },
  SavepointGone: {
    kind: 'refusal',
    status: 400,
    meaning: 'The savepoint belongs to another transaction or was rolled back itself.',
  },
  StoreFull: { kind: 'fault', status: 503, meaning: 'The store has no memory for these writes.' },
  ForeignMap: {
    kind: 'refusal',
    status: 403,
    meaning: 'A transaction asked for a map outside those that it was begun for.',
  },
});
