/** The room's refusals and faults (style rule 25). */
import type { ErrorMetadata, LedgerError } from '@coco/base';
import { defineErrors } from '@coco/base';

export type IsolateCode = 'InvalidScriptMessage';

export const isolateError: (
  code: IsolateCode,
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors<IsolateCode>({
  InvalidScriptMessage: {
    kind: 'fault',
    status: 500,
    meaning: 'A message between a node and its isolate does not parse, or has no place here.',
  },
});
