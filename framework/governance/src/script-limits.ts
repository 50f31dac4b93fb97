/**
 * How long and how large a script of governance may get: what the consortium set
 * (`js_runtime_options`), and never less than CCF's defaults, so that no setting locks governance.
 */
import type { ScriptLimits } from '@coco/isolate';
import { runtimeOptions } from './app-tables.ts';
import type { Readable } from './table.ts';

/** CCF's defaultLimits. */
export const defaultLimits: ScriptLimits = {
  heapBytesMax: 100 * 1024 * 1024,
  stackBytesMax: 1024 * 1024,
  executionMsMax: 5000,
};

export function scriptLimits(state: Readable): ScriptLimits {
  const options = runtimeOptions.get(state);
  return {
    heapBytesMax: Math.max(defaultLimits.heapBytesMax, options?.max_heap_bytes ?? 0),
    stackBytesMax: Math.max(defaultLimits.stackBytesMax, options?.max_stack_bytes ?? 0),
    executionMsMax: Math.max(defaultLimits.executionMsMax, options?.max_execution_time_ms ?? 0),
  };
}
