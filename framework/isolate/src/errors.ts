/** The room's refusals and faults (style rule 25). */
import type { ErrorMetadata, LedgerError } from '@coco/base';
import { defineErrors } from '@coco/base';

export type IsolateCode = 'IsolateFailed' | 'TooManyScripts' | 'InvalidScriptMessage';

export const isolateError: (
  code: IsolateCode,
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors<IsolateCode>({
  IsolateFailed: {
    kind: 'fault',
    status: 500,
    meaning: 'The isolate that runs scripts broke; this says nothing of the script.',
  },
  TooManyScripts: {
    kind: 'refusal',
    status: 503,
    meaning: 'As many calls of scripts wait as may: try again.',
  },
  InvalidScriptMessage: {
    kind: 'fault',
    status: 500,
    meaning: 'A message between a node and its isolate does not parse, or has no place here.',
  },
});
